"""What the active replica does over and over: keep the installation whole, try the canary, write the policies' statuses.

Each duty is a loop that ends only when it is cancelled. What one finds, the others read here; a standby only waits.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from collections.abc import Callable

from stridegate.kube.cluster import Cluster
from stridegate.kube.errors import KubeError
from stridegate.model.policies import LabelSelector
from stridegate.operator.audits import Audited
from stridegate.operator.canaries import Canary, run_canary
from stridegate.operator.certificates import State
from stridegate.operator.errors import NotActive
from stridegate.operator.guards import GUARD, Guard, find_gap
from stridegate.operator.installation import Change, Health, Installation
from stridegate.operator.leases import Leadership
from stridegate.operator.metrics import Metrics
from stridegate.operator.mirrors import Mirrors
from stridegate.operator.pauses import pause_until
from stridegate.operator.reporting import PolicyBook, Reported, write_statuses
from stridegate.operator.statuses import Facts

_log = logging.getLogger(__name__)

# Seconds between looks: where nothing is to be expected, while a rotation is under way, and until the webhook is armed.
_STEADY, _ROTATING, _ARMING = 30.0, 5.0, 0.5
# Seconds between canaries, and until a wrong answer is checked again.
_CANARY, _DOUBT = 30.0, 2.0
# Seconds for which changes are gathered before statuses are written, and until a failed write is tried again.
_GATHERING, _RETRYING = 0.3, 5.0


def slowed(busy: int) -> float:
    """Return the seconds until the next look after so many in a row that found something to write, however many."""
    return min(0.02 * 2.0 ** min(busy, 16), _STEADY)


class Duties:
    """The duties of one replica. `scope` says which namespaces the webhook is asked about, `audited` what the audit found."""

    def __init__(  # noqa: PLR0913 - the parts that a replica is wired from
        self,
        *,
        cluster: Cluster,
        leadership: Leadership,
        installation: Installation,
        mirrors: Mirrors,
        book: PolicyBook,
        scope: LabelSelector,
        audited: Callable[[Reported], Audited | None],
        guard: Guard,
        metrics: Metrics,
    ) -> None:
        self._cluster = cluster
        self._leadership = leadership
        self._installation = installation
        self._mirrors = mirrors
        self._book = book
        self._scope = scope
        self._audited = audited
        self._guard = guard
        self._metrics = metrics
        self._health: Health | None = None
        self._canary: Canary | None = None
        # Why the guard of exemptions does not guard, if it does not, once it was looked at.
        self._gap: str | None = None
        self._gap_sought = False
        self._look_due = asyncio.Event()
        self._canary_due = asyncio.Event()
        self._guard_due = asyncio.Event()
        self._statuses_due = asyncio.Event()

    @property
    def looked(self) -> bool:
        """Whether this replica has looked after the installation at least once."""
        return self._health is not None

    def wake(self) -> None:
        """Begin at once: this replica has become the active one."""
        self._look_due.set()
        self._canary_due.set()
        self._guard_due.set()
        self._statuses_due.set()

    def policies_changed(self) -> None:
        """Take note that policies, namespaces or what was found of them are not what they were."""
        self._statuses_due.set()

    async def keep_installation(self) -> None:
        """Look and write until everything is as it must be; then look now and then."""
        busy = 0
        while True:
            pause = await self._look()
            # Somebody may undo what is written here as fast as it is written: such a fight slows down.
            busy = busy + 1 if pause == 0 else 0
            await pause_until(self._look_due, slowed(busy) if busy else pause)

    async def _look(self) -> float:
        """Look once; return the seconds until the next look, 0 where something was to be written."""
        if not self._leadership.active:
            self._installation.forget()
            self._metrics.forget_health()
            return _STEADY
        try:
            health, changes = await self._installation.tend(dt.datetime.now(dt.UTC), proven=self._proven)
        except NotActive:
            return _STEADY
        except KubeError as error:
            _log.warning("could not look after the installation: %s", error)
            return _ROTATING
        self._note(health, changes)
        if changes:
            return 0.0
        if health.unarmed is not None:
            return _ARMING
        return _STEADY if health.state is State.STEADY else _ROTATING

    @property
    def _proven(self) -> bool:
        return self._canary is not None and self._canary.problem is None

    def _note(self, health: Health, changes: list[Change]) -> None:
        for change in changes:
            self._metrics.note_change(change)
            if change.problem is None:
                _log.info("wrote %s", change.what)
            else:
                _log.warning("could not write %s: %s", change.what, change.problem)
        self._metrics.note_health(health)
        known = self._health
        if known is None or (known.unarmed, known.drift) != (health.unarmed, health.drift):
            # What the canary found before says nothing about what holds from now on.
            self._canary = None
            self._canary_due.set()
        self._health = health
        self._statuses_due.set()

    async def keep_canary(self) -> None:
        """Try the canary every half minute, and again soon after a wrong answer."""
        while True:
            if not self._leadership.active:
                self._metrics.forget_canary()
            elif self._health is not None:
                await self._try_canary()
            await pause_until(self._canary_due, _CANARY if self._proven else _DOUBT)

    async def _try_canary(self) -> None:
        canary = await asyncio.to_thread(run_canary, self._cluster, dt.datetime.now(dt.UTC))
        self._metrics.note_canary(canary)
        known, self._canary = self._canary, canary
        if known is None or known.problem != canary.problem:
            _log.info("canary: %s", canary.problem or "the good pod is admitted, the bad one refused")
            self._look_due.set()
            self._statuses_due.set()

    async def keep_guard(self) -> None:
        """Look every half minute whether only those grant exemptions who may, and again soon where it is not so."""
        while True:
            if self._leadership.active:
                well = await self._seek_gap()
            else:
                well, self._gap_sought = True, False
                self._metrics.forget_guard()
            await pause_until(self._guard_due, _STEADY if well else _ROTATING)

    async def _seek_gap(self) -> bool:
        """Look at the guard once; return whether it guards."""
        try:
            gap = await asyncio.to_thread(find_gap, self._cluster, self._guard)
        except KubeError as error:
            _log.warning("could not look at the guard of exemptions: %s", error)
            return False
        self._metrics.note_guard(GUARD, guards=gap is None)
        if not self._gap_sought or gap != self._gap:
            _log.log(logging.WARNING if gap else logging.INFO, "guard of exemptions: %s", gap or "as it must be")
            self._gap, self._gap_sought = gap, True
            self._statuses_due.set()
        return gap is None

    async def keep_statuses(self) -> None:
        """Write the policies' statuses whenever something changed that they depend on."""
        while True:
            await self._statuses_due.wait()
            await asyncio.sleep(_GATHERING)
            self._statuses_due.clear()
            try:
                await self._write_statuses()
            except NotActive:
                continue
            except KubeError as error:
                _log.warning("could not write the policies' statuses: %s", error)
                await asyncio.sleep(_RETRYING)
                self._statuses_due.set()

    async def _write_statuses(self) -> None:
        if not self._mirrors.synced:
            return
        reported = self._book.read(self._mirrors.policies.items())
        self._metrics.policies.set(len(reported))
        self._metrics.policies_broken.set(sum(each.broken for each in reported))
        unasked = (not self._scope.matches(labels) for labels in self._mirrors.namespaces.values().values())
        self._metrics.excluded_namespaces.set(sum(unasked))
        health, canary = self._health, self._canary
        # Before the first look, and between a look that found the webhook armed and its dry-run, there is nothing to
        # say yet: a status that changes back and forth at each start of the operator would hide when it really did.
        nothing_known = health is None or (canary is None and health.unarmed is None) or not self._gap_sought
        if health is None or nothing_known or not self._leadership.active:
            return
        facts = Facts(
            health=health,
            canary=canary,
            guard=self._gap,
            namespaces=self._mirrors.namespaces.values(),
            scope=self._scope,
        )
        audited = [(each, self._audited(each)) for each in reported]
        await write_statuses(self._cluster, self._leadership, self._mirrors.policies, audited, facts)
