"""Findings of scans as a report is made of them, one rule after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stridegate.engine.reports import Scan, report
from stridegate.model.entries import ReportedRule
from stridegate.model.exemptions import ExemptedValue
from stridegate.model.nodes.verdicts import Evidence, Offender, Source, State, Verdict
from stridegate.model.references import CisDocker, CisKubernetes
from stridegate.model.reports import NodeExemption
from stridegate.model.vocabulary import Severity, Stride

NOW = 1_800_000_000.0
HOUR = 3600.0
EVIDENCE = Evidence(source=Source.FILE, path="/etc/kubernetes/x")


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A rule, and its verdict."""

    rule: ReportedRule
    verdict: Verdict


def rule(slug: str = "loose-file", severity: Severity = Severity.HIGH) -> ReportedRule:
    return ReportedRule(
        slug=slug,
        severity=severity,
        stride=frozenset({Stride.TAMPERING}),
        references=(CisKubernetes("1.1.1"), CisDocker("5.13", before_1_6="5.12")),
        wrong="A file can be changed by others than root.",
        threat="Whoever can write it owns the node.",
        wants="have a mode of at most 600",
        fix="Run chmod 600.",
    )


def judged(
    state: State = State.FAIL,
    slug: str = "loose-file",
    severity: Severity = Severity.HIGH,
    observed: str = "644",
    offenders: tuple[Offender, ...] = (),
) -> Judged:
    verdict = Verdict(state=state, observed=observed, wanted="600", evidence=EVIDENCE, offenders=offenders)
    return Judged(rule=rule(slug, severity), verdict=verdict)


def scan(*findings: Judged, now: float = NOW, **given: Any) -> Scan:  # noqa: ANN401 - any field
    return Scan(findings=findings, now=now, duration=0.25, version="0.1.0", catalogue="abc", generation=1, **given)


def status(*findings: Judged, before: Any = None, now: float = NOW, **given: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return dict(report(scan(*findings, now=now, **given), before))


def exemption(*values: ExemptedValue, expires: float = NOW + HOUR, slug: str = "loose-file") -> NodeExemption:
    return NodeExemption(name="while-moving", rules=frozenset({slug}), values=values, expires=expires)
