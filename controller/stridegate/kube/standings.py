"""Which version of a policy is in force, while its newest can be read and while it cannot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from stridegate.kube.errors import InvalidPolicy
from stridegate.kube.policies import policy_generation, read_policy, strictest_reading
from stridegate.model.policies import Policy
from stridegate.model.rules import AnyRule


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What of a policy is in force: nothing where `policy` is None.

    `generation` is the object's, of the version in force; 0 for none that could be read. `problem` says why the newest
    version cannot be read, and `unknown_rules` which rules it names that this version of Stridegate has not.
    """

    policy: Policy | None
    generation: int = 0
    problem: str | None = None
    unknown_rules: tuple[str, ...] = ()


def stand(
    obj: Mapping[str, object], rules: Mapping[str, AnyRule], before: Standing | None, *, starting: bool
) -> Standing:
    """Return how a policy stands, and how it stood before as the same object."""
    try:
        reading = read_policy(obj, rules)
    except InvalidPolicy as problem:
        return stand_in(obj, rules, before, problem=str(problem), starting=starting)
    return Standing(policy=reading.policy, generation=policy_generation(obj), unknown_rules=reading.unknown_rules)


def stand_in(
    obj: Mapping[str, object],
    rules: Mapping[str, AnyRule],
    before: Standing | None,
    *,
    problem: str,
    starting: bool,
) -> Standing:
    """Return how a policy stands that cannot be read.

    What was in force of it stays. A new one is ignored: it tightens nothing and loosens nothing. Only at the start
    nobody knows what was in force before, so that it counts as its strictest reading.
    """
    if before is not None:
        return replace(before, problem=problem)
    return Standing(policy=strictest_reading(obj, rules) if starting else None, problem=problem)
