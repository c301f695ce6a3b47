"""Judging what the cluster's objects say, now and then, and writing it to the report `stridegate-cluster`."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable, Mapping
from typing import NoReturn, cast

from stridegate import __version__
from stridegate.engine.clusters import ClusterFinding, judge_cluster
from stridegate.engine.node_catalogue import CLUSTER_RULES
from stridegate.engine.reports import Scan, catalogue_digest, heartbeat_due, report, says_something_new
from stridegate.kube.cluster import Cluster as Connection
from stridegate.kube.cluster_objects import gather, populate
from stridegate.kube.errors import Conflict, KubeError, NotFound
from stridegate.kube.known_reports import KnownReport, Result
from stridegate.kube.nodes import Machine
from stridegate.kube.objects import Json, Metadata
from stridegate.kube.reader import Reader
from stridegate.kube.reports import REPORTS
from stridegate.model.clusters.views import Cluster, NodeStanding, Restarts
from stridegate.model.reports import CLUSTER_REPORT, ConditionEntry, StatusEntry
from stridegate.model.times import write_time
from stridegate.operator.errors import NotActive
from stridegate.operator.leases import Leadership
from stridegate.operator.metrics import Metrics
from stridegate.operator.node_reports import Ledgers
from stridegate.operator.pauses import pause_until

_log = logging.getLogger(__name__)

# Seconds from a judgement that failed to the next, between looks while there is nothing to do, and within which restarts
# are counted.
_RETRYING, _IDLE, _HOUR = 60.0, 5.0, 3600.0
_CATALOGUE = catalogue_digest(CLUSTER_RULES.values())


class RestartCounts:
    """Remembers how often containers had been restarted, for an hour."""

    def __init__(self) -> None:
        self._seen: list[tuple[float, Mapping[str, int]]] = []

    def grown(self, restarted: Mapping[str, int], now: float) -> tuple[Restarts, ...] | None:
        """Return how often each container was restarted within the last hour (`now` in seconds); None until that has been watched."""
        since = [each for each in self._seen if each[0] <= now - _HOUR][-1:]
        self._seen = [*since, *(each for each in self._seen if each[0] > now - _HOUR), (now, restarted)]
        if not since:
            return None
        _, before = since[0]
        counts = ((name, count - before.get(name, 0)) for name, count in restarted.items())
        return tuple(Restarts(name=name, times=times) for name, times in counts if times > 0)


class ClusterReports:
    """The report on the cluster. `interval` is in seconds."""

    def __init__(
        self, *, cluster: Connection, leadership: Leadership, ledgers: Ledgers, interval: float, metrics: Metrics
    ) -> None:
        self._cluster = cluster
        self._leadership = leadership
        self._ledgers = ledgers
        self._interval = interval
        self._metrics = metrics
        self._restarts = RestartCounts()
        self._due = asyncio.Event()

    def wake(self) -> None:
        """Begin at once: this replica has become the active one."""
        self._due.set()

    async def keep(self, reader: Reader) -> NoReturn:
        """Judge over and over; a standby only waits."""
        while True:
            pause = _IDLE
            try:
                if self._leadership.active and CLUSTER_REPORT in self._ledgers.reports.values():
                    await self._judge(reader)
                    pause = self._interval
            except NotActive:
                self._metrics.forget_cluster()
            except KubeError as error:
                _log.warning("could not judge the cluster's objects: %s", error)
                pause = _RETRYING
            await pause_until(self._due, pause)

    async def _judge(self, reader: Reader) -> None:
        """Judge once and write what is new. Raises KubeError and NotActive."""
        began = time.monotonic()
        gathered, population, now = await gather(reader), await populate(reader), time.time()
        machines, reports = self._ledgers.nodes.values(), self._ledgers.reports.values()
        cluster = Cluster(
            objects=gathered.objects,
            hidden=gathered.hidden,
            nodes=standings(machines.values(), reports),
            populated=population.namespaces,
            restarts=self._restarts.grown(population.restarted, now),
            now=now,
        )
        # Apart from the loop, which other duties wait for: thousands of roles and bindings take a while.
        findings = await asyncio.to_thread(judge_cluster, CLUSTER_RULES.values(), cluster)
        self._leadership.require()
        self._metrics.note_cluster(findings)
        await self._write(reader, findings, now, time.monotonic() - began)

    async def _write(self, reader: Reader, findings: tuple[ClusterFinding, ...], now: float, duration: float) -> None:
        live = await _live(reader)
        if live is None:
            return
        metadata, before = live
        scan = Scan(
            findings=findings,
            now=now,
            duration=duration,
            version=__version__,
            catalogue=_CATALOGUE,
            generation=metadata[1],
        )
        status = report(scan, before)
        status["conditions"].append(_fresh(before, status, now))
        if not says_something_new(status, before) and not heartbeat_due(before, now, 0.5):
            return
        self._leadership.require()
        try:
            await asyncio.to_thread(self._cluster.apply_report_status, metadata[0], cast("Json", status))
        except (NotFound, Conflict) as error:
            _log.info("the report on the cluster was deleted or made anew meanwhile: %s", error)


async def _live(reader: Reader) -> tuple[tuple[Metadata, int], Mapping[str, object]] | None:
    """Return the report on the cluster as it is, with its generation; None where there is none."""
    async for portion in reader.portions(REPORTS, Json, fields=f"metadata.name={CLUSTER_REPORT}"):
        for each in portion.items:
            about, status = each.get("metadata"), each.get("status")
            if isinstance(about, dict):
                generation = about.get("generation")
                metadata = Metadata(name=CLUSTER_REPORT, uid=str(about.get("uid", "")))
                known = generation if isinstance(generation, int) else 0
                return (metadata, known), status if isinstance(status, dict) else {}
    return None


def _fresh(before: Mapping[str, object], status: StatusEntry, now: float) -> ConditionEntry:
    conditions = before.get("conditions")
    known = next(
        (each for each in conditions if isinstance(each, dict) and each.get("type") == "Fresh"), None
    ) if isinstance(conditions, list) else None  # fmt: skip
    since = known.get("lastTransitionTime") if known and known.get("status") == "True" else None
    return {
        "type": "Fresh",
        "status": "True",
        "reason": "Fresh",
        "message": "the operator judges it",
        "observedGeneration": status["observedGeneration"],
        "lastTransitionTime": since if isinstance(since, str) else write_time(now),
    }


def standings(machines: Iterable[Machine], reports: Mapping[str, KnownReport]) -> tuple[NodeStanding, ...]:
    """Return what is known of the nodes; results that are the same on many are kept once."""
    shared: dict[frozenset[Result], Mapping[str, str]] = {}
    return tuple(_standing(machine, reports.get(machine.name), shared) for machine in machines)


def _standing(
    machine: Machine, known: KnownReport | None, shared: dict[frozenset[Result], Mapping[str, str]]
) -> NodeStanding:
    results = None
    if known is not None and known.scanned is not None:
        if known.results not in shared:
            shared[known.results] = {each.rule: each.state for each in known.results}
        results = shared[known.results]
    return NodeStanding(
        name=machine.name,
        pool=machine.pool,
        installation=machine.installation,
        role=machine.role,
        external=machine.external,
        cni=known.cni if known else None,
        super_admin=known.super_admin if known else False,
        metadata_reachable=known.metadata_reachable if known else None,
        results=results,
    )
