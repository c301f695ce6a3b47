"""What the API server itself accepts: the examples as they say, and every pod that we patch if it accepted it before."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from localkube.api_server import ApiServer
from pod_further_steps import FURTHER_STEPS
from pod_security_oracle import Oracle
from pod_steps import OWN_STEPS, STANDARD_STEPS, containers
from pod_strategies import pods
from specimens import HERE, laid_over, patched, pod_of, policy, regime, view
from stridegate.engine.catalogue import POD_RULES
from stridegate.engine.examples import JsonMap
from stridegate.engine.mend import mend
from stridegate.engine.policies import Regime
from stridegate.model.errors import BadQuantity
from stridegate.model.quantities import parse_quantity
from stridegate.model.rules import Given, Parameters, Quantity
from stridegate.model.vocabulary import Patching, Profile

pytestmark = pytest.mark.api_server

NAMESPACE: Final = "unlabelled"
PODS_PER_RUN: Final = 1500
AT_ONCE: Final = 25

PARAMETERS: Final = Parameters(
    default=Quantity("256Mi", Fraction(256 * 2**20)),
    ceiling=Quantity("8Gi", Fraction(8 * 2**30)),
    size_limit=Quantity("64Mi", Fraction(64 * 2**20)),
    paths=("/srv/x", "/run"),
)
REGIMES: Final = [
    regime(
        policy(
            given=Given(profile=profile, pod_security=minor, parameters=PARAMETERS),
            patching=patching,
            override=override,
        )
    )
    for profile, minor, patching, override in (
        (Profile.HARDENED, 37, Patching.SAFE, False),
        (Profile.HARDENED, 37, Patching.ALL, False),
        (Profile.HARDENED, 37, Patching.ALL, True),
        (Profile.HARDENED, 24, Patching.ALL, True),
        (Profile.RESTRICTED, 30, Patching.ALL, False),
    )
]


@pytest.fixture(scope="module")
def oracle(api_server: ApiServer) -> Iterator[Oracle]:
    with contextlib.closing(Oracle(api_server)) as oracle:
        oracle.make_namespace(NAMESPACE)
        yield oracle


SHOWN: Final = [(rule, example) for rule in POD_RULES.values() for example in rule.examples]


def test_examples_are_valid_pods_where_they_do_not_say_otherwise(oracle: Oracle) -> None:
    answers = oracle.ask((pod_of(example), NAMESPACE) for _, example in SHOWN)

    wrong = [
        (rule.slug, example.title, answer.message)
        for (rule, example), answer in zip(SHOWN, answers, strict=True)
        if example.valid is not (answer.code == 201)
    ]
    assert not wrong


def test_patched_examples_are_valid_pods(oracle: Oracle) -> None:
    everything = REGIMES[2]
    healed = [
        (rule, example, patched(pod, mend(everything, view(pod), HERE).operations))
        for rule, example in SHOWN
        if example.valid
        for pod in [pod_of(example)]
    ]

    answers = oracle.ask((pod, NAMESPACE) for _, _, pod in healed)

    wrong = [
        (rule.slug, example.title, answer.message)
        for (rule, example, _), answer in zip(healed, answers, strict=True)
        if answer.code != 201
    ]
    assert not wrong


QUANTITIES: Final[tuple[str | int | float, ...]] = (
    *(
        "0",
        "-1",
        "+1",
        "512m",
        "1e9",
        "1E9",
        "1E",
        "1e-3",
        "0.5Gi",
        ".5Gi",
        "5.",
        "1n",
        "1u",
        "1k",
        "1Ki",
        "2Ei",
        "1e+9",
    ),
    *("1 Gi", "1gi", "1KI", "1K", "1mi", "1e", "1e+", "1e1.5", "--1", "0x10", "1_000"),
    *("\u0661", "NaN", "inf", "Infinity", "1Zi", "1m5", "1MiB", "0Mi", "0.0", 0, 1, 512, 0.5, 1e9, True),
)
# Webhooks never meet these: the API server writes every quantity out anew ("1Gi", "0"). What comes from a file and looks
# like them is a slip, and fails.
SLIPS: Final = (" 1Gi", "1Gi ", "Gi", ".")


def test_what_is_a_quantity_is_one_to_the_api_server(oracle: Oracle) -> None:
    def limited(limit: str | float) -> JsonMap:
        pod = laid_over("containers: [{name: app, resources: null}]")
        containers(pod)[0]["resources"] = {"limits": {"memory": limit}}
        return pod

    asked = (*QUANTITIES, *SLIPS)

    answers = oracle.ask((limited(quantity), NAMESPACE) for quantity in asked)

    theirs = [repr(quantity) for quantity, answer in zip(asked, answers, strict=True) if answer.code != 400]
    ours = [repr(quantity) for quantity in asked if parsed(quantity)]
    assert [*ours, *map(repr, SLIPS)] == theirs


def parsed(quantity: str | float) -> bool:
    try:
        parse_quantity(quantity)
    except BadQuantity:
        return False
    return True


def test_a_pod_that_was_accepted_is_accepted_with_its_patches(oracle: Oracle) -> None:
    seen: Counter[str] = Counter()

    @settings(
        max_examples=PODS_PER_RUN // AT_ONCE,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.explicit, Phase.reuse, Phase.generate),
    )
    @given(
        st.lists(
            st.tuples(pods(steps=STANDARD_STEPS + OWN_STEPS + FURTHER_STEPS, most=8), st.sampled_from(REGIMES)),
            min_size=AT_ONCE,
            max_size=AT_ONCE,
        )
    )
    def compare(drawn: list[tuple[JsonMap, Regime]]) -> None:
        mended = [(pod, mend(asked, view(pod), HERE).operations) for pod, asked in drawn]
        changed = [(pod, patched(pod, operations)) for pod, operations in mended if operations]
        before = oracle.ask((pod, NAMESPACE) for pod, _ in changed)
        after = oracle.ask((pod, NAMESPACE) for _, pod in changed)
        for (pod, better), old, new in zip(changed, before, after, strict=True):
            seen[f"{old.code} {new.code}"] += 1
            assert old.code != 201 or new.code == 201, (new.message, pod, better)

    compare()

    assert seen["201 201"] > PODS_PER_RUN / 4, seen
