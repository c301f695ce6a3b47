"""What the operator tells Prometheus, in a registry of its own."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge

from stridegate import __version__
from stridegate.operator.canaries import Canary
from stridegate.operator.installation import Change, Health, Role


class Metrics:
    """The operator's metrics; `catalogue` is the digest of the rules."""

    def __init__(self, catalogue: str) -> None:
        self.registry = CollectorRegistry()
        build = Gauge(
            "stridegate_build_info",
            "Which Stridegate this is, and which rules it has",
            ["version", "catalogue"],
            registry=self.registry,
        )
        build.labels(__version__, catalogue).set(1)
        self.policies = Gauge("stridegate_policies", "HardeningPolicies", registry=self.registry)
        self.policies_broken = Gauge(
            "stridegate_policies_broken", "HardeningPolicies that cannot be read", registry=self.registry
        )
        self.event_loop_lag = Gauge(
            "stridegate_event_loop_lag_seconds", "How late the event loop was at last", registry=self.registry
        )
        self._expiry = Gauge(
            "stridegate_certificate_expiry_timestamp_seconds",
            "When the CA and the server certificate expire",
            ["role"],
            registry=self.registry,
        )
        self._rotations = Counter(
            "stridegate_certificate_rotations_total",
            "CAs and server certificates that were made or failed to be written",
            ["role", "result"],
            registry=self.registry,
        )
        self._matches = Gauge(
            "stridegate_ca_bundle_matches",
            "Whether the live caBundle of an entry verifies what every ready replica presents",
            ["entry"],
            registry=self.registry,
        )
        self._canary_ok = Gauge(
            "stridegate_canary_ok", "Whether a dry-run had the right answer", ["case"], registry=self.registry
        )
        self._canary_at = Gauge(
            "stridegate_canary_last_run_timestamp_seconds",
            "When the dry-run was made",
            ["case"],
            registry=self.registry,
        )

    def note_health(self, health: Health) -> None:
        """Take in what a look found."""
        for role, expiry in ((Role.AUTHORITY, health.authority_expiry), (Role.LEAF, health.leaf_expiry)):
            if expiry is not None:
                self._expiry.labels(role.value).set(expiry.timestamp())
        for entry, matches in health.matching.items():
            self._matches.labels(entry).set(matches)

    def note_change(self, change: Change) -> None:
        """Count a certificate that was made, or that could not be written."""
        if change.made is not None:
            self._rotations.labels(change.made.value, "failure" if change.problem else "success").inc()

    def note_canary(self, canary: Canary) -> None:
        """Take in what became of the canary pods."""
        for case, problem in canary.problems.items():
            self._canary_ok.labels(case.value).set(problem is None)
            self._canary_at.labels(case.value).set(canary.at.timestamp())
