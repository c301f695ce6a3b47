"""What the operator is told as it starts, and what it reads of that from files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from stridegate.kube.errors import InvalidField
from stridegate.kube.fields import Field
from stridegate.kube.objects import ConfigurationKind
from stridegate.kube.selectors import read_selector
from stridegate.model.policies import LabelSelector
from stridegate.operator.arming import JUDGING, Entries, read_webhooks
from stridegate.operator.assignments import Settings
from stridegate.operator.errors import BadWebhooksFile
from stridegate.operator.guards import Guard, read_guard


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
    # Whether reports are repeated as ClusterReports of OpenReports.
    open_reports: bool = False
    kubeconfig: Path | None = None
    # How many lines of the log were dropped.
    lines_dropped: Callable[[], int] = int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the chart says that the cluster must have: webhook entries, what these are asked about, and the two guards."""

    entries: Mapping[ConfigurationKind, Entries]
    scope: LabelSelector
    guard: Guard
    report_guard: Guard

    @classmethod
    def read(cls, options: Options) -> Wanted:
        """Read it from the files that the chart wrote. Raises BadWebhooksFile and BadGuardFile."""
        entries = read_webhooks(options.webhooks_file)
        return cls(
            entries=entries,
            scope=_scope(options.webhooks_file, entries),
            guard=read_guard(options.guard_file),
            report_guard=read_guard(options.report_guard_file),
        )


def _scope(path: Path, entries: Mapping[ConfigurationKind, Entries]) -> LabelSelector:
    """Return which namespaces policies can reach: those of the entry that judges pods."""
    for entry in entries[ConfigurationKind.VALIDATING]:
        if entry["name"] == JUDGING:
            try:
                return read_selector(Field(entry.get("namespaceSelector"), f"{JUDGING}: namespaceSelector"))
            except InvalidField as error:
                raise BadWebhooksFile(path, error) from error
    raise BadWebhooksFile(path, f"no entry {JUDGING}")
