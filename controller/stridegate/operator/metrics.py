"""What the operator tells Prometheus, in a registry of its own."""

from __future__ import annotations

import time
from collections import Counter as Counting
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from stridegate import __version__
from stridegate.engine.clusters import ClusterFinding
from stridegate.kube.known_reports import KnownReport, Result
from stridegate.model.nodes.verdicts import State as Verdict
from stridegate.model.reports import CLUSTER_REPORT
from stridegate.operator.audits import Audit, State
from stridegate.operator.canaries import Canary
from stridegate.operator.exemptions import ACTIVE_REASONS
from stridegate.operator.installation import Change, Health, Role

_Key = TypeVar("_Key", bound=Hashable)

# What others write makes no more series than these: reports are their scanners', and whoever is root on a node puts its static
# pods into any namespace. What is beyond is counted together.
_RESULTS, _MIRRORED, _FRESHNESS = 1000, 500, 16
_OVERFLOW = "overflow"

# Seconds before its end from which on an exemption counts as ending.
_ENDING = 7 * 86400.0


class _LogLines(Collector):
    """Counts what the log itself counts."""

    def __init__(self, dropped: Callable[[], int]) -> None:
        self._dropped = dropped

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Yield the counter as it is now."""
        yield CounterMetricFamily(
            "stridegate_log_lines_dropped", "Lines of the log that nobody will read", value=self._dropped()
        )


class Metrics:
    """The operator's metrics; `catalogue` is the digest of the rules, `lines_dropped` how many lines of the log were dropped."""

    def __init__(self, catalogue: str, lines_dropped: Callable[[], int] = int) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(_LogLines(lines_dropped))
        self._gauge("build_info", "Which Stridegate this is, and which rules it has", "version", "catalogue").labels(
            __version__, catalogue
        ).set(1)
        self.policies = self._gauge("policies", "HardeningPolicies")
        self.policies_broken = self._gauge("policies_broken", "HardeningPolicies that cannot be read")
        self.excluded_namespaces = self._gauge("excluded_namespaces", "Namespaces that the webhook is not asked about")
        self._active = self._gauge("operator_active", "Whether this replica is the active one")
        self._lag = self._gauge("event_loop_lag_seconds", "How late the event loop was at last")
        self._expiry = self._gauge(
            "certificate_expiry_timestamp_seconds", "When the CA and the server certificate expire", "role"
        )
        self._rotations = Counter(
            "stridegate_certificate_rotations_total",
            "CAs and server certificates that were made, and those that could not be written",
            ["role", "result"],
            registry=self.registry,
        )
        self._matches = self._gauge(
            "ca_bundle_matches", "Whether an entry's live caBundle verifies what every ready replica presents", "entry"
        )
        self._canary_ok = self._gauge("canary_ok", "Whether a dry-run had the right answer", "case")
        self._canary_at = self._gauge("canary_last_run_timestamp_seconds", "When the dry-run was made", "case")

        self._pods = self._gauge("audit_pods", "Pods that the last audit came across, by what became of them", "state")
        self._would_deny = self._gauge(
            "audit_would_deny", "Running workloads that a policy would refuse if its warnings denied", "policy"
        )
        self._survivors = self._gauge(
            "audit_survivors",
            "Running workloads that a policy refuses today, and admitted or never met before",
            "policy",
        )
        self._findings = self._gauge("audit_findings", "Running pods that break a rule, unless it is excluded", "rule")
        self._mirrored = self._gauge(
            "audit_mirror_findings", "Mirror pods that break a rule, which nothing refuses", "namespace", "rule"
        )
        self._audit_duration = self._gauge("audit_duration_seconds", "How long the last audit took")
        self._audited_at = self._gauge("audit_last_success_timestamp_seconds", "When the last audit was completed")
        self.audit_errors = Counter(
            "stridegate_audit_errors_total", "Audits that could not be completed", registry=self.registry
        )
        # With a label, so that a replica that has not looked says nothing, which is not the same as 0.
        self._guard_ok = self._gauge(
            "exemption_guard_ok", "Whether only those grant exemptions who hold the verb exempt on the rule", "name"
        )

        self._reports = self._gauge(
            "node_reports", "HardeningReports on nodes, by whether they are fresh and why not", "state"
        )
        self._results = self._gauge(
            "node_findings", "Nodes on which a rule did not pass, by how it came out", "rule", "severity", "result"
        )
        self._report_age = self._gauge(
            "node_report_age_seconds", "How long ago the node was scanned whose report is oldest"
        )
        self._cluster_results = self._gauge(
            "cluster_findings",
            "Things in the cluster that break a rule, by how it came out",
            "rule",
            "severity",
            "result",
        )
        # As with the guard of exemptions.
        self._report_guard_ok = self._gauge(
            "report_guard_ok", "Whether only a node's scanner writes its report", "name"
        )
        self._open_reports = self._gauge(
            "open_reports", "HardeningReports by what became of their ClusterReports of OpenReports", "state"
        )
        self._exemptions = self._gauge("exemptions", "HardeningExemptions, by why they exempt or do not", "state")
        # Unix times at which those end that exempt now. Counted as it is asked: nothing happens as a week is reached.
        self._ends: tuple[float, ...] = ()
        self._gauge("exemptions_expiring", "HardeningExemptions that exempt and end within a week").set_function(
            lambda: sum(end - time.time() <= _ENDING for end in self._ends)
        )

    def _gauge(self, name: str, doc: str, *labels: str) -> Gauge:
        return Gauge(f"stridegate_{name}", doc, labels, registry=self.registry)

    def tell_lag(self, lag: Callable[[], float]) -> None:
        """Take in what tells by how much the event loop is late, in seconds."""
        self._lag.set_function(lag)

    def tell_active(self, active: Callable[[], bool]) -> None:
        """Take in what tells whether this replica is the active one."""
        self._active.set_function(active)

    def note_health(self, health: Health) -> None:
        """Take in what a look found."""
        for role, expiry in ((Role.AUTHORITY, health.authority_expiry), (Role.LEAF, health.leaf_expiry)):
            if expiry is not None:
                self._expiry.labels(role.value).set(expiry.timestamp())
        for entry, matches in health.matching.items():
            self._matches.labels(entry).set(matches)

    def forget_health(self) -> None:
        """Say nothing of certificates and configurations any more: another replica looks after them."""
        self._expiry.clear()
        self._matches.clear()

    def note_change(self, change: Change) -> None:
        """Count a certificate that was made, or that could not be written."""
        if change.made is not None:
            self._rotations.labels(change.made.value, "failure" if change.problem else "success").inc()

    def note_guard(self, name: str, *, guards: bool) -> None:
        """Take in whether the guard of exemptions guards."""
        self._guard_ok.labels(name).set(guards)

    def forget_guard(self) -> None:
        """Say nothing of the guard any more: another replica looks at it."""
        self._guard_ok.clear()

    def note_report_guard(self, name: str, *, guards: bool) -> None:
        """Take in whether the guard of reports guards."""
        self._report_guard_ok.labels(name).set(guards)

    def note_reports(self, reports: Iterable[KnownReport], now: float) -> None:
        """Take in what the reports on nodes say, in place of all that was said before; `now` is Unix time in seconds."""
        self.forget_reports()
        states = Counting[str]()
        # Nodes that are made alike have one set of results: it is walked through once.
        sets = Counting[frozenset[Result]]()
        oldest = now
        for report in reports:
            if report.name == CLUSTER_REPORT:
                continue
            fresh = report.condition("Fresh") or {}
            states[str(fresh.get("reason", "Unknown"))] += 1
            sets[report.results] += 1
            oldest = min(oldest, report.scanned if report.scanned is not None else now)
        results = Counting[Result]()
        for found, count in sets.items():
            results.update(dict.fromkeys((result for result in found if result.state != "Pass"), count))
        for state, count in _capped(states, _FRESHNESS, lambda _: _OVERFLOW).items():
            self._reports.labels(state).set(count)
        for result, count in _capped(results, _RESULTS, lambda each: replace(each, rule=_OVERFLOW)).items():
            self._results.labels(result.rule, result.severity, result.state.lower()).set(count)
        self._report_age.set(now - oldest)

    def note_cluster(self, findings: Iterable[ClusterFinding]) -> None:
        """Take in how the rules about the cluster came out, in place of all that was said before."""
        self.forget_cluster()
        for each in findings:
            state = each.verdict.state
            if state not in {Verdict.PASS, Verdict.NOT_APPLICABLE}:
                labels = (each.rule.slug, str(each.rule.severity), state.value.lower())
                self._cluster_results.labels(*labels).set(max(1, len(each.verdict.offenders)))

    def forget_cluster(self) -> None:
        """Say nothing of the cluster's objects any more: another replica judges them."""
        self._cluster_results.clear()

    def forget_reports(self) -> None:
        """Say nothing of reports any more: another replica looks after them."""
        for each in (self._reports, self._results):
            each.clear()

    def forget_report_guard(self) -> None:
        """Say nothing of the guard of reports any more: another replica looks at it."""
        self._report_guard_ok.clear()

    def note_open_reports(self, standings: Mapping[str, int]) -> None:
        """Take in what became of how many ClusterReports."""
        for state, count in standings.items():
            self._open_reports.labels(state).set(count)

    def forget_open_reports(self) -> None:
        """Say nothing of ClusterReports any more: another replica writes them."""
        self._open_reports.clear()

    def note_exemptions(self, standings: Mapping[str, int], ends: Iterable[float]) -> None:
        """Take in how many exemptions stand how, by the reason of their condition Active, and when (Unix times) those end that exempt."""
        self._ends = tuple(ends)
        for reason in ACTIVE_REASONS:
            self._exemptions.labels(reason.value).set(standings.get(reason.value, 0))

    def note_canary(self, canary: Canary) -> None:
        """Take in what became of the canary pods."""
        for case, problem in canary.problems.items():
            self._canary_ok.labels(case.value).set(problem is None)
            self._canary_at.labels(case.value).set(canary.at.timestamp())

    def forget_canary(self) -> None:
        """Say nothing of the canary any more: another replica tries it."""
        self._canary_ok.clear()
        self._canary_at.clear()

    def note_audit(self, audit: Audit, seconds: float) -> None:
        """Take in what an audit found, in place of all that was said of the one before."""
        self.forget_audit()
        for state in State:
            self._pods.labels(state.value).set(audit.pods.get(state, 0))
        for policy, audited in audit.policies.items():
            self._would_deny.labels(policy).set(audited.would_deny)
            self._survivors.labels(policy).set(audited.survivors)
        for rule, pods in audit.findings.items():
            self._findings.labels(rule).set(pods)
        mirrored = _capped(Counting(audit.mirrored), _MIRRORED, lambda each: (_OVERFLOW, each[1]))
        for (namespace, rule), pods in mirrored.items():
            self._mirrored.labels(namespace, rule).set(pods)
        self._audit_duration.set(seconds)
        self._audited_at.set(audit.at.timestamp())

    def forget_audit(self) -> None:
        """Say nothing of pods any more: another replica audits them."""
        for each in (self._pods, self._would_deny, self._survivors, self._findings, self._mirrored):
            each.clear()


def _capped(counts: Counting[_Key], most: int, folded: Callable[[_Key], _Key]) -> Counting[_Key]:
    """Return the largest counts, at most so many, and the others under what they are folded to."""
    if len(counts) <= most:
        return counts
    kept = Counting(dict(counts.most_common(most)))
    rest = counts - kept
    for key, count in rest.items():
        kept[folded(key)] += count
    return kept
