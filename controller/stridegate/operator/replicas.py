"""One replica of the operator: its parts, wired, and what each is told of the others."""

from __future__ import annotations

import time
from dataclasses import dataclass

from stridegate.engine.catalogue import POD_RULES, RULES, digest
from stridegate.engine.node_catalogue import ENTRIES
from stridegate.kube.cluster import Cluster
from stridegate.operator.cluster_reports import ClusterReports
from stridegate.operator.duties import Duties
from stridegate.operator.endings import Endings
from stridegate.operator.exemptions import Terms, readable
from stridegate.operator.installation import Installation
from stridegate.operator.leases import Leadership
from stridegate.operator.looks import Place
from stridegate.operator.metrics import Metrics
from stridegate.operator.mirrors import Mirror, Mirrors
from stridegate.operator.node_reports import Ledgers, NodeReports
from stridegate.operator.open_reports import OpenReports
from stridegate.operator.options import Options, Wanted
from stridegate.operator.report_guard import ReportGuard
from stridegate.operator.reporting import PolicyBook
from stridegate.operator.rounds import Rounds
from stridegate.operator.walks import Pace
from stridegate.operator.watching import Watched


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
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
    # None where nobody asks for them.
    open_reports: OpenReports | None
    metrics: Metrics

    def changed(self) -> None:
        """Take note that policies, exemptions or namespaces are not what they were."""
        self.duties.policies_changed()
        self.endings.wake()
        self.rounds.policies_changed()
        self.node_reports.wake()

    def reports_changed(self) -> None:
        """Take note that nodes or reports are not what they were."""
        self.node_reports.wake()
        if self.open_reports is not None:
            self.open_reports.wake()

    def audited(self) -> None:
        """Take note that an audit found something out."""
        self.duties.policies_changed()
        self.endings.wake()

    def wake(self) -> None:
        """Begin at once: this replica has become the active one."""
        self.duties.wake()
        self.endings.wake()
        self.rounds.wake()
        self.reports_changed()
        self.report_guard.wake()
        self.cluster_reports.wake()

    def missing(self) -> list[str]:
        """Return, in words, what it has not seen yet of what it has to look after."""
        missing = [] if self.mirrors.synced else ["policies, exemptions and namespaces have not been listed yet"]
        if self.leadership.active and not self.duties.looked:
            missing.append("the installation has not been looked at yet")
        return missing


def wire(options: Options, wanted: Wanted, cluster: Cluster) -> Replica:
    """Return a replica of all its parts; nothing runs yet."""
    leadership = Leadership(cluster, options.namespace, options.identity, time.monotonic)
    metrics = Metrics(digest(RULES.values()), options.lines_dropped)
    metrics.tell_active(lambda: leadership.active)
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
    return Replica(
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
        open_reports=OpenReports(cluster, leadership, ledgers, metrics) if options.open_reports else None,
        metrics=metrics,
    )


def kinds(cluster: Cluster, mirrors: Mirrors) -> tuple[Watched, ...]:
    """Return what is watched for the mirrors."""
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
