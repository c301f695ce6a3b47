"""Writing the policies' statuses, each only when it is to say something else than it does."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from stridegate.kube.cluster import Cluster
from stridegate.kube.errors import Conflict, NotFound
from stridegate.kube.objects import Metadata
from stridegate.kube.policies import policy_generation
from stridegate.kube.standings import Standing, stand
from stridegate.model.rules import AnyRule
from stridegate.operator.audits import Audited, audit_fields
from stridegate.operator.conditions import to_apply
from stridegate.operator.leases import Leadership
from stridegate.operator.mirrors import Mirror
from stridegate.operator.statuses import Facts, status_of

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reported:
    """A policy, and how it stands."""

    metadata: Metadata
    obj: Mapping[str, object]
    standing: Standing

    @property
    def broken(self) -> bool:
        """Whether it cannot be read."""
        return self.standing.problem is not None


class PolicyBook:
    """Every policy as it stands; remembers how each stood before, as the replicas of the webhook do."""

    def __init__(self, rules: Mapping[str, AnyRule]) -> None:
        self._rules = rules
        # By uid; None before policies were listed for the first time.
        self._known: dict[str, Standing] | None = None

    def read(self, policies: Iterable[tuple[Metadata, Mapping[str, object]]]) -> list[Reported]:
        """Return how all policies stand, of a complete list; those that are not in it are forgotten."""
        known, starting = self._known or {}, self._known is None
        reported = [
            Reported(metadata, obj, stand(obj, self._rules, known.get(metadata.uid), starting=starting))
            for metadata, obj in policies
        ]
        self._known = {each.metadata.uid: each.standing for each in reported}
        return reported


async def write_statuses(
    cluster: Cluster,
    leadership: Leadership,
    policies: Mirror[Mapping[str, object]],
    reported: Iterable[tuple[Reported, Audited | None]],
    facts: Facts,
) -> None:
    """Write the statuses that are not as they must be, each with what the audit found. Raises KubeError and NotActive."""
    for each, audited in reported:
        live = each.obj.get("status")
        fields, conditions = status_of(each.standing, policy_generation(each.obj), facts)
        fields |= audit_fields(audited, live)
        status = to_apply(fields, conditions, live, dt.datetime.now(dt.UTC))
        if status is None:
            continue
        leadership.require()
        try:
            policies.observe(await asyncio.to_thread(cluster.apply_policy_status, each.metadata, status))
        except (NotFound, Conflict) as error:
            _log.info("a policy was deleted or made anew meanwhile: %s", error)
