"""The operator's process: what it is made of and how it starts and ends."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from prometheus_client import disable_created_metrics

from stridegate.engine.catalogue import POD_RULES, RULES, digest
from stridegate.engine.node_catalogue import ENTRIES
from stridegate.kube.cluster import Cluster
from stridegate.kube.errors import InvalidField, KubeError
from stridegate.kube.fields import Field
from stridegate.kube.objects import ConfigurationKind
from stridegate.kube.reader import WayIn, find_way_in, reading
from stridegate.kube.selectors import read_selector
from stridegate.model.policies import LabelSelector
from stridegate.operator.arming import JUDGING, Entries, read_webhooks
from stridegate.operator.assignments import Settings
from stridegate.operator.cluster_reports import ClusterReports
from stridegate.operator.duties import Duties
from stridegate.operator.endings import Endings
from stridegate.operator.errors import BadWebhooksFile
from stridegate.operator.exemptions import Terms, readable
from stridegate.operator.following import keep_following
from stridegate.operator.guards import Guard, read_guard
from stridegate.operator.installation import Installation
from stridegate.operator.leases import Leadership, keep_renewing
from stridegate.operator.looks import Place
from stridegate.operator.metrics import Metrics
from stridegate.operator.mirrors import Mirror, Mirrors
from stridegate.operator.node_reports import Ledgers, NodeReports
from stridegate.operator.report_guard import ReportGuard
from stridegate.operator.reporting import PolicyBook
from stridegate.operator.rounds import Rounds
from stridegate.operator.walks import Pace
from stridegate.operator.watching import Watched, keep_watching
from stridegate.vitals.probes import Probes
from stridegate.vitals.pulses import Pulse

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the operator is told. Without a kubeconfig it talks to the cluster that its pod runs in.

    `audit_interval` is in seconds.
    """

    namespace: str
    webhooks_file: Path
    guard_file: Path
    report_guard_file: Path
    service: str
    identity: str
    # Empty for every address, IPv4 and IPv6.
    bind: str = ""
    probe_port: int = 9090
    audit_interval: float = 600.0
    report_settings: Settings = field(default_factory=Settings)
    kubeconfig: Path | None = None
    # How many lines of the log were dropped.
    lines_dropped: Callable[[], int] = int


def run(options: Options) -> None:
    """Run the operator until SIGTERM or SIGINT. Raises BadWebhooksFile, BadGuardFile and NoAccess where it cannot start."""
    entries = read_webhooks(options.webhooks_file)
    wanted = _Wanted(
        entries=entries,
        scope=_scope(options.webhooks_file, entries),
        guard=read_guard(options.guard_file),
        report_guard=read_guard(options.report_guard_file),
    )
    cluster, way_in = Cluster.connect(options.kubeconfig), find_way_in(options.kubeconfig)
    # The library would add a series to each counter that says when it began.
    disable_created_metrics()  # type: ignore[no-untyped-call] # the library types only a part of itself
    asyncio.run(_serve(options, wanted, cluster, way_in))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What the chart says that the cluster must have: webhook entries, what these are asked about, and the two guards."""

    entries: Mapping[ConfigurationKind, Entries]
    scope: LabelSelector
    guard: Guard
    report_guard: Guard


def _scope(path: Path, entries: Mapping[ConfigurationKind, Entries]) -> LabelSelector:
    """Return which namespaces policies can reach: those of the entry that judges pods."""
    for entry in entries[ConfigurationKind.VALIDATING]:
        if entry["name"] == JUDGING:
            try:
                return read_selector(Field(entry.get("namespaceSelector"), f"{JUDGING}: namespaceSelector"))
            except InvalidField as error:
                raise BadWebhooksFile(path, error) from error
    raise BadWebhooksFile(path, f"no entry {JUDGING}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Replica:
    """The parts of this replica, wired."""

    leadership: Leadership
    mirrors: Mirrors
    duties: Duties
    endings: Endings
    rounds: Rounds
    ledgers: Ledgers
    node_reports: NodeReports
    report_guard: ReportGuard
    cluster_reports: ClusterReports
    metrics: Metrics

    def changed(self) -> None:
        """Take note that policies, exemptions or namespaces are not what they were."""
        self.duties.policies_changed()
        self.endings.wake()
        self.rounds.policies_changed()
        self.node_reports.wake()

    def audited(self) -> None:
        """Take note that an audit found something out."""
        self.duties.policies_changed()
        self.endings.wake()

    def wake(self) -> None:
        """Begin at once: this replica has become the active one."""
        self.duties.wake()
        self.endings.wake()
        self.rounds.wake()
        self.node_reports.wake()
        self.report_guard.wake()
        self.cluster_reports.wake()

    def missing(self) -> list[str]:
        """Return, in words, what it has not seen yet of what it has to look after."""
        missing = [] if self.mirrors.synced else ["policies, exemptions and namespaces have not been listed yet"]
        if self.leadership.active and not self.duties.looked:
            missing.append("the installation has not been looked at yet")
        return missing


def _wire(options: Options, wanted: _Wanted, cluster: Cluster) -> _Replica:
    leadership = Leadership(cluster, options.namespace, options.identity, time.monotonic)
    metrics = Metrics(digest(RULES.values()), options.lines_dropped)
    mirrors = Mirrors(
        policies=Mirror(lambda _, policy: policy),
        exemptions=Mirror(lambda _, exemption: exemption),
        namespaces=Mirror(lambda metadata, _: metadata.labels or {}),
    )
    book = PolicyBook(RULES)
    rounds = Rounds(
        leadership=leadership,
        mirrors=mirrors,
        book=book,
        rules=POD_RULES,
        scope=wanted.scope,
        metrics=metrics,
        pace=Pace(interval=options.audit_interval),
    )
    place = Place(namespace=options.namespace, service=options.service)
    duties = Duties(
        cluster=cluster,
        leadership=leadership,
        installation=Installation(cluster, place, wanted.entries, leadership.require),
        mirrors=mirrors,
        book=book,
        scope=wanted.scope,
        audited=rounds.audited,
        guard=wanted.guard,
        metrics=metrics,
    )
    endings = Endings(
        cluster=cluster,
        leadership=leadership,
        exemptions=mirrors.exemptions,
        terms=Terms(rules=ENTRIES.keys(), home=options.namespace),
        used=rounds.used,
        metrics=metrics,
    )
    ledgers = Ledgers()
    node_reports = NodeReports(
        cluster=cluster,
        leadership=leadership,
        ledgers=ledgers,
        exemptions=lambda: readable(mirrors.exemptions.items()),
        home=options.namespace,
        settings=options.report_settings,
        metrics=metrics,
    )
    return _Replica(
        leadership=leadership,
        mirrors=mirrors,
        duties=duties,
        endings=endings,
        rounds=rounds,
        ledgers=ledgers,
        node_reports=node_reports,
        report_guard=ReportGuard(cluster, leadership, wanted.report_guard, metrics),
        cluster_reports=ClusterReports(
            cluster=cluster,
            leadership=leadership,
            ledgers=ledgers,
            interval=options.report_settings.interval,
            metrics=metrics,
        ),
        metrics=metrics,
    )


async def _serve(options: Options, wanted: _Wanted, cluster: Cluster, way_in: WayIn) -> None:
    stopping = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, stopping.set)
    replica = _wire(options, wanted, cluster)
    async with (
        reading(way_in) as reader,
        _answering_probes(options, replica),
        asyncio.TaskGroup() as tasks,
    ):
        loops = (
            keep_renewing(replica.leadership, replica.wake),
            replica.duties.keep_installation(),
            replica.duties.keep_canary(),
            replica.duties.keep_guard(),
            replica.duties.keep_statuses(),
            replica.endings.keep(),
            replica.rounds.keep(reader, replica.audited),
            replica.node_reports.keep(reader),
            replica.report_guard.keep(),
            replica.cluster_reports.keep(reader),
            keep_following(way_in, reader, replica.ledgers.kinds, replica.node_reports.wake),
            keep_watching(way_in, _kinds(cluster, replica.mirrors), replica.changed),
        )
        running = [tasks.create_task(each) for each in loops]
        await stopping.wait()
        for task in running:
            task.cancel()
    with suppress(KubeError):
        await asyncio.to_thread(replica.leadership.release)


@asynccontextmanager
async def _answering_probes(options: Options, replica: _Replica) -> AsyncIterator[None]:
    pulse = Pulse(asyncio.get_running_loop())
    replica.metrics.tell_lag(lambda: pulse.lag)
    probes = Probes(replica.missing, pulse, replica.metrics.registry)
    await probes.listen(options.bind, options.probe_port)
    try:
        yield
    finally:
        await probes.close()
        pulse.stop()


def _kinds(cluster: Cluster, mirrors: Mirrors) -> tuple[Watched, ...]:
    return (
        Watched(
            group="stridegate.dev",
            version="v1alpha1",
            plural="hardeningpolicies",
            listing=cluster.policies,
            mirror=mirrors.policies,
        ),
        Watched(
            group="stridegate.dev",
            version="v1alpha1",
            plural="hardeningexemptions",
            listing=cluster.exemptions,
            mirror=mirrors.exemptions,
        ),
        Watched(group="", version="v1", plural="namespaces", listing=cluster.namespaces, mirror=mirrors.namespaces),
    )
