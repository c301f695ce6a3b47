"""One active replica, any number of standbys: the Lease that they share.

As in client-go, nobody compares clocks: a standby takes over once the Lease has not changed for its duration by the
standby's own clock. The holder stops writing some seconds before that, whether or not it can reach the API server.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from collections.abc import Callable

from stridegate.kube.cluster import Cluster
from stridegate.kube.errors import KubeError
from stridegate.kube.objects import Lease, LeaseSpec
from stridegate.operator.errors import NotActive

_log = logging.getLogger(__name__)

NAME = "stridegate-operator"
# Seconds: after how much silence a standby takes over, how long a renewal lets its holder write, and how often it
# renews.
DURATION = 15
HOLDING = 10
RENEWING = 3

_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"  # metav1.MicroTime


def claim(current: LeaseSpec | None, identity: str, *, now: dt.datetime, silent: bool) -> LeaseSpec | None:
    """Return the Lease as this replica may write it now, None while another holds it.

    `silent` says that the Lease has not changed for its duration.
    """
    held = current or LeaseSpec()
    mine = held.holder_identity == identity
    if held.holder_identity and not mine and not silent:
        return None
    transitions = held.lease_transitions or 0
    return LeaseSpec(
        holder_identity=identity,
        lease_duration_seconds=DURATION,
        acquire_time=held.acquire_time if mine and held.acquire_time else now.strftime(_TIME),
        renew_time=now.strftime(_TIME),
        lease_transitions=transitions if mine else transitions + 1,
    )


class Leadership:
    """Whether this replica is the active one. `clock` counts seconds and never goes back."""

    def __init__(self, cluster: Cluster, namespace: str, identity: str, clock: Callable[[], float]) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._identity = identity
        self._clock = clock
        self._holding_until = float("-inf")
        self._version = ""
        self._changed_at = clock()

    @property
    def active(self) -> bool:
        """Whether this replica may write now."""
        return self._clock() < self._holding_until

    def require(self) -> None:
        """Raise NotActive unless this replica may write now."""
        if not self.active:
            raise NotActive(self._identity)

    def renew(self, now: dt.datetime) -> None:
        """Take or renew the Lease if that is possible. Raises KubeError where it could not be read or written."""
        asked = self._clock()
        lease = self._cluster.lease(self._namespace, NAME)
        spec = claim(lease.spec, self._identity, now=now, silent=self._silent(lease))
        if spec is None:
            self._holding_until = float("-inf")
            return
        written = self._cluster.write_lease(lease, spec)
        self._version, self._changed_at = written.metadata.resource_version, self._clock()
        self._holding_until = asked + HOLDING

    def release(self) -> None:
        """Let a standby take over at once, where this replica holds the Lease. Raises KubeError."""
        if not self.active:
            return
        self._holding_until = float("-inf")
        lease = self._cluster.lease(self._namespace, NAME)
        if lease.spec is not None and lease.spec.holder_identity == self._identity:
            self._cluster.write_lease(lease, LeaseSpec(lease_transitions=lease.spec.lease_transitions))

    def _silent(self, lease: Lease) -> bool:
        if lease.metadata.resource_version != self._version:
            self._version, self._changed_at = lease.metadata.resource_version, self._clock()
        duration = (lease.spec.lease_duration_seconds if lease.spec else None) or DURATION
        return self._clock() - self._changed_at >= duration


async def keep_renewing(leadership: Leadership, became_active: Callable[[], None]) -> None:
    """Hold on to the Lease for ever, or wait for it; tell each time this replica becomes the active one."""
    was_active = False
    while True:
        try:
            await asyncio.to_thread(leadership.renew, dt.datetime.now(dt.UTC))
        except KubeError as error:
            _log.warning("the Lease was not renewed: %s", error)
        if leadership.active and not was_active:
            _log.info("this replica is active")
            became_active()
        elif was_active and not leadership.active:
            _log.warning("this replica is not active any more")
        was_active = leadership.active
        await asyncio.sleep(RENEWING if was_active else 1)
