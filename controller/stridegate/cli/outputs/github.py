"""GitHub's workflow commands: each finding as an annotation of its line, worst first, since GitHub shows ten of a kind.

Format and escapes as the runner reads them (`actions/toolkit`, `packages/core/src/command.ts`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from stridegate.cli.outputs.sentences import object_name, path_of, position, remarks, text, total, where
from stridegate.cli.results import Finding, Problem, Result, Standing, Subject

if TYPE_CHECKING:
    from stridegate.cli.terminals import Sheet

_COMMANDS: Mapping[Standing, str] = {Standing.DENIED: "error", Standing.WARNED: "warning", Standing.AUDITED: "notice"}


def render(result: Result, _sheet: Sheet) -> str:
    """Return a result as workflow commands, and its sum as a line of the log."""
    counting = [
        (subject, finding)
        for subject in result.subjects
        for finding in subject.findings
        if finding.standing in _COMMANDS
    ]
    counting.sort(key=lambda each: (list(_COMMANDS).index(each[1].standing), -each[1].severity))
    lines = [_problem(each) for each in result.problems]
    lines += [_annotation(subject, finding) for subject, finding in counting]
    # At the beginning of a line two colons are a command; nothing of a user stands there.
    return "\n".join([*lines, f"Stridegate: {total(result)}"]) + "\n"


def _annotation(subject: Subject, finding: Finding) -> str:
    at = position(subject, finding)
    properties = {"title": f"{finding.rule} [{finding.stride}, {finding.severity}]"}
    # What comes from a cluster stands in no file.
    if at is not None:
        properties = {"file": path_of(subject.source), "line": str(at.line), "col": str(at.column), **properties}
    remark = remarks(finding)
    message = f"{object_name(subject)}: {text(finding.sentence)}{f' ({remark})' if remark else ''}"
    return _command(_COMMANDS[finding.standing], properties, message)


def _problem(problem: Problem) -> str:
    properties = {"title": "not judged"}
    if problem.at is not None:
        properties = {"file": path_of(problem.source), "line": str(problem.at.line), **properties}
    return _command("error", properties, f"{where(problem.source, problem.at)}: {text(problem.sentence)}")


def _command(name: str, properties: Mapping[str, str], message: str) -> str:
    told = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::{name} {told}::{_data(message)}"


def _data(value: str) -> str:
    return value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(value: str) -> str:
    return _data(value).replace(":", "%3A").replace(",", "%2C")
