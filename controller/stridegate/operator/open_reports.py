"""Repeating every HardeningReport as a ClusterReport of OpenReports, for who reads those, while the cluster serves that kind."""

from __future__ import annotations

import asyncio
import enum
import logging
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from stridegate.engine.node_catalogue import ENTRIES
from stridegate.kube.cluster import Cluster
from stridegate.kube.errors import Conflict, KubeError, NotFound, Refused
from stridegate.kube.known_reports import KnownReport
from stridegate.kube.objects import Json
from stridegate.kube.open_heads import Head, head_of, heads
from stridegate.kube.open_reports import is_open_name, open_name, open_report
from stridegate.kube.reader import Reader
from stridegate.kube.reports import REPORTS
from stridegate.kube.rosters import Entry, Version
from stridegate.kube.whole_reports import WholeReport
from stridegate.operator.errors import NotActive
from stridegate.operator.leases import Leadership
from stridegate.operator.metrics import Metrics
from stridegate.operator.node_reports import Ledgers
from stridegate.operator.pauses import pause_until

_log = logging.getLogger(__name__)

# Seconds for which changes are gathered, between looks, until a failure is tried again, and between lists of what is there.
_GATHERING, _LOOKING, _RETRYING, _LISTING = 1.0, 30.0, 5.0, 600.0
# The most refusals of one look: what refuses one ClusterReport mostly refuses all of them.
_REFUSALS = 5


class Standing(enum.Enum):
    """What became of a HardeningReport's ClusterReport."""

    REPEATED = "repeated"
    FOREIGN = "foreign"
    REFUSED = "refused"
    ALTERED = "altered"
    UNSERVED = "unserved"


@dataclass(frozen=True, slots=True)
class _Done:
    """The version of a HardeningReport that was dealt with, and what came of it."""

    version: Version
    standing: Standing


class OpenReports:
    """The ClusterReports that repeat our reports. It writes only what says something new, and only to what it made itself.

    `listing` is how many seconds pass between lists of what is there.
    """

    def __init__(
        self, cluster: Cluster, leadership: Leadership, ledgers: Ledgers, metrics: Metrics, listing: float = _LISTING
    ) -> None:
        self._cluster = cluster
        self._leadership = leadership
        self._ledgers = ledgers
        self._metrics = metrics
        self._listing = listing
        # Our ClusterReports by name, None while they are not known, and when (monotonic, seconds) they are listed next.
        self._heads: dict[str, Head] | None = None
        self._list_at = 0.0
        # By the name of the HardeningReport.
        self._done: dict[str, _Done] = {}
        self._told: set[Standing] = set()
        self._due = asyncio.Event()

    def wake(self) -> None:
        """Take note that reports are not what they were, or that this replica has become the active one."""
        self._due.set()

    async def keep(self, reader: Reader) -> NoReturn:
        """Write what is missing over and over; a standby only waits."""
        while True:
            pause = _LOOKING
            try:
                await self.look(reader)
            except NotActive:
                self._forget()
                self._metrics.forget_open_reports()
            except KubeError as error:
                _log.warning("could not keep the ClusterReports: %s", error)
                pause = _RETRYING
            await pause_until(self._due, pause)
            await asyncio.sleep(_GATHERING)
            self._due.clear()

    def _forget(self) -> None:
        self._heads, self._done, self._list_at = None, {}, 0.0

    async def look(self, reader: Reader) -> None:
        """Look once, and write what follows. Raises KubeError and NotActive."""
        self._leadership.require()
        if not self._ledgers.reports.synced:
            return
        reports = {name: each for name, each in self._ledgers.reports.entries().items() if _says_something(each.value)}
        if time.monotonic() >= self._list_at and not await self._list(reader, len(reports)):
            return
        if self._heads is None:
            return
        await self._repeat(reader, reports, self._heads)
        await self._remove({open_name(name) for name in reports}, self._heads)
        self._done = {name: done for name, done in self._done.items() if name in reports}
        standings = Counter(each.standing for each in self._done.values())
        self._metrics.note_open_reports({each.value: standings[each] for each in Standing})
        for each in self._told - set(standings):
            _log.info("no ClusterReport is %s any more", each.value)
        self._told &= set(standings)

    def _tell(self, standing: Standing, sentence: str) -> None:
        """Log a sentence, unless one of its kind is known already: thousands of nodes would say it."""
        if standing not in self._told:
            self._told.add(standing)
            _log.warning(sentence)

    async def _list(self, reader: Reader, count: int) -> bool:
        """See which ClusterReports of ours there are, and whether there can be any; what is not as it was left is done again."""
        try:
            found = {each.name: each async for each in heads(reader) if is_open_name(each.name)}
        except Refused as error:
            if error.passing:
                raise
            # The kind may be installed later, and rights be granted: neither takes a restart.
            standing = Standing.UNSERVED if isinstance(error, NotFound) else Standing.REFUSED
            why = "are not served by this cluster yet" if standing is Standing.UNSERVED else "cannot be listed"
            self._tell(standing, f"ClusterReports of OpenReports {why}: {error}")
            self._metrics.note_open_reports({each.value: count * (each is standing) for each in Standing})
            self._forget()
            self._list_at = time.monotonic() + min(self._listing, _LOOKING)
            return False
        before = self._heads or {}
        self._done = {
            name: done
            for name, done in self._done.items()
            if done.standing is Standing.REPEATED and found.get(open_name(name)) == before.get(open_name(name))
        }
        self._heads = {name: each.trusted_after(before.get(name)) for name, each in found.items()}
        self._list_at = time.monotonic() + self._listing
        return True

    async def _repeat(self, reader: Reader, reports: Mapping[str, Entry[KnownReport]], known: dict[str, Head]) -> None:
        refusals = 0
        for name, entry in reports.items():
            done = self._done.get(name)
            if done is not None and done.version == entry.version:
                continue
            try:
                wanted = await _wanted(reader, name)
                # What says nothing, or is gone by now, is repeated by nothing.
                standing = await self._write(reader, wanted, known) if wanted is not None else Standing.REPEATED
            except Refused as error:
                if error.passing:
                    raise
                self._tell(Standing.REFUSED, f"report {name} cannot be repeated as a ClusterReport: {error}")
                standing = Standing.REFUSED
            if standing is not None:
                self._done[name] = _Done(entry.version, standing)
            refusals += standing is Standing.REFUSED
            if refusals == _REFUSALS:
                return

    async def _write(self, reader: Reader, wanted: Json, known: dict[str, Head]) -> Standing | None:
        """Write one ClusterReport where it does not say it already; None where it is to be tried again."""
        head = head_of(wanted)
        there = known.get(head.name)
        if there is not None and there.digest == head.digest:
            return Standing.REPEATED
        self._leadership.require()
        try:
            if there is None:
                answer = await asyncio.to_thread(self._cluster.create_open_report, wanted)
            else:
                answer = await asyncio.to_thread(self._cluster.change_open_report, there.metadata, wanted)
        except Conflict as error:
            return await self._lost(reader, head.name, known, error)
        except NotFound:
            # It was deleted meanwhile, or its kind was: the next list tells.
            known.pop(head.name, None)
            self._list_at = 0.0
            return None
        kept = all(answer.get(key) == wanted[key] for key in ("summary", "results"))
        known[head.name] = head_of(answer, trusted=kept)
        if not kept:
            self._tell(
                Standing.ALTERED,
                f"ClusterReport {head.name}: wanted summary and results kept as they were sent, got others: the kind is not"
                " that of openreports.io/v1alpha1 in reports-api 0.2, or somebody changes what is written",
            )
        return Standing.REPEATED if kept else Standing.ALTERED

    async def _lost(self, reader: Reader, name: str, known: dict[str, Head], error: Conflict) -> Standing | None:
        """Return what a write came to that somebody was quicker than: a ClusterReport that is not ours is left alone."""
        before = known.pop(name, None)
        async for there in heads(reader, name):
            if not there.ours:
                self._tell(Standing.FOREIGN, f"ClusterReport {name} is somebody else's and left alone: {error}")
                return Standing.FOREIGN
            known[name] = there.trusted_after(before)
        return None

    async def _remove(self, wanted: set[str], known: dict[str, Head]) -> None:
        """Delete ours whose reports are gone, where the API server has not done so yet. Raises KubeError."""
        for name in known.keys() - wanted:
            self._leadership.require()
            try:
                await asyncio.to_thread(self._cluster.delete_open_report, known[name].metadata)
            except Refused as error:
                if error.passing:
                    raise
                # The collector of garbage may be quicker. What is refused is tried again once it is listed again.
                if not isinstance(error, NotFound | Conflict):
                    _log.warning("ClusterReport %s, whose report is gone, cannot be deleted: %s", name, error)
            del known[name]


def _says_something(report: KnownReport) -> bool:
    return report.scanned is not None and not report.leaving


async def _wanted(reader: Reader, name: str) -> Json | None:
    """Return the ClusterReport for a report as it is now; None where there is none, or it says nothing. Raises KubeError."""
    async for portion in reader.portions(REPORTS, WholeReport, fields=f"metadata.name={name}"):
        for each in portion.items:
            return open_report(each, ENTRIES)
    return None
