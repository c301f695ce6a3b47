"""Writing the policies' statuses, each only when it is to say something else than it does."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from stridegate.kube.cluster import Cluster
from stridegate.kube.errors import Conflict, InvalidPolicy, NotFound
from stridegate.kube.objects import Metadata
from stridegate.kube.policies import PolicyReading, policy_generation, read_policy, strictest_reading
from stridegate.model.policies import Policy
from stridegate.model.rules import PodRule
from stridegate.operator.leases import Leadership
from stridegate.operator.mirrors import Mirror
from stridegate.operator.statuses import Facts, status_of, to_apply

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a policy was read, and which version of it is in force."""

    metadata: Metadata
    obj: Mapping[str, object]
    outcome: PolicyReading | InvalidPolicy
    in_force: Policy

    @property
    def broken(self) -> bool:
        """Whether it cannot be read."""
        return isinstance(self.outcome, InvalidPolicy)


class PolicyBook:
    """Every policy as it stands; remembers the last good version of each."""

    def __init__(self, rules: Mapping[str, PodRule]) -> None:
        self._rules = rules
        self._good: dict[str, Policy] = {}

    def standings(self, policies: Iterable[tuple[Metadata, Mapping[str, object]]]) -> list[Standing]:
        """Return how all policies stand; those that are not among them are forgotten."""
        standings = [self._standing(metadata, obj) for metadata, obj in policies]
        remembered = {each.metadata.uid for each in standings}
        self._good = {uid: policy for uid, policy in self._good.items() if uid in remembered}
        return standings

    def _standing(self, metadata: Metadata, obj: Mapping[str, object]) -> Standing:
        try:
            reading = read_policy(obj, self._rules)
        except InvalidPolicy as problem:
            return Standing(metadata, obj, problem, self._good.get(metadata.uid) or strictest_reading(obj))
        self._good[metadata.uid] = reading.policy
        return Standing(metadata, obj, reading, reading.policy)


async def write_statuses(
    cluster: Cluster,
    leadership: Leadership,
    policies: Mirror[Mapping[str, object]],
    standings: Iterable[Standing],
    facts: Facts,
) -> None:
    """Write the statuses that are not as they must be. Raises KubeError and NotActive."""
    for each in standings:
        fields, conditions = status_of(each.outcome, each.in_force, policy_generation(each.obj), facts)
        status = to_apply(fields, conditions, each.obj.get("status"), dt.datetime.now(dt.UTC))
        if status is None:
            continue
        leadership.require()
        try:
            policies.observe(await asyncio.to_thread(cluster.apply_policy_status, each.metadata, status))
        except (NotFound, Conflict) as error:
            _log.info("a policy was deleted or made anew meanwhile: %s", error)
