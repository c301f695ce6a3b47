"""Keeping one report for each node: created with it, told what changes of it, called stale when nobody looks after it."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import chain
from typing import NoReturn

from stridegate.kube.cluster import Cluster
from stridegate.kube.errors import KubeError
from stridegate.kube.known_reports import KnownReport, ListedReport, Reduction
from stridegate.kube.nodes import NODES, ListedNode, Machine, machine_of
from stridegate.kube.objects import Json, Metadata
from stridegate.kube.reader import Reader
from stridegate.kube.reports import REPORTS
from stridegate.model.exemptions import Exemption
from stridegate.model.reports import CLUSTER_REPORT
from stridegate.operator.assignments import (
    Settings,
    cluster_report,
    control_plane_addresses,
    difference,
    exempted,
    misplaced,
    node_exemptions,
    node_report,
    stands,
)
from stridegate.operator.conditions import Condition, to_apply
from stridegate.operator.crews import work_through
from stridegate.operator.errors import NotActive
from stridegate.operator.following import Followed
from stridegate.operator.freshness import freshness, of_windows
from stridegate.operator.leases import Leadership
from stridegate.operator.ledgers import Ledger
from stridegate.operator.metrics import Metrics
from stridegate.operator.occurrences import Occurrences
from stridegate.operator.pauses import pause_until
from stridegate.operator.scanners import Scanners
from stridegate.operator.writing import HANDS, Writing

_log = logging.getLogger(__name__)

# Seconds for which changes are gathered, and how many more for each node, since each round looks at all of them; seconds
# between looks at the clock, and until a failure is tried again.
_GATHERING, _PER_NODE = 1.0, 0.001
_LOOKING, _RETRYING = 30.0, 5.0

_Work = Callable[[], Awaitable[None]]


class Ledgers:
    """The nodes and the reports that there are."""

    def __init__(self) -> None:
        self.nodes: Ledger[ListedNode, Machine] = Ledger(NODES, ListedNode, machine_of, page=250)
        self.reports: Ledger[ListedReport, KnownReport] = Ledger(REPORTS, ListedReport, Reduction(), page=50)

    @property
    def synced(self) -> bool:
        """Whether both have been listed."""
        return self.nodes.synced and self.reports.synced

    @property
    def kinds(self) -> tuple[Followed, ...]:
        """What is to be followed. Reports are listed first: one whose node is not in a later list is about a node that is gone."""
        return (
            Followed(group="stridegate.dev", version="v1alpha1", plural="hardeningreports", ledger=self.reports),
            Followed(group="", version="v1", plural="nodes", ledger=self.nodes),
        )


class NodeReports:
    """The reports of the nodes. `home` is Stridegate's namespace, `exemptions` tells all that can be read."""

    def __init__(  # noqa: PLR0913 - the parts that a replica is wired from
        self,
        *,
        cluster: Cluster,
        leadership: Leadership,
        ledgers: Ledgers,
        exemptions: Callable[[], Iterable[Exemption]],
        home: str,
        settings: Settings,
        metrics: Metrics,
    ) -> None:
        self._cluster = cluster
        self._leadership = leadership
        self._ledgers = ledgers
        self._exemptions = exemptions
        self._home = home
        self._settings = settings
        self._metrics = metrics
        self._occurrences = Occurrences()
        self._scanners = Scanners()
        self._due = asyncio.Event()
        self._writing = Writing(leadership.require)
        # The uids of reports that were deleted, and that nobody has told of yet.
        self._removed: set[str] = set()

    def wake(self) -> None:
        """Take note that nodes, reports or exemptions are not what they were, or that this replica has become the active one."""
        self._due.set()

    async def keep(self, reader: Reader) -> NoReturn:
        """Follow the scanners, and write what is missing over and over; a standby only waits."""
        async with asyncio.TaskGroup() as tasks:
            if self._settings.scanning:
                tasks.create_task(self._scanners.keep(reader, self.wake))
            while True:
                await self._look()

    async def _look(self) -> None:
        pause = _LOOKING
        try:
            await self._tend()
        except NotActive:
            self._occurrences.forget()
            self._metrics.forget_reports()
        except KubeError as error:
            _log.warning("could not keep the nodes' reports: %s", error)
            pause = _RETRYING
        await pause_until(self._due, pause)
        await asyncio.sleep(_GATHERING + _PER_NODE * len(self._ledgers.nodes))
        self._due.clear()

    async def _tend(self) -> None:
        """Write what follows from what is known. Raises KubeError and NotActive."""
        self._leadership.require()
        if not self._ledgers.synced:
            return
        machines, reports, now = self._ledgers.nodes.values(), self._ledgers.reports.values(), time.time()
        await work_through(self._removals(machines, reports), HANDS)
        wanted = chain((cluster_report(),), self._wanted(machines, reports, now))
        await work_through((partial(self._apply, each, reports) for each in wanted), HANDS)
        await work_through(self._tellings(machines, reports, now), HANDS)
        for event in self._occurrences.news(self._ledgers.reports.values(), now):
            await self._writing.send(self._cluster.create_event, event)
        self._metrics.note_reports(self._ledgers.reports.values().values(), now)

    def _wanted(
        self, machines: Mapping[str, Machine], reports: Mapping[str, KnownReport], now: float
    ) -> Iterator[Json]:
        if not self._settings.scanning:
            return
        addresses = control_plane_addresses(machines.values())
        exemptions = node_exemptions(self._exemptions(), self._home, now)
        for machine in machines.values():
            if machine.name != CLUSTER_REPORT:  # that name is taken
                known = reports.get(machine.name)
                distro = known.distro if known is not None and not misplaced(known, machine) else ""
                yield node_report(machine, self._settings, addresses, exempted(machine, exemptions), distro)

    def _removals(self, machines: Mapping[str, Machine], reports: Mapping[str, KnownReport]) -> Iterator[_Work]:
        """Yield what deletes the reports on nodes that are gone, where the API server has not done so, or that nobody scans."""
        self._removed &= {known.uid for known in reports.values()}
        for name, known in reports.items():
            scanned = self._settings.scanning or name == CLUSTER_REPORT
            leaving = known.leaving or known.uid in self._removed
            if not leaving and (not scanned or misplaced(known, machines.get(name))):
                yield partial(self._remove, known)

    async def _remove(self, known: KnownReport) -> None:
        why = "is gone" if self._settings.scanning else "is not scanned"
        _log.info("deleting the report of node %s, which %s", known.name, why)
        await self._writing.send(self._cluster.delete_report, _about(known))
        self._removed.add(known.uid)

    async def _apply(self, wanted: Json, reports: Mapping[str, KnownReport]) -> None:
        metadata = wanted["metadata"]
        name = str(metadata["name"]) if isinstance(metadata, dict) else ""
        known = reports.get(name)
        if known is not None and (known.leaving or stands(known, wanted)):
            return
        if known is None:
            self._observe(await self._writing.send(self._cluster.create_report, wanted))
        else:
            self._observe(await self._writing.send(self._cluster.change_report, name, difference(known, wanted)))

    def _tellings(
        self, machines: Mapping[str, Machine], reports: Mapping[str, KnownReport], now: float
    ) -> Iterator[_Work]:
        """Yield what writes the conditions, unless nobody knows where scanners are Ready."""
        if not (self._settings.scanning and self._scanners.current):
            return
        scanning = self._scanners.nodes()
        for name, machine in machines.items():
            known = reports.get(name)
            if known is not None and not misplaced(known, machine):
                yield partial(self._tell, known, machine, scanning=name in scanning, now=now)

    async def _tell(self, known: KnownReport, machine: Machine, *, scanning: bool, now: float) -> None:
        """Write the condition of a report, where it is to say something else than it does."""
        condition = of_windows() if machine.windows else freshness(known, machine, scanning=scanning, now=now)
        if condition is None or known.leaving or _says(known, condition):
            return
        status = to_apply(
            {"observedGeneration": known.generation}, (condition,), {"conditions": list(known.conditions)}, _time(now)
        )
        if status is None:
            return
        self._observe(
            await self._writing.send(
                self._cluster.apply_report_status, _about(known), {"conditions": status["conditions"]}
            )
        )

    def _observe(self, answer: Json | None) -> None:
        read = None if answer is None else self._ledgers.reports.read(answer)
        if read is not None:
            self._ledgers.reports.observe(*read)


def _says(known: KnownReport, condition: Condition) -> bool:
    """Whether a report says it already. The generation that it was said of does not matter: a new spec is no news of this."""
    live = known.condition(condition.type.value) or {}
    said = (live.get("status"), live.get("reason"), live.get("message"))
    return said == ("True" if condition.met else "False", condition.reason.value, condition.message)


def _about(known: KnownReport) -> Metadata:
    return Metadata(name=known.name, uid=known.uid)


def _time(now: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(now, dt.UTC)
