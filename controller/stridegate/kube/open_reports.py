"""From a HardeningReport to the ClusterReport of OpenReports that says the same (openreports.io/v1alpha1, reports-api 0.2.1).

That kind bounds nothing, and whoever shows it may trust it: every text is made fit to be shown and cut, and a whole report
stays as small as a HardeningReport has to be. Ours remains the source: theirs has no conditions.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from stridegate.engine.report_sizes import STATUS_BYTES, shortened
from stridegate.kube.objects import Json
from stridegate.kube.reports import API_VERSION as OUR_VERSION
from stridegate.kube.whole_reports import Condition, Finding, WholeReport
from stridegate.model.entries import CatalogueEntry
from stridegate.model.references import Benchmark
from stridegate.model.reports import CLUSTER_REPORT, PROFILE_LABEL, ROLE_LABEL
from stridegate.model.texts import clean
from stridegate.model.times import read_time

API_VERSION = "openreports.io/v1alpha1"
OPEN_REPORTS = f"/apis/{API_VERSION}/clusterreports"
SOURCE = "stridegate"
# What a result is called that is about the report itself; no rule has this name.
STALE = "stale-report"
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
# The objects that rules about the cluster name, `Kind name` or `Kind namespace/name`; users and groups are none.
_KINDS = {
    kind: version
    for version, kinds in (
        ("v1", "ConfigMap Namespace Node Secret Service ServiceAccount"),
        ("rbac.authorization.k8s.io/v1", "ClusterRole ClusterRoleBinding Role RoleBinding"),
        ("networking.k8s.io/v1", "NetworkPolicy"),
        ("discovery.k8s.io/v1", "EndpointSlice"),
        ("certificates.k8s.io/v1", "CertificateSigningRequest"),
        ("flowcontrol.apiserver.k8s.io/v1", "FlowSchema PriorityLevelConfiguration"),
    )
    for kind in kinds.split()
}
_NAMED = re.compile(r"(\w+) (?:([^/\s]+)/)?([^/\s]+)")
_NAME = re.compile(rf"{CLUSTER_REPORT}|stridegate-node-[0-9a-f]{{{_DIGITS}}}", re.ASCII)
_FAMILIES = {each.value: each.title for each in Benchmark}


def open_name(report: str) -> str:
    """Return the name of the ClusterReport for a HardeningReport: a node's name alone may be as long as a name can be."""
    if report == CLUSTER_REPORT:
        return CLUSTER_REPORT
    return f"stridegate-node-{hashlib.sha256(report.encode()).hexdigest()[:_DIGITS]}"


def is_open_name(name: str) -> bool:
    """Whether a ClusterReport has a name that `open_name` gives: a copy with our label under another name is not ours to delete."""
    return _NAME.fullmatch(name) is not None


def open_report(report: WholeReport, rules: Mapping[str, CatalogueEntry]) -> Json | None:
    """Return the ClusterReport that says what a report says; None where that says nothing yet.

    `rules` are those that are known here: a report lists of a rule that passed its name alone.
    """
    status, summary = report.status, report.status.summary
    if summary is None:
        return None
    cluster = not report.spec.node_name
    fresh = next(
        (each for each in status.conditions if each.type == "Fresh"), Condition(type="Fresh", status="Unknown")
    )
    found = [_stale(fresh)] if fresh.status == "False" else []
    stale = len(found)
    found += [_found(each, cluster=cluster) for each in status.findings]
    found += [_passed(slug, rules.get(slug)) for slug in status.passed]
    results = list(_fitting(found))
    dropped = status.dropped + len(found) - len(results)
    content: Json = {
        **({} if cluster else {"scope": _scope(report)}),
        "source": SOURCE,
        "summary": {
            "pass": summary.passed,
            "fail": summary.fail,
            "warn": summary.warn,
            "error": summary.error + stale,
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
        "labels": _labels(report, fresh),
        "ownerReferences": [owner],
    }
    digest = _digest({**content, "metadata": metadata, "dropped": dropped})
    metadata["annotations"] = {DIGEST_ANNOTATION: digest, DROPPED_ANNOTATION: str(dropped)}
    return {"apiVersion": API_VERSION, "kind": "ClusterReport", "metadata": metadata, **content}


def _scope(report: WholeReport) -> Json:
    uid = next((each.uid for each in report.metadata.owner_references or () if each.kind == "Node"), "")
    node = {"apiVersion": "v1", "kind": "Node", "name": report.spec.node_name}
    return {**node, **({"uid": uid} if uid else {})}


def _labels(report: WholeReport, fresh: Condition) -> dict[str, str]:
    labels = {PROFILE_LABEL: report.spec.profile, ROLE_LABEL: report.spec.role, FRESH_LABEL: fresh.status}
    return {MANAGED_LABEL: SOURCE, **{key: value for key, value in labels.items() if value}}


def _stale(fresh: Condition) -> Json:
    """Return the result that stands before all others while nobody looks after a node: without it, what passed once would stay green."""
    return {
        **_rule(STALE, "high"),
        "result": "error",
        "scored": True,
        "message": clean(f"All that follows is as it was last seen: {fresh.message or fresh.reason}", _MESSAGE),
        **_timestamp(fresh.last_transition_time),
        "properties": {"state": _short(fresh.reason)},
    }


def _found(finding: Finding, *, cluster: bool) -> Json:
    result = "skip" if finding.exemption else _RESULTS.get(finding.state, "error")
    seen = f"observed {finding.observed}" + (f", wanted {finding.wanted}" if finding.wanted else "")
    exempted = f"exempted by {finding.exemption.name} until {finding.exemption.expires}: " if finding.exemption else ""
    # What is found on a node is about the node, which is the scope.
    objects = list(_objects(finding)) if cluster else []
    return {
        **_rule(finding.rule, finding.severity),
        "category": _category(finding.stride, finding.references[0].benchmark if finding.references else ""),
        "result": result,
        # A person must judge what warns, which is what OpenReports calls not scored (ReportSummary.warn).
        "scored": result != "warn",
        "message": clean(f"{exempted}{finding.title or finding.rule} ({seen})", _MESSAGE),
        **({"resources": objects} if objects else {}),
        **_timestamp(finding.last_transition),
        "properties": {key: _short(text) for key, text in _properties(finding) if text},
    }


def _objects(finding: Finding) -> Iterator[Json]:
    """Yield references to the objects that break a rule, as far as they are objects."""
    for each in finding.offenders:
        match = _NAMED.fullmatch(each.name)
        version = _KINDS.get(match[1]) if match else None
        if match and version:
            place = {"namespace": match[2]} if match[2] else {}
            yield {"apiVersion": version, "kind": match[1], **place, "name": match[3]}


def _short(text: str) -> str:
    cleaned = clean(text, _PROPERTY)
    # No printable character takes more than four bytes.
    return cleaned if 4 * len(cleaned) <= _PROPERTY else shortened(cleaned, _PROPERTY)


def _properties(finding: Finding) -> Iterator[tuple[str, str]]:
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


def _timestamp(time: str) -> Json:
    """Return a time (RFC 3339, UTC) as OpenReports has it, by its key; nothing for what is no time."""
    seconds = read_time(time)
    return {} if seconds is None else {"timestamp": {"seconds": int(seconds), "nanos": 0}}


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
