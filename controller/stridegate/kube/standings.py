"""Which version of a policy is in force, while its newest can be read and while it cannot."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace

from stridegate.engine.evaluate import contained
from stridegate.kube.errors import InvalidPolicy
from stridegate.kube.policies import PolicyReading, policy_generation, policy_name, read_policy, strictest_reading
from stridegate.model.policies import Policy
from stridegate.model.rules import AnyRule
from stridegate.model.vocabulary import Action, Profile

_log = logging.getLogger(__name__)


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
    """Return how a policy stands, and how it stood before as the same object.

    Whatever somebody wrote into it, and whatever is wrong with how it is read: an error here would end every replica
    that comes across the policy, one as it starts and the next.
    """
    reading = contained(read_policy, obj, rules)
    if isinstance(reading, PolicyReading):
        return Standing(policy=reading.policy, generation=policy_generation(obj), unknown_rules=reading.unknown_rules)
    if isinstance(reading.error, InvalidPolicy):
        problem = str(reading.error)
    else:
        problem = "could not be read: a fault of Stridegate's own"
        _log.error("reading a policy broke", extra={"policy": policy_name(obj)}, exc_info=reading.error)
    if before is not None:
        return replace(before, problem=problem)
    return Standing(policy=_strictest(obj, rules) if starting else None, problem=problem)


def _strictest(obj: Mapping[str, object], rules: Mapping[str, AnyRule]) -> Policy:
    """Return what counts of a policy that cannot be read as the webhook starts, since nobody knows what was in force before.

    A new one is ignored at any other time: it tightens nothing and loosens nothing.
    """
    strictest = contained(strictest_reading, obj, rules)
    if isinstance(strictest, Policy):
        return strictest
    _log.error("reading a policy broke", extra={"policy": policy_name(obj)}, exc_info=strictest.error)
    return Policy(name=policy_name(obj), profile=Profile.HARDENED, action=Action.DENY, templates=Action.DENY)
