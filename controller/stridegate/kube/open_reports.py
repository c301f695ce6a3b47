"""From a HardeningReport to the ClusterReport of OpenReports that says the same (openreports.io/v1alpha1, reports-api 0.2.1).

That kind bounds nothing, and whoever shows it may trust it: every text is made fit to be shown and cut, and a whole report
stays as small as a HardeningReport has to be. Ours remains the source: theirs has no conditions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping

import msgspec
from msgspec import Struct

from stridegate.engine.report_sizes import STATUS_BYTES, shortened
from stridegate.kube.objects import Json
from stridegate.kube.reports import API_VERSION as OUR_VERSION
from stridegate.model.entries import CatalogueEntry
from stridegate.model.references import Benchmark
from stridegate.model.reports import CLUSTER_REPORT, PROFILE_LABEL, ROLE_LABEL
from stridegate.model.texts import clean
from stridegate.model.times import read_time

API_VERSION = "openreports.io/v1alpha1"
OPEN_REPORTS = f"/apis/{API_VERSION}/clusterreports"
SOURCE = "stridegate"
# What tells our ClusterReports from others'.
MANAGED_LABEL = "app.kubernetes.io/managed-by"
FRESH_LABEL = "stridegate.dev/fresh"
# What a ClusterReport says, in short; and how many results that its summary counts had no room in the list.
DIGEST_ANNOTATION = "stridegate.dev/digest"
DROPPED_ANNOTATION = "stridegate.dev/dropped"

# The most characters of a message and of a single word, and the most bytes of a property.
_MESSAGE, _WORD, _PROPERTY = 512, 63, 1024
_DIGITS = 16
# A state that is not among these, Unknown and Error included, is no verdict: never a pass.
_RESULTS = {"Fail": "fail", "Warn": "warn"}
_SEVERITIES = frozenset({"critical", "high", "medium", "low", "info"})
_FAMILIES = {each.value: each.title for each in Benchmark}


class _Owner(Struct, frozen=True, kw_only=True):
    kind: str = ""
    uid: str = ""


class _Metadata(Struct, frozen=True, kw_only=True, rename="camel"):
    name: str
    uid: str
    owner_references: list[_Owner] | None = None


class _Spec(Struct, frozen=True, kw_only=True, rename="camel"):
    node_name: str = ""
    profile: str = ""
    role: str = ""


class _Reference(Struct, frozen=True, kw_only=True):
    benchmark: str
    version: str
    id: str


class _Evidence(Struct, frozen=True, kw_only=True):
    source: str
    path: str
    digest: str


class _Offender(Struct, frozen=True, kw_only=True):
    name: str
    observed: str


class _Exemption(Struct, frozen=True, kw_only=True):
    name: str
    expires: str


class _Finding(Struct, frozen=True, kw_only=True, rename="camel"):
    rule: str
    severity: str
    state: str
    observed: str
    last_transition: str
    first_seen: str
    title: str = ""
    stride: str = ""
    wanted: str = ""
    note: str = ""
    fix: str = ""
    references: list[_Reference] = []
    evidence: _Evidence | None = None
    offenders: list[_Offender] = []
    offenders_total: int = 0
    previous_state: str = ""
    exemption: _Exemption | None = None


class _Summary(Struct, frozen=True, kw_only=True, rename={"passed": "pass", "not_applicable": "notApplicable"}):
    passed: int
    fail: int
    warn: int
    error: int
    not_applicable: int
    exempted: int


class _Condition(Struct, frozen=True, kw_only=True):
    type: str
    status: str


class _Status(Struct, frozen=True, kw_only=True):
    summary: _Summary | None = None
    findings: list[_Finding] = []
    passed: list[str] = []
    dropped: int = 0
    conditions: list[_Condition] = []


class WholeReport(Struct, frozen=True, kw_only=True):
    """A HardeningReport with all that a ClusterReport repeats of it."""

    metadata: _Metadata
    spec: _Spec = _Spec()
    status: _Status = _Status()


def open_name(report: str) -> str:
    """Return the name of the ClusterReport for a HardeningReport: a node's name alone may be as long as a name can be."""
    if report == CLUSTER_REPORT:
        return CLUSTER_REPORT
    return f"stridegate-node-{hashlib.sha256(report.encode()).hexdigest()[:_DIGITS]}"


def open_report(report: WholeReport, rules: Mapping[str, CatalogueEntry]) -> Json | None:
    """Return the ClusterReport that says what a report says; None where that says nothing yet.

    `rules` are those that are known here: a report lists of a rule that passed its name alone.
    """
    status, summary = report.status, report.status.summary
    if summary is None:
        return None
    found = [_found(each) for each in status.findings] + [_passed(slug, rules.get(slug)) for slug in status.passed]
    results = list(_fitting(found))
    dropped = status.dropped + len(found) - len(results)
    content: Json = {
        **({"scope": _scope(report)} if report.spec.node_name else {}),
        "source": SOURCE,
        "summary": {
            "pass": summary.passed,
            "fail": summary.fail,
            "warn": summary.warn,
            "error": summary.error,
            "skip": summary.not_applicable + summary.exempted,
        },
        "results": results,
    }
    owner = {
        "apiVersion": OUR_VERSION,
        "kind": "HardeningReport",
        "name": report.metadata.name,
        "uid": report.metadata.uid,
    }
    metadata: Json = {
        "name": open_name(report.metadata.name),
        "labels": _labels(report),
        "ownerReferences": [owner],
    }
    digest = _digest({**content, "metadata": metadata, "dropped": dropped})
    metadata["annotations"] = {DIGEST_ANNOTATION: digest, DROPPED_ANNOTATION: str(dropped)}
    return {"apiVersion": API_VERSION, "kind": "ClusterReport", "metadata": metadata, **content}


def _scope(report: WholeReport) -> Json:
    uid = next((each.uid for each in report.metadata.owner_references or () if each.kind == "Node"), "")
    node = {"apiVersion": "v1", "kind": "Node", "name": report.spec.node_name}
    return {**node, **({"uid": uid} if uid else {})}


def _labels(report: WholeReport) -> dict[str, str]:
    fresh = next((each.status for each in report.status.conditions if each.type == "Fresh"), "Unknown")
    labels = {PROFILE_LABEL: report.spec.profile, ROLE_LABEL: report.spec.role, FRESH_LABEL: fresh}
    return {MANAGED_LABEL: SOURCE, **{key: value for key, value in labels.items() if value}}


def _found(finding: _Finding) -> Json:
    result = "skip" if finding.exemption else _RESULTS.get(finding.state, "error")
    seen = f"observed {finding.observed}" + (f", wanted {finding.wanted}" if finding.wanted else "")
    exempted = f"exempted by {finding.exemption.name} until {finding.exemption.expires}: " if finding.exemption else ""
    # RFC 3339 in UTC; whatever else stands there is no time, and left out.
    since = read_time(finding.last_transition)
    return {
        **_rule(finding.rule, finding.severity),
        "category": _category(finding.stride, finding.references[0].benchmark if finding.references else ""),
        "result": result,
        # A person must judge what warns, which is what OpenReports calls not scored (ReportSummary.warn).
        "scored": result != "warn",
        "message": clean(f"{exempted}{finding.title or finding.rule} ({seen})", _MESSAGE),
        **({"timestamp": {"seconds": int(since), "nanos": 0}} if since is not None else {}),
        "properties": {key: _short(text) for key, text in _properties(finding) if text},
    }


def _short(text: str) -> str:
    cleaned = clean(text, _PROPERTY)
    # No printable character takes more than four bytes.
    return cleaned if 4 * len(cleaned) <= _PROPERTY else shortened(cleaned, _PROPERTY)


def _properties(finding: _Finding) -> Iterator[tuple[str, str]]:
    yield "observed", finding.observed
    yield "wanted", finding.wanted
    yield "note", finding.note
    yield "fix", finding.fix
    yield "references", "; ".join(f"{each.benchmark} {each.version} {each.id}" for each in finding.references)
    if finding.evidence:
        yield "evidence", finding.evidence.source
        yield "path", finding.evidence.path
        yield "digest", finding.evidence.digest
    if finding.offenders:
        yield "offenders", "; ".join(f"{each.name}: {each.observed}" for each in finding.offenders)
        yield "offendersTotal", str(finding.offenders_total)
    yield "state", finding.state
    yield "previousState", finding.previous_state
    yield "firstSeen", finding.first_seen
    if finding.exemption:
        yield "exemption", finding.exemption.name
        yield "expires", finding.exemption.expires


def _passed(slug: str, rule: CatalogueEntry | None) -> Json:
    if rule is None:
        return {**_rule(slug, ""), "result": "pass", "scored": True}
    numbering = next((each for reference in rule.references for each in reference.numberings()), None)
    return {
        **_rule(slug, str(rule.severity)),
        "category": _category(rule.letters, numbering.benchmark.value if numbering else ""),
        "result": "pass",
        "scored": True,
    }


def _rule(slug: str, severity: str) -> Json:
    return {"policy": clean(slug, _WORD), **({"severity": severity} if severity in _SEVERITIES else {})}


def _category(letters: str, benchmark: str) -> str:
    return clean(", ".join(filter(None, (f"STRIDE {letters}", _FAMILIES.get(benchmark, benchmark)))), _WORD)


def _fitting(results: Iterable[Json]) -> Iterator[Json]:
    """Yield as many results as there is room for, worst first as a report lists them."""
    room = STATUS_BYTES
    for each in results:
        room -= len(msgspec.json.encode(each)) + 1
        if room < 0:
            return
        yield each


def _digest(content: Json) -> str:
    return hashlib.sha256(msgspec.json.encode(content, order="deterministic")).hexdigest()[: 2 * _DIGITS]
