"""What our processes really tell Prometheus: the exposition of each, by metric."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from authorities import mounted
from fake_cluster import NAMESPACES, POLICIES, FakeCluster
from processes import AUTHORITY, BAD, CONTEXT, DENY, GOOD, World
from stridegate.operator.metrics import Metrics as OperatorMetrics
from stridegate.scanner.metrics import Metrics as ScannerMetrics

# What counters and histograms are asked for by.
_SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}
_NAME = re.compile(r"\b(?:stridegate|apiserver)_[a-z_]+\b")


@dataclass(frozen=True)
class Exposed:
    """A metric: the process that tells it, its type, the names of its series, and what it is for."""

    process: str
    type: str
    name: str
    meaning: str

    @property
    def series(self) -> Iterator[str]:
        """The names that expressions know it by."""
        for suffix in _SUFFIXES.get(self.type, ("",)):
            yield self.name + suffix


def expositions(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield what each process tells, the webhook as a process that was asked something."""
    with ExitStack() as stack:
        cluster = stack.enter_context(FakeCluster(folder))
        cluster.put(NAMESPACES, "shop")
        cluster.put(POLICIES, "production", spec=DENY)
        replica = World(cluster, mounted(folder / "tls", AUTHORITY), stack).replica().wait_ready()
        for body in (GOOD, BAD):
            replica.ask(CONTEXT, body)
        yield "webhook", replica.probe("/metrics")[1]
    yield "operator", generate_latest(OperatorMetrics("catalogue").registry).decode()
    yield "scanner", generate_latest(ScannerMetrics("catalogue").registry).decode()


def exposed(folder: Path) -> Iterator[Exposed]:
    """Yield every metric of ours that a process tells."""
    for process, text in expositions(folder):
        for family in text_string_to_metric_families(text):
            if not family.name.endswith("_created"):
                yield Exposed(process, family.type, family.name, family.documentation)


def names_in(expression: str) -> set[str]:
    """Return the names of the metrics in an expression of PromQL that are ours or the API server's."""
    return set(_NAME.findall(expression))
