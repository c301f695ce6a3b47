"""The result of a run counts itself."""

from __future__ import annotations

from stridegate.cli.results import Finding, Fixable, Result, Standing, Subject
from stridegate.model.vocabulary import Action, Severity


def finding(standing: Standing, severity: Severity = Severity.HIGH, fixable: Fixable = Fixable.NO) -> Finding:
    return Finding(
        rule="host-network",
        title="A pod shares the network of its node.",
        severity=severity,
        stride="SIE",
        standing=standing,
        action=Action.DENY,
        policy="production",
        owner="pod",
        path="hostNetwork",
        observed="true",
        wanted="be false or absent",
        sentence="pod: hostNetwork is true → must be false or absent",
        pointer="/spec/hostNetwork",
        fingerprint="0123",
        fixable=fixable,
    )


def subject(*findings: Finding, denied: bool = False) -> Subject:
    return Subject(
        source="a.yaml",
        kind="Pod",
        name="web",
        namespace="shop",
        api_version="v1",
        at=None,
        denied=denied,
        findings=findings,
    )


def test_what_is_exempted_or_known_counts_for_nothing_else() -> None:
    result = Result(
        at=0,
        policies=("production",),
        subjects=(
            subject(finding(Standing.DENIED, Severity.CRITICAL, Fixable.SAFE), denied=True),
            subject(finding(Standing.EXEMPTED), finding(Standing.KNOWN, Severity.LOW)),
            subject(),
        ),
    )

    summary = result.summary

    assert (summary.judged, summary.with_findings, summary.denied, summary.findings) == (3, 1, 1, 1)
    assert summary.severities[Severity.CRITICAL] == 1
    assert summary.severities[Severity.HIGH] == 0
    assert list(summary.severities) == sorted(Severity, reverse=True)
    assert summary.standings[Standing.EXEMPTED] == summary.standings[Standing.KNOWN] == 1
    assert summary.fixables == {Fixable.SAFE: 1, Fixable.RISKY: 0, Fixable.NO: 0}


def test_a_place_is_what_there_is_of_its_two_parts() -> None:
    assert finding(Standing.DENIED).place == "pod: hostNetwork"
