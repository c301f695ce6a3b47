"""Which version of a policy is in force: the last good one, the strictest reading at the start, or none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stridegate.admission.policy_set import compiled
from stridegate.engine.catalogue import POD_RULES
from stridegate.kube.policies import PARAMETERS
from stridegate.kube.standings import Standing, stand
from stridegate.model.vocabulary import Action, Profile


def written(action: str, generation: int = 1) -> dict[str, object]:
    return {"metadata": {"name": "p", "generation": generation}, "spec": {"profile": "baseline", "action": action}}


def stands(action: str, before: Standing | None = None, *, starting: bool = False, generation: int = 1) -> Standing:
    return stand(written(action, generation), POD_RULES, before, starting=starting)


def test_a_policy_that_can_be_read_is_in_force() -> None:
    standing = stands("warn", stands("audit"), generation=2)

    assert standing.policy is not None
    assert (standing.policy.action, standing.generation, standing.problem) == (Action.WARN, 2, None)


def test_what_was_in_force_outlives_a_version_that_cannot_be_read() -> None:
    good = stands("audit")

    standing = stands("never", stands("sometimes", good, generation=2), generation=3)

    assert standing.policy is good.policy
    assert standing.generation == 1
    assert standing.problem == "policy p: spec.action: wanted off, audit, warn or deny, got 'never'"


def test_a_new_policy_that_cannot_be_read_is_not_in_force_however_it_changes() -> None:
    standing = stands("never", stands("sometimes"))

    assert standing.policy is None


def test_at_the_start_a_policy_that_cannot_be_read_counts_as_its_strictest_reading() -> None:
    standing = stands("sometimes", starting=True)

    assert standing.policy is not None
    assert (standing.policy.action, standing.generation) == (Action.DENY, 0)
    assert standing.problem is not None


class Hostile(Mapping[str, object]):
    """What cannot even be looked at."""

    def __getitem__(self, key: str) -> object:
        raise ZeroDivisionError(key)

    def __iter__(self) -> Iterator[str]:
        raise ZeroDivisionError

    def __len__(self) -> int:
        raise ZeroDivisionError


def test_a_fault_of_our_own_reading_leaves_what_was_in_force(caplog: pytest.LogCaptureFixture) -> None:
    good = stands("audit")

    standing = stand({"metadata": {"name": "p"}, "spec": Hostile()}, POD_RULES, good, starting=True)

    assert standing.policy is good.policy
    assert standing.problem == "could not be read: a fault of Stridegate's own"
    assert "reading a policy broke" in caplog.text


def test_at_the_start_a_policy_that_breaks_its_strictest_reading_too_denies_everything() -> None:
    standing = stand({"metadata": {"name": "p"}, "spec": Hostile()}, POD_RULES, None, starting=True)

    assert standing.policy is not None
    assert (standing.policy.name, standing.policy.profile, standing.policy.action) == (
        "p",
        Profile.HARDENED,
        Action.DENY,
    )
    assert standing.policy.selector.requirements == ()


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["deny", "v1.36", "1e999999", "-1", ""]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "action": ANYTHING,
        "override": ANYTHING,
        "parameters": ANYTHING | st.dictionaries(st.sampled_from([*PARAMETERS]), ANYTHING, max_size=2),
    },
)
SPECS = ANYTHING | st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("profile", "action", "patching", "templates", "podSecurityVersion", "rulesVersion"), ANYTHING),
        "namespaceSelector": ANYTHING | st.fixed_dictionaries({"matchExpressions": ANYTHING, "matchLabels": ANYTHING}),
        "rules": ANYTHING | st.dictionaries(st.sampled_from([*POD_RULES]), SETTINGS, max_size=2),
        "exclude": ANYTHING
        | st.lists(st.fixed_dictionaries({"namespaces": ANYTHING, "workload": ANYTHING}), max_size=2),
    },
)


@given(spec=SPECS, name=ANYTHING)
def test_whatever_stands_in_a_policy_a_starting_replica_gets_one_to_enforce(spec: object, name: object) -> None:
    standing = stand({"metadata": {"name": name}, "spec": spec}, POD_RULES, None, starting=True)

    assert standing.policy is not None
    assert standing.problem != "could not be read: a fault of Stridegate's own"
    compiled(standing.policy, POD_RULES)
