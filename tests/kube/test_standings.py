"""Which version of a policy is in force: the last good one, the strictest reading at the start, or none."""

from __future__ import annotations

from stridegate.engine.catalogue import POD_RULES
from stridegate.kube.standings import Standing, stand
from stridegate.model.vocabulary import Action


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
