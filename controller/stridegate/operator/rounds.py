"""When the active replica walks through all pods, and what it last found there."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from stridegate.engine.exemptions import compile_exemptions
from stridegate.kube.errors import KubeError
from stridegate.kube.reader import Reader
from stridegate.model.exemptions import Exemption, ExemptionState
from stridegate.model.policies import LabelSelector, Policy
from stridegate.model.rules import PodRule
from stridegate.operator.audits import Audit, Audited
from stridegate.operator.errors import NotActive
from stridegate.operator.exemptions import Usage, read
from stridegate.operator.leases import Leadership
from stridegate.operator.metrics import Metrics
from stridegate.operator.mirrors import Mirrors
from stridegate.operator.pauses import pause_until
from stridegate.operator.reporting import PolicyBook, Reported
from stridegate.operator.walks import Ground, Pace, Walk

_log = logging.getLogger(__name__)

# Seconds from a walk that failed to the next, and between looks while there is nothing to do.
_RETRYING, _IDLE = 60.0, 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _InForce:
    """What a walk begins with: policies and exemptions by uid."""

    policies: Mapping[str, Policy]
    exemptions: Mapping[str, Exemption]


class Rounds:
    """The walks of one replica, and what the last one found."""

    def __init__(  # noqa: PLR0913 - the parts that a replica is wired from
        self,
        *,
        leadership: Leadership,
        mirrors: Mirrors,
        book: PolicyBook,
        rules: Mapping[str, PodRule],
        scope: LabelSelector,
        metrics: Metrics,
        pace: Pace,
    ) -> None:
        self._leadership = leadership
        self._mirrors = mirrors
        self._book = book
        self._rules = rules
        self._scope = scope
        self._metrics = metrics
        self._pace = pace
        self._due = asyncio.Event()
        # What was found for each policy by the last walk that judged it: by uid, with the version of it that was judged.
        self._found: dict[str, tuple[Policy, Audited]] = {}
        # What it found of each exemption, by uid.
        self._uses: dict[str, Usage] = {}
        # What the last walk began with; None before there was one that succeeded.
        self._walked: _InForce | None = None
        self._next = 0.0
        self._soonest = 0.0

    def wake(self) -> None:
        """Begin at once: this replica has become the active one."""
        self._next = time.monotonic() + self._pace.gathering
        self._due.set()

    def policies_changed(self) -> None:
        """Take note that policies, exemptions or namespaces may not be what they were."""
        self._due.set()

    def audited(self, reported: Reported) -> Audited | None:
        """Return what the last walk that judged a policy as it stands found; None where there was none."""
        policy, audited = self._found.get(reported.metadata.uid, (None, None))
        return audited if policy is not None and policy == reported.standing.policy else None

    def used(self, uid: str) -> Usage | None:
        """Return what the last walk says of an exemption; None where it says nothing."""
        return self._uses.get(uid)

    async def keep(self, reader: Reader, told: Callable[[], None]) -> None:
        """Walk through all pods over and over, and soon after policies changed, and tell of every walk; a standby only waits."""
        while True:
            wait = self._wait()
            if wait > 0:
                await pause_until(self._due, wait)
            elif await self._walk(reader):
                told()

    def _wait(self) -> float:
        """Return the seconds until the next walk is due, 0 where it is now."""
        if not self._leadership.active:
            self._forget()
            return _IDLE
        if not self._mirrors.synced:
            return _IDLE
        now = time.monotonic()
        if self._walked is not None and self._walked != self._in_force():
            # At most once: a failure of the walk that follows waits its turn.
            self._walked = None
            self._next = min(self._next, max(now + self._pace.gathering, self._soonest))
        return max(0.0, self._next - now)

    def _forget(self) -> None:
        if self._found:
            self._found, self._uses, self._walked = {}, {}, None
            self._metrics.forget_audit()

    def _in_force(self) -> _InForce:
        reported = self._book.read(self._mirrors.policies.items())
        exemptions = ((metadata.uid, read(obj)) for metadata, obj in self._mirrors.exemptions.items())
        return _InForce(
            policies={each.metadata.uid: each.standing.policy for each in reported if each.standing.policy is not None},
            exemptions={uid: each for uid, each in exemptions if isinstance(each, Exemption)},
        )

    async def _walk(self, reader: Reader) -> bool:
        """Walk once; return whether that was completed."""
        in_force = self._in_force()
        ground = Ground(
            policies=tuple(in_force.policies.values()),
            granted=compile_exemptions(in_force.exemptions.values()),
            namespaces=self._mirrors.namespaces.values,
            scope=self._scope,
        )
        walk = Walk(ground, self._rules, self._leadership.require, self._pace)
        began = time.monotonic()
        try:
            audit = await walk.through(reader)
        except NotActive:
            return False
        except KubeError as error:
            _log.warning("the audit ended after %d pods, and earlier numbers stay: %s", walk.pods, error)
            self._metrics.audit_errors.inc()
            self._next = time.monotonic() + min(_RETRYING, self._pace.interval)
            return False
        ended = time.monotonic()
        self._walked = in_force
        self._next, self._soonest = (
            max(began + self._pace.interval, ended),
            ended + max(self._pace.floor, ended - began),
        )
        self._take(in_force, audit, ended - began)
        return True

    def _take(self, in_force: _InForce, audit: Audit, seconds: float) -> None:
        self._found = {uid: (policy, audit.policies[policy.name]) for uid, policy in in_force.policies.items()}
        uses = ((uid, usage(each, audit)) for uid, each in in_force.exemptions.items())
        self._uses = {uid: each for uid, each in uses if each is not None}
        self._metrics.note_audit(audit, seconds)
        _log.info(
            "audited %d pods in %.1f s: %d findings, %d refusals by policies that would deny, %d of them today",
            sum(audit.pods.values()),
            seconds,
            sum(audit.findings.values()),
            sum(each.would_deny for each in audit.policies.values()),
            sum(each.survivors for each in audit.policies.values()),
        )


def usage(exemption: Exemption, audit: Audit) -> Usage | None:
    """Return what a walk says of an exemption: whether something that runs needs it, and what of it nothing needs.

    It says nothing of exemptions of nodes, nor of those that are not in force.
    """
    if exemption.workload is None or exemption.state(audit.at.timestamp()) is not ExemptionState.ACTIVE:
        return None
    use = audit.uses.get((exemption.namespace, exemption.name))
    if use is None:
        return Usage(now=False, last=None)
    spare = [f"the rule {slug}" for slug in sorted(exemption.rules - use.rules)]
    spare += [f"the container {name}" for name in sorted(exemption.containers - use.containers)]
    return Usage(now=True, last=audit.at, spare=tuple(spare))
