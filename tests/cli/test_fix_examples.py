"""For every rule with a patch, its bad examples as files: mended they are clean, a second run is empty, and the API server takes them."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from localkube.api_server import ApiServer
from manifest_styles import Writer
from mending import JUDGED_KINDS, manifest, mended, mender, read
from pod_security_oracle import Oracle
from pod_strategies import everything
from specimens import broken_by, kinds_of, pod_of, policy, setting_of
from stridegate.cli.fixes.documents import Mended, Mender
from stridegate.cli.results import Fixable
from stridegate.engine.catalogue import POD_RULES
from stridegate.engine.corrections import Obstacle
from stridegate.engine.examples import JsonMap
from stridegate.model.rules import Example, Given, PodRule
from stridegate.model.vocabulary import Patching, Profile

# One for each depth at which a pod is embedded.
KINDS = ("Pod", "Deployment", "CronJob")
BAD = [
    (rule, example, kind)
    for rule in POD_RULES.values()
    for example in rule.examples
    if example.verdict == "bad"
    for kind in kinds_of(example)
    if kind in KINDS and setting_of(example, kind).creating and not setting_of(example, kind).mirror
]
NAMESPACE = "mended"


def by(rule: PodRule, example: Example) -> Mender:
    return _by(example.given, broken_by(rule, example), setting_of(example).namespace)


@functools.cache
def _by(asked: Given, named: frozenset[str], namespace: str) -> Mender:
    return mender(policy(given=asked, patching=Patching.NONE, named=named), namespace)


def text_of(example: Example, kind: str) -> str:
    return yaml.safe_dump(manifest(pod_of(example), kind), sort_keys=False)


def hopeless(result: Mended) -> bool:
    """Whether nothing is left that an edit could mend."""
    return all(each.finding.fixable is Fixable.NO for each in result.left)


@pytest.mark.parametrize("kind", KINDS)
def test_every_example_is_mended_as_far_as_patches_go_and_once(kind: str) -> None:
    for rule, example, each in BAD:
        if each != kind:
            continue
        once = mended(by(rule, example), text_of(example, kind))
        twice = mended(by(rule, example), once.after.decode())

        assert not once.problems, (rule, example.title)
        assert hopeless(once), (rule, example.title, [(left.finding.sentence, left.reason) for left in once.left])
        assert twice.after == once.after, (rule, example.title)


def test_every_rule_that_promises_a_fix_is_mended_in_a_file() -> None:
    promising = {rule.slug for rule in POD_RULES.values() if "There is no automatic fix" not in (rule.doc or "")}
    healed = set()

    for rule, example, kind in BAD:
        if kind == "CronJob":
            continue
        result = mended(by(rule, example), text_of(example, kind))
        if result.gone and rule.slug not in {left.finding.rule for left in result.left}:
            healed.add(rule.slug)

    # In a debugger, which no manifest has, or in every pod that a person makes by hand.
    assert promising <= healed
    assert healed - promising <= {"automounted-token", "default-service-account"}


@st.composite
def written_pods(draw: st.DrawFn) -> str:
    """Return pods of every kind of wrong as people write them."""
    pod = draw(everything())
    kind = draw(st.sampled_from(JUDGED_KINDS))
    return "\n".join(Writer(draw).document(manifest({"metadata": {"name": "web"}, **pod}, kind))) + "\n"


ALL = mender(policy(given=Given(profile=Profile.HARDENED), patching=Patching.NONE))


@given(written_pods())
@settings(max_examples=150)
def test_whatever_is_wrong_a_second_run_finds_nothing_to_mend(text: str) -> None:
    once = mended(ALL, text)

    twice = mended(ALL, once.after.decode())

    assert twice.after == once.after
    assert all(
        left.finding.fixable is Fixable.NO or left.reason in {Obstacle.WORSE.value, Obstacle.CONTRADICTED.value}
        for left in once.left
    )
    assert once.after.count(b"# remark") == once.before.count(b"# remark")


@pytest.fixture(scope="module")
def oracle(api_server: ApiServer) -> Iterator[Oracle]:
    with contextlib.closing(Oracle(api_server)) as oracle:
        oracle.make_namespace(NAMESPACE)
        yield oracle


@pytest.mark.api_server
def test_the_api_server_takes_every_mended_pod(oracle: Oracle) -> None:
    valid = [(rule, example) for rule, example, kind in BAD if kind == "Pod" and example.valid]
    pods: list[JsonMap] = [read(mended(by(*each), text_of(each[1], "Pod")).after) for each in valid]

    answers = oracle.ask((pod, NAMESPACE) for pod in pods)

    assert not [
        (rule.slug, example.title, answer.message)
        for (rule, example), answer in zip(valid, answers, strict=True)
        if answer.code != 201
    ]
