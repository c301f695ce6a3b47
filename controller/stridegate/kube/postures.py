"""From policies, reports and exemptions as the API server lists them to how the cluster stands. Nothing is judged here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec
from msgspec import Struct

from stridegate.kube.errors import InvalidExemption
from stridegate.kube.exemptions import read_exemption
from stridegate.kube.objects import Json
from stridegate.model.exemptions import Exemption
from stridegate.model.postures import Aspect, BrokenRule, NodeStanding, PolicyStanding, Posture, Refusable, Tally
from stridegate.model.texts import clean
from stridegate.model.times import read_time
from stridegate.model.vocabulary import Severity

T = TypeVar("T")

_SEVERITIES = {str(each): each for each in Severity}


class _Named(Struct, frozen=True, kw_only=True):
    name: str = ""
    namespace: str = ""


class _Condition(Struct, frozen=True, kw_only=True):
    type: str
    status: str
    reason: str = ""
    message: str = ""


class _Worst(Struct, frozen=True, kw_only=True):
    namespace: str
    kind: str
    name: str
    rules: list[str] = []


class _PolicySpec(Struct, frozen=True, kw_only=True):
    profile: str = ""
    action: str = ""
    patching: str = ""


class _PolicyStatus(Struct, frozen=True, kw_only=True, rename="camel"):
    namespaces: int | None = None
    would_deny: int | None = None
    audited_at: str | None = None
    worst: list[_Worst] | None = None
    conditions: list[_Condition] | None = None


class _Policy(Struct, frozen=True, kw_only=True):
    metadata: _Named
    spec: _PolicySpec
    status: _PolicyStatus | None = None


class _Summary(Struct, frozen=True, kw_only=True, rename={"passed": "pass", "not_applicable": "notApplicable"}):
    passed: int
    fail: int
    warn: int
    error: int
    not_applicable: int
    exempted: int
    score: int | None = None
    coverage: int | None = None


class _Finding(Struct, frozen=True, kw_only=True):
    rule: str
    state: str
    severity: str
    title: str = ""
    stride: str = ""
    fix: str = ""
    exemption: _Named | None = None


class _ReportSpec(Struct, frozen=True, kw_only=True, rename="camel"):
    node_name: str = ""
    profile: str = ""
    role: str = ""


class _ReportStatus(Struct, frozen=True, kw_only=True, rename="camel"):
    scanned_at: str | None = None
    summary: _Summary | None = None
    findings: list[_Finding] | None = None
    conditions: list[_Condition] | None = None
    dropped: int = 0


class _Report(Struct, frozen=True, kw_only=True):
    metadata: _Named
    spec: _ReportSpec = _ReportSpec()
    status: _ReportStatus | None = None


@dataclass(slots=True)
class _Broken:
    """A rule as the reports tell it, the first that names it; and where it came out how."""

    finding: _Finding
    severity: Severity
    states: dict[str, list[str]] = field(default_factory=dict)


def read_posture(
    at: float, policies: Iterable[Json], reports: Iterable[Json] | None, exemptions: Iterable[Json]
) -> Posture:
    """Return how a cluster stands at a time. What cannot be read becomes a problem, and stands nowhere else."""
    problems: list[str] = []
    nodes, broken = (None, ()) if reports is None else _reports(reports, problems)
    return Posture(
        at=at,
        policies=tuple(sorted(_policies(policies, problems), key=lambda each: each.name)),
        nodes=nodes,
        broken=broken,
        exemptions=tuple(
            sorted(_exemptions(exemptions, problems), key=lambda each: (each.expires, each.namespace, each.name))
        ),
        problems=tuple(problems),
    )


def _read(obj: Json, kind: str, shape: type[T], problems: list[str]) -> T | None:
    try:
        return msgspec.convert(obj, shape, strict=True)
    except msgspec.ValidationError as error:
        metadata = obj.get("metadata")
        name = metadata.get("name") if isinstance(metadata, Mapping) else None
        problems.append(f"{kind} {clean(str(name))}: {clean(str(error), 200)}")
        return None


def _policies(policies: Iterable[Json], problems: list[str]) -> Iterator[PolicyStanding]:
    for obj in policies:
        policy = _read(obj, "HardeningPolicy", _Policy, problems)
        if policy is None:
            continue
        status = policy.status or _PolicyStatus()
        yield PolicyStanding(
            name=policy.metadata.name,
            profile=policy.spec.profile,
            action=policy.spec.action,
            patching=policy.spec.patching,
            namespaces=status.namespaces,
            would_deny=status.would_deny,
            audited=read_time(status.audited_at),
            worst=tuple(
                Refusable(each.namespace, each.kind, each.name, tuple(each.rules)) for each in status.worst or ()
            ),
            aspects=_aspects(status.conditions),
        )


def _reports(reports: Iterable[Json], problems: list[str]) -> tuple[tuple[NodeStanding, ...], tuple[BrokenRule, ...]]:
    """Read reports one by one: of each, only what stays is kept."""
    nodes: list[NodeStanding] = []
    broken: dict[str, _Broken] = {}
    for obj in reports:
        report = _read(obj, "HardeningReport", _Report, problems)
        if report is None:
            continue
        nodes.append(_node(report))
        for finding in (report.status or _ReportStatus()).findings or ():
            severity = _SEVERITIES.get(finding.severity)
            if severity is None:
                problems.append(
                    f"HardeningReport {clean(report.metadata.name)}: rule {clean(finding.rule)} has no severity that is known"
                )
                # What nobody can weigh weighs most.
                severity = Severity.CRITICAL
            known = broken.setdefault(finding.rule, _Broken(finding, severity))
            known.states.setdefault("Exempted" if finding.exemption else finding.state, []).append(report.metadata.name)
    # The cluster's own report first, then by name.
    nodes.sort(key=lambda each: (each.node != "", each.name))
    return tuple(nodes), tuple(sorted(map(_broken, broken.values()), key=_badness))


def _node(report: _Report) -> NodeStanding:
    status = report.status or _ReportStatus()
    return NodeStanding(
        name=report.metadata.name,
        node=report.spec.node_name,
        role=report.spec.role,
        profile=report.spec.profile,
        scanned=read_time(status.scanned_at),
        tally=_tally(status.summary) if status.summary else None,
        aspects=_aspects(status.conditions),
        dropped=status.dropped,
    )


def _tally(summary: _Summary) -> Tally:
    return Tally(
        failed=summary.fail,
        warned=summary.warn,
        undecided=summary.error,
        passed=summary.passed,
        not_applicable=summary.not_applicable,
        exempted=summary.exempted,
        score=summary.score,
        coverage=summary.coverage,
    )


def _broken(known: _Broken) -> BrokenRule:
    states = {state: tuple(sorted(names)) for state, names in known.states.items()}
    # A state that nobody knows is no verdict.
    undecided = sorted(
        name for state, names in states.items() if state not in {"Fail", "Warn", "Exempted"} for name in names
    )
    return BrokenRule(
        rule=known.finding.rule,
        title=known.finding.title,
        severity=known.severity,
        stride=known.finding.stride,
        fix=known.finding.fix,
        failing=states.get("Fail", ()),
        warned=states.get("Warn", ()),
        undecided=tuple(undecided),
        exempted=states.get("Exempted", ()),
    )


def _badness(rule: BrokenRule) -> tuple[bool, int, bool, int, str]:
    return (not rule.counts, -rule.severity, not rule.failing, -len(rule.failing), rule.rule)


def _exemptions(exemptions: Iterable[Json], problems: list[str]) -> Iterator[Exemption]:
    for obj in exemptions:
        try:
            yield read_exemption(obj)
        except InvalidExemption as problem:
            problems.append(clean(str(problem), 200))


def _aspects(conditions: Iterable[_Condition] | None) -> tuple[Aspect, ...]:
    return tuple(Aspect(each.type, each.status, each.reason, each.message) for each in conditions or ())
