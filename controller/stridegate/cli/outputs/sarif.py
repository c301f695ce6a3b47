"""SARIF 2.1.0 (OASIS), as code scanning services read it: the line of the container, fingerprints that outlive edits, help for each rule."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import quote

from stridegate import __version__
from stridegate.cli.outputs.sentences import excuse, moment, object_name, path_of, position, text
from stridegate.cli.results import Finding, Position, Problem, Result, Standing, Subject
from stridegate.engine.catalogue import RULES
from stridegate.model.vocabulary import Severity

if TYPE_CHECKING:
    from stridegate.cli.terminals import Sheet
    from stridegate.model.rules import AnyRule

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_FINGERPRINT = "stridegate/v1"
_LEVELS: Mapping[Severity, str] = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
    Severity.INFO: "note",
}
# What GitHub sorts by, like a CVSS score: above 9.0 it shows critical, from 7.0 high, from 4.0 medium.
_SCORES: Mapping[Severity, str] = {
    Severity.CRITICAL: "9.5",
    Severity.HIGH: "8.0",
    Severity.MEDIUM: "5.5",
    Severity.LOW: "3.0",
    Severity.INFO: "1.0",
}


def render(result: Result, _sheet: Sheet) -> str:
    """Return a result as a SARIF log with one run, in ASCII."""
    return json.dumps(_log(result), indent=2) + "\n"


def _log(result: Result) -> dict[str, object]:
    found = [(subject, finding) for subject in result.subjects for finding in subject.findings]
    # In the order of the catalogue, which is that of the severities.
    slugs = {finding.rule: finding for _, finding in found}
    rules = [slug for slug in RULES if slug in slugs] + sorted(slugs.keys() - RULES.keys())
    index = {slug: number for number, slug in enumerate(rules)}
    run = {
        "tool": {
            "driver": {
                "name": "Stridegate",
                "version": __version__,
                "semanticVersion": __version__,
                "rules": [_rule(slug, slugs[slug]) for slug in rules],
            }
        },
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {
                "executionSuccessful": not result.problems,
                "endTimeUtc": moment(result.at),
                "toolExecutionNotifications": [_notification(each) for each in result.problems],
            }
        ],
        "results": [_result(subject, finding, index[finding.rule]) for subject, finding in found],
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(slug: str, finding: Finding) -> dict[str, object]:
    entry = RULES.get(slug)
    severity = entry.severity if entry else finding.severity
    return {
        "id": slug,
        "name": slug.title().replace("-", ""),
        "shortDescription": {"text": entry.title if entry else text(finding.title)},
        **({} if entry is None else _help(entry)),
        "defaultConfiguration": {"level": _LEVELS[severity]},
        "properties": {
            "precision": "very-high",
            "problem.severity": {"error": "error", "warning": "warning", "note": "recommendation"}[_LEVELS[severity]],
            "security-severity": _SCORES[severity],
            "tags": ["security", "kubernetes", *(f"stride/{letter}" for letter in finding.stride)],
        },
    }


def _help(entry: AnyRule) -> dict[str, object]:
    paragraphs = dict(entry.paragraphs)
    if entry.references:
        paragraphs["References"] = "; ".join(map(str, entry.references))
    plain = "\n".join(f"{name}: {told}" for name, told in paragraphs.items())
    # The catalogue's prose is Markdown already: code stands in backticks.
    markdown = "\n\n".join(f"**{name}**: {told}" for name, told in paragraphs.items())
    threat = paragraphs["Threat"]
    return {
        "fullDescription": {"text": f"{entry.title} {threat[:1].upper()}{threat[1:]}"},
        "help": {"text": plain, "markdown": markdown},
    }


def _result(subject: Subject, finding: Finding, index: int) -> dict[str, object]:
    told: dict[str, object] = {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "kind": "fail",
        "level": _level(finding),
        "message": {"text": f"{object_name(subject)}: {text(finding.sentence)}"},
        "locations": [_location(subject, finding)],
        "partialFingerprints": {_FINGERPRINT: finding.fingerprint},
        "properties": {
            "standing": finding.standing.value,
            "policy": text(finding.policy),
            "observed": text(finding.observed),
            "wanted": text(finding.wanted),
            "fixable": finding.fixable.value,
        },
    }
    if not finding.counts:
        # External: the exemption is an object of the cluster, the baseline a file of its own; nothing stands in the source.
        told["suppressions"] = [{"kind": "external", "status": "accepted", "justification": excuse(finding)}]
    return told


def _level(finding: Finding) -> str:
    """Return how a finding counts: an audited one is a note at most."""
    return "note" if finding.standing is Standing.AUDITED else _LEVELS[finding.severity]


def _location(subject: Subject, finding: Finding) -> dict[str, object]:
    logical = {
        "fullyQualifiedName": f"{object_name(subject)}{f' {text(finding.owner)}' if finding.owner else ''}",
        "kind": "object",
    }
    at = position(subject, finding)
    physical = {"physicalLocation": _physical(subject.source, at)} if at else {}
    return {**physical, "logicalLocations": [logical]}


def _physical(source: str, at: Position) -> dict[str, object]:
    return {
        "artifactLocation": {"uri": uri(source)},
        "region": {"startLine": at.line, "startColumn": at.column},
    }


def uri(source: str) -> str:
    """Return the URI reference of a source: relative to where the command ran, unless the path is absolute."""
    path = quote(path_of(source), safe="/", errors="replace")
    if not path.startswith("/"):
        return path or "."
    # Two slashes at the beginning would be a host.
    return f"file:///{path.lstrip('/')}"


def _notification(problem: Problem) -> dict[str, object]:
    told: dict[str, object] = {"level": "error", "message": {"text": text(problem.sentence) or "not judged"}}
    if problem.at is not None:
        told["locations"] = [{"physicalLocation": _physical(problem.source, problem.at)}]
    return told
