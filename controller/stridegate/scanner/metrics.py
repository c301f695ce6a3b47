"""What a scanner tells about itself: when it scanned, what that cost, and how the rules came out. No path, no name of the node."""

from __future__ import annotations

import time
from collections import Counter as Tally

from prometheus_client import CollectorRegistry, Counter, Gauge

from stridegate import __version__
from stridegate.engine.reports import Scan
from stridegate.model.nodes.verdicts import State


class Metrics:
    """The scanner's metrics, in a registry of their own; `catalogue` is the digest of the rules."""

    def __init__(self, catalogue: str) -> None:
        self.registry = CollectorRegistry()
        Gauge(
            "stridegate_build_info",
            "Which Stridegate this is, and which rules it has.",
            ["version", "catalogue"],
            registry=self.registry,
        ).labels(version=__version__, catalogue=catalogue).set(1)
        self._scans = Counter("stridegate_scans", "Scans that ran to their end.", registry=self.registry)
        self._writes = Counter("stridegate_report_writes", "Times that the report was written.", registry=self.registry)
        self._last = Gauge(
            "stridegate_last_scan_timestamp_seconds", "When the last scan ended.", registry=self.registry
        )
        self._duration = Gauge(
            "stridegate_scan_duration_seconds", "How long the last scan took.", registry=self.registry
        )
        self._processor = Gauge(
            "stridegate_scan_cpu_seconds", "Processor time that the last scan took here.", registry=self.registry
        )
        self._rules = Gauge("stridegate_node_rules", "Rules by how they came out.", ["state"], registry=self.registry)

    def scanned(self, scan: Scan, processor: float) -> None:
        """Take note of a scan, and of the processor time that it took in this process."""
        self._scans.inc()
        self._last.set(time.time())
        self._duration.set(scan.duration)
        self._processor.set(processor)
        states = Tally(each.verdict.state for each in scan.findings)
        for state in State:
            self._rules.labels(state=state.value).set(states[state])

    def written(self) -> None:
        """Take note that the report was written."""
        self._writes.inc()
