"""HardeningReports as the API server lists them, reduced to what the operator keeps of each."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import msgspec
from msgspec import Struct

from stridegate.kube.objects import Json
from stridegate.kube.rosters import Version
from stridegate.kube.words import shared
from stridegate.model.times import read_time

_SUPER_ADMIN = "/super-admin.conf"
_REACHABLE = {"reachable": True, "unreachable": False}
_NAMED = 5
# How many different sets of results are remembered, so that equal ones are kept once.
_SETS = 10_000
# The conditions that the operator has a say in.
_KEPT = frozenset({"Fresh", "Ready"})


class Owner(Struct, frozen=True, kw_only=True):
    """metav1.OwnerReference."""

    uid: str = ""


class ReportMetadata(Struct, frozen=True, kw_only=True, rename="camel"):
    """metav1.ObjectMeta."""

    name: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    labels: dict[str, str] | None = None
    owner_references: list[Owner] | None = None

    @property
    def version(self) -> Version:
        """Which object this is, and in which state."""
        revision = self.resource_version
        return Version(name=self.name, uid=self.uid, revision=int(revision) if revision.isdecimal() else 0)


class Found(Struct, frozen=True, kw_only=True, rename="camel"):
    """A finding, as far as the operator reads it."""

    rule: str = ""
    state: str = ""
    severity: str = ""
    last_transition: str = ""
    exemption: Json | None = None


class Delta(Struct, frozen=True, kw_only=True):
    """What the newest scan that changed anything changed."""

    new: int = 0
    regressed: int = 0
    fixed: int = 0
    since: str = ""


class InspectedFile(Struct, frozen=True, kw_only=True):
    """A file in its accepted state."""

    path: str = ""


class ReportedNode(Struct, frozen=True, kw_only=True, rename="camel"):
    """What the node says of itself."""

    cni: list[str] | None = None
    instance_metadata: str = ""
    distro: str = ""


class ReportStatus(Struct, frozen=True, kw_only=True, rename="camel"):
    """The status of a report, as far as the operator reads it."""

    scanned_at: str | None = None
    delta: Delta | None = None
    node: ReportedNode | None = None
    findings: list[Found] | None = None
    passed: list[str] | None = None
    files: list[InspectedFile] | None = None
    conditions: list[Json] | None = None


class ListedReport(Struct, frozen=True, kw_only=True):
    """A HardeningReport."""

    metadata: ReportMetadata
    spec: Json | None = None
    status: ReportStatus | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How a rule came out on a node: `state` is Pass, Fail, Warn, Unknown, Error or Exempted; a rule that passed has no severity here."""

    rule: str
    state: str
    severity: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownReport:
    """What is kept of a report, of which there may be thousands.

    Times are Unix, in seconds; `changed` names rules that the newest change was about; `spec` is as `written_spec` has it.
    """

    name: str
    uid: str
    generation: int
    owners: tuple[str, ...]
    labels: dict[str, str]
    spec: bytes
    created: float | None
    leaving: bool
    scanned: float | None
    delta: Delta | None
    changed: tuple[str, ...]
    results: frozenset[Result]
    cni: tuple[str, ...] | None
    distro: str
    metadata_reachable: bool | None
    super_admin: bool
    conditions: tuple[Json, ...]

    def condition(self, kind: str) -> Json | None:
        """Return one of the report's conditions, as far as the operator has a say in it."""
        return next((each for each in self.conditions if each.get("type") == kind), None)


def written_spec(spec: object) -> bytes:
    """Return a spec as JSON that is the same for equal specs."""
    return msgspec.json.encode(spec, order="sorted")


class Reduction:
    """Reduces reports. Nodes that are made alike have the same results, which are kept once."""

    def __init__(self) -> None:
        self._results: dict[tuple[str, str, str], Result] = {}
        self._sets: dict[frozenset[Result], frozenset[Result]] = {}

    def __call__(self, report: ListedReport) -> KnownReport:
        """Return what is kept of a report."""
        metadata, status = report.metadata, report.status or ReportStatus()
        return KnownReport(
            name=metadata.name,
            uid=metadata.uid,
            generation=metadata.generation,
            owners=tuple(each.uid for each in metadata.owner_references or ()),
            labels=shared(metadata.labels),
            spec=written_spec(report.spec or {}),
            created=read_time(metadata.creation_timestamp),
            leaving=metadata.deletion_timestamp is not None,
            scanned=read_time(status.scanned_at),
            delta=status.delta,
            changed=_changed(status),
            results=self._of(status),
            distro=sys.intern(status.node.distro) if status.node else "",
            cni=tuple(status.node.cni) if status.node and status.node.cni is not None else None,
            metadata_reachable=_REACHABLE.get(status.node.instance_metadata) if status.node else None,
            super_admin=any(each.path.endswith(_SUPER_ADMIN) for each in status.files or ()),
            conditions=tuple(shared(each) for each in status.conditions or () if each.get("type") in _KEPT),
        )

    def _of(self, status: ReportStatus) -> frozenset[Result]:
        found = {
            self._result(each.rule, "Exempted" if each.exemption else each.state, each.severity)
            for each in status.findings or ()
        }
        results = frozenset(found | {self._result(rule, "Pass", "") for rule in status.passed or ()})
        if len(self._sets) >= _SETS:
            # What is still in use is found again.
            self._results, self._sets = {}, {}
        return self._sets.setdefault(results, results)

    def _result(self, rule: str, state: str, severity: str) -> Result:
        key = (rule, state, severity)
        known = self._results.get(key)
        if known is None:
            known = Result(rule=sys.intern(rule), state=sys.intern(state), severity=sys.intern(severity))
            self._results[key] = known
        return known


def _changed(status: ReportStatus) -> tuple[str, ...]:
    since = status.delta.since if status.delta else None
    return tuple(each.rule for each in status.findings or () if each.last_transition == since)[:_NAMED]
