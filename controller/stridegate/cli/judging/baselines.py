"""Baselines: the findings that a project has already, so that a run can tell what is new."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from stridegate.cli.judging.errors import BadBaseline
from stridegate.cli.results import Finding, Standing, Subject

_KIND, _VERSION = "stridegate-baseline", 1
_MOST_BYTES = 64 * 1024 * 1024


def read_baseline(path: Path) -> frozenset[str]:
    """Return the fingerprints in a baseline. Raises BadBaseline."""
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(_MOST_BYTES))
    except OSError as error:
        raise BadBaseline(str(path), "a file that can be read", error.strerror or type(error).__name__) from error
    except (ValueError, RecursionError) as error:
        raise BadBaseline(str(path), "JSON as --write-baseline writes it", f"no JSON: {error}") from error
    if not isinstance(found, dict) or (found.get("kind"), found.get("version")) != (_KIND, _VERSION):
        raise BadBaseline(str(path), f"a {_KIND} of version {_VERSION}", "something else")
    known = found.get("findings")
    if not isinstance(known, dict):
        raise BadBaseline(str(path), "findings by their fingerprints", "something else")
    return frozenset(known)


def write_baseline(path: Path, subjects: Iterable[Subject]) -> int:
    """Write the findings that count, one a line and in a fixed order, and return how many they are. Raises OSError."""
    known = {
        finding.fingerprint: f"{finding.rule} {subject.kind} {subject.namespace}/{subject.name} {finding.place}"
        for subject in subjects
        for finding in subject.findings
        if finding.standing is not Standing.EXEMPTED
    }
    text = json.dumps({"kind": _KIND, "version": _VERSION, "findings": known}, indent=1, sort_keys=True)
    path.write_text(f"{text}\n", encoding="utf-8")
    return len(known)


def compared(subjects: Iterable[Subject], known: frozenset[str]) -> tuple[Subject, ...]:
    """Return subjects in which the findings of a baseline are known. What is exempted stays so; what is denied is denied no less."""
    return tuple(_compared(subject, known) for subject in subjects)


def _compared(subject: Subject, known: frozenset[str]) -> Subject:
    if not any(finding.fingerprint in known for finding in subject.findings):
        return subject
    return subject._replace(findings=tuple(_known(finding, known) for finding in subject.findings))


def _known(finding: Finding, known: frozenset[str]) -> Finding:
    if finding.standing is Standing.EXEMPTED or finding.fingerprint not in known:
        return finding
    return finding._replace(standing=Standing.KNOWN)
