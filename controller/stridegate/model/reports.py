"""What a HardeningReport says, as it is written in the cluster and as the command line reads it.

Times are RFC 3339 in UTC. A key that has nothing to say is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NotRequired, TypedDict

from stridegate.model.exemptions import ExemptedValue

# The report on what the cluster's objects say: it has no node and no owner, and the operator writes it.
CLUSTER_REPORT = "stridegate-cluster"
CLUSTER_PROFILE = "cluster"

# Seconds after which a report is written though nothing has changed, and the share of them that may be taken off, so
# that the nodes of a cluster do not write together. Two of these without a word make a report overdue.
HEARTBEAT = 6 * 3600.0
JITTER = 0.2

# The labels of a report, and the annotations by which a person asks for something.
ROLE_LABEL = "stridegate.dev/role"
PROFILE_LABEL = "stridegate.dev/profile"
RESCAN_ANNOTATION = "stridegate.dev/rescan"
ACCEPT_ANNOTATION = "stridegate.dev/accept"


class ReferenceEntry(TypedDict):
    """What a rule is called in an edition of a benchmark."""

    benchmark: str
    version: str
    id: str


class EvidenceEntry(TypedDict):
    """What a finding rests on; `digest` is of what was observed, and is what an exemption names."""

    source: str
    path: str
    digest: str


class OffenderEntry(TypedDict):
    """One of the things that break a rule."""

    name: str
    observed: str


class ExemptionEntry(TypedDict):
    """The exemption that takes a finding."""

    name: str
    expires: str


class FindingEntry(TypedDict):
    """A rule that did not pass: `state` is Fail, Warn, Unknown or Error."""

    rule: str
    title: str
    stride: str
    severity: str
    state: str
    observed: str
    wanted: NotRequired[str]
    note: NotRequired[str]
    fix: str
    references: NotRequired[list[ReferenceEntry]]
    evidence: NotRequired[EvidenceEntry]
    offenders: NotRequired[list[OffenderEntry]]
    offendersTotal: NotRequired[int]
    firstSeen: str
    lastTransition: str
    previousState: NotRequired[str]
    exemption: NotRequired[ExemptionEntry]


class DeltaEntry(TypedDict):
    """What the newest scan that changed anything changed, and when that was."""

    new: int
    regressed: int
    fixed: int
    since: str


class FileEntry(TypedDict):
    """A file in its accepted state."""

    path: str
    digest: str


class ConditionEntry(TypedDict):
    """A condition (metav1.Condition)."""

    type: str
    status: str
    reason: str
    message: str
    observedGeneration: int
    lastTransitionTime: str


class NodeEntry(TypedDict, total=False):
    """What the node says of itself. `instanceMetadata` is reachable or unreachable, where the scanner's pod has tried."""

    osImage: str
    kernel: str
    kubelet: str
    runtime: str
    distro: str
    instanceMetadata: str
    cni: list[str]


class StatusEntry(TypedDict):
    """A report's status, without the condition Fresh, which the operator writes."""

    observedGeneration: int
    scannedAt: str
    durationMs: int
    scannerVersion: str
    catalogueDigest: str
    delta: DeltaEntry
    dropped: int
    node: NotRequired[NodeEntry]
    summary: dict[str, int]
    findings: list[FindingEntry]
    passed: list[str]
    files: NotRequired[list[FileEntry]]
    conditions: list[ConditionEntry]


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeExemption:
    """An exemption in force on a node, as the report's spec tells it.

    Without `values` it takes any; `expires` is Unix time in seconds.
    """

    name: str
    rules: frozenset[str]
    values: tuple[ExemptedValue, ...] = ()
    expires: float
