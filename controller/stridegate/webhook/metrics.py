"""What the webhook tells about itself, read off its parts when it is asked."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from stridegate import __version__
from stridegate.admission.recall import Recall
from stridegate.vitals.pulses import Pulse
from stridegate.webhook.callers import Objection
from stridegate.webhook.certificates import CertificateStore
from stridegate.webhook.feeds import Feed
from stridegate.webhook.live import LivePolicySet
from stridegate.webhook.server import Server


class ProcessMetrics(Collector):
    """Metrics of everything but single reviews, which the journal has."""

    def __init__(  # noqa: PLR0913, PLR0917 - one argument per part of the process
        self,
        catalogue: str,
        policies: LivePolicySet,
        feed: Feed,
        certificates: CertificateStore,
        server: Server,
        pulse: Pulse,
        recall: Recall,
        lines_dropped: Callable[[], int],
        missing: Callable[[], list[str]],
    ) -> None:
        self._catalogue = catalogue
        self._policies = policies
        self._feed = feed
        self._certificates = certificates
        self._server = server
        self._pulse = pulse
        self._recall = recall
        self._lines_dropped = lines_dropped
        self._missing = missing

    def collect(self) -> Iterator[Metric]:
        """Yield every metric as it is now."""
        yield InfoMetricFamily(
            "stridegate_build", "What is running.", {"version": __version__, "catalogue": self._catalogue}
        )
        yield _gauge("stridegate_webhook_ready", "Whether this replica may be sent reviews.", not self._missing())
        yield from self._of_policies()
        yield from self._of_certificates()
        yield _gauge("stridegate_admission_in_flight", "Reviews being read or judged.", self._server.in_flight)
        yield _gauge("stridegate_connections", "Open connections of callers.", self._server.connections)
        yield _gauge("stridegate_handshakes", "TLS handshakes under way.", self._server.handshakes)
        yield _counter(
            "stridegate_connections_dropped",
            "Connections and handshakes that were ended to make room for newer ones.",
            self._server.dropped,
        )
        yield _counter(
            "stridegate_admission_recalled",
            "Reviews of pods that were answered as one that is alike was before.",
            self._recall.recalled,
        )
        refused = CounterMetricFamily(
            "stridegate_strangers", "Calls without the client certificate that is wanted.", labels=["reason"]
        )
        for objection in Objection:
            refused.add_metric([objection.value], self._server.callers.counted[objection])
        yield refused
        yield _gauge("stridegate_event_loop_lag_seconds", "By how much the event loop is late.", self._pulse.lag)
        yield _counter("stridegate_log_lines_dropped", "Lines of the log that nobody will read.", self._lines_dropped())

    def _of_policies(self) -> Iterator[Metric]:
        current = self._policies.current
        yield _gauge("stridegate_policy_synced", "Whether policies were listed completely.", self._policies.synced)
        yield _gauge(
            "stridegate_policy_last_sync_timestamp_seconds",
            "When policies were last listed completely.",
            self._policies.synced_at,
        )
        yield InfoMetricFamily("stridegate_policy_snapshot", "The policies in force.", {"hash": current.digest})
        yield _gauge("stridegate_policies", "Policies in force.", len(current.policies))
        yield _gauge("stridegate_policies_broken", "Policies that cannot be read.", len(current.broken))
        exemptions = GaugeMetricFamily("stridegate_exemptions", "Exemptions, by what they are worth.", labels=["state"])
        for state, count in self._policies.exemptions.counts(time.time()).items():
            exemptions.add_metric([state], count)
        yield exemptions
        yield _gauge(
            "stridegate_exemptions_served", "Whether the cluster knows of exemptions.", self._feed.exemptions_served
        )
        yield _counter("stridegate_watch_restarts", "Times the watch was started again.", self._feed.restarts)

    def _of_certificates(self) -> Iterator[Metric]:
        expiry = GaugeMetricFamily(
            "stridegate_certificate_expiry_timestamp_seconds", "When a certificate expires.", labels=["role"]
        )
        certificate = self._certificates.current
        if certificate is not None:
            expiry.add_metric(["leaf"], certificate.expires)
            expiry.add_metric(["ca"], certificate.authority_expires)
        yield expiry
        rotations = CounterMetricFamily(
            "stridegate_certificate_rotations", "Certificates taken into service.", labels=["result"]
        )
        rotations.add_metric(["success"], self._certificates.rotations)
        yield rotations
        yield _counter(
            "stridegate_certificate_reload_failures", "Certificates not taken over.", self._certificates.failures
        )


def _gauge(name: str, doc: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, doc, value=value)


def _counter(name: str, doc: str, value: float) -> CounterMetricFamily:
    return CounterMetricFamily(name, doc, value=value)
