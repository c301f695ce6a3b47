"""For programs: everything there is, in a versioned shape (docs/schemas/check-result-v1.json)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from stridegate import __version__
from stridegate.cli.outputs.sentences import moment
from stridegate.cli.results import SCHEMA_VERSION, Finding, Position, Problem, Result, Subject, Taken, Unjudged

if TYPE_CHECKING:
    from stridegate.cli.terminals import Sheet

SCHEMA = f"https://stridegate.dev/schemas/check-result-v{SCHEMA_VERSION}.json"


def render(result: Result, _sheet: Sheet) -> str:
    """Return a result as JSON, in ASCII: no encoding and no terminal can spoil it."""
    return json.dumps(described(result), indent=2) + "\n"


def described(result: Result) -> dict[str, object]:
    """Return a result as JSON values."""
    summary = result.summary
    return {
        "$schema": SCHEMA,
        "schemaVersion": SCHEMA_VERSION,
        "tool": {"name": "stridegate", "version": __version__},
        "at": moment(result.at),
        "policies": list(result.policies),
        "summary": {
            "judged": summary.judged,
            "withFindings": summary.with_findings,
            "denied": summary.denied,
            "findings": summary.findings,
            "severities": {str(severity): count for severity, count in summary.severities.items()},
            "standings": {standing.value: count for standing, count in summary.standings.items()},
            "fixable": {fixable.value: count for fixable, count in summary.fixables.items()},
        },
        "subjects": [_subject(each) for each in result.subjects],
        "unjudged": [_unjudged(each) for each in result.unjudged],
        "problems": [_problem(each) for each in result.problems],
        "assumptions": list(result.assumptions),
        "ending": [{"exemption": _taken(each.exemption), "rules": list(each.rules)} for each in result.ending],
    }


def _subject(subject: Subject) -> dict[str, object]:
    return {
        "source": subject.source,
        "at": _position(subject.at),
        "apiVersion": subject.api_version,
        "kind": subject.kind,
        "namespace": subject.namespace,
        "name": subject.name,
        "denied": subject.denied,
        "message": subject.message,
        "warnings": list(subject.warnings),
        "findings": [_finding(each) for each in subject.findings],
    }


def _finding(finding: Finding) -> dict[str, object]:
    return {
        "rule": finding.rule,
        "title": finding.title,
        "severity": str(finding.severity),
        "stride": list(finding.stride),
        "standing": finding.standing.value,
        "action": str(finding.action),
        "policy": finding.policy,
        "owner": finding.owner,
        "path": finding.path,
        "pointer": finding.pointer,
        "at": _position(finding.at),
        "ownerAt": _position(finding.owner_at),
        "observed": finding.observed,
        "wanted": finding.wanted,
        "sentence": finding.sentence,
        "error": finding.error,
        "fixable": finding.fixable.value,
        "fingerprint": finding.fingerprint,
        "exemption": _taken(finding.exemption) if finding.exemption else None,
    }


def _taken(taken: Taken) -> dict[str, object]:
    return {"name": taken.name, "namespace": taken.namespace, "expires": moment(taken.expires), "owner": taken.owner}


def _unjudged(each: Unjudged) -> dict[str, object]:
    return {
        "source": each.source,
        "at": _position(each.at),
        "kind": each.kind,
        "namespace": each.namespace,
        "name": each.name,
        "reason": each.reason,
    }


def _problem(problem: Problem) -> dict[str, object]:
    return {"source": problem.source, "at": _position(problem.at), "sentence": problem.sentence}


def _position(at: Position | None) -> dict[str, int] | None:
    return {"line": at.line, "column": at.column} if at else None
