"""Markdown as GitHub and GitLab show it in comments and summaries: the sum, then a table for each object with findings.

Whatever a user wrote stands in code, where nothing is a link, a mention, or markup.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from stridegate.cli.outputs.sentences import (
    beside,
    by_owner,
    excuse,
    object_name,
    remarks,
    statement,
    text,
    total,
    where,
)
from stridegate.cli.results import Result, Subject

if TYPE_CHECKING:
    from stridegate.cli.terminals import Sheet

# Within a span of code these, and only these, still mean something to Markdown or to its tables.
_SIGNS = re.compile(r"[`|\\]")
# GitHub takes 65,536 characters in a comment, and a mebibyte in a job's summary.
_ROOM = 60_000
_BESIDE = 20
_SPECIAL = re.compile(r"[^A-Za-z0-9 ]", re.ASCII)


def render(result: Result, _sheet: Sheet) -> str:
    """Return a result as Markdown, the objects with the worst findings first, as many as have room."""
    lines = ["## Stridegate", "", total(result), ""]
    told = list(beside(result))
    if told:
        lines += [
            "### Beside that",
            "",
            *(f"- {code(each)}" for each in told[:_BESIDE]),
            *_more(len(told) - _BESIDE),
            "",
        ]
    found = [subject for subject in result.subjects if any(finding.counts for finding in subject.findings)]
    found.sort(key=lambda subject: -max(finding.severity for finding in subject.findings if finding.counts))
    room = _ROOM - len("\n".join(lines).encode())
    for number, subject in enumerate(found):
        section = list(_subject(subject))
        room -= len("\n".join(section).encode()) + 1
        if room < 0:
            return "\n".join([*lines, *_more(len(found) - number)]) + "\n"
        lines += section
    section = list(_excused(result.subjects))
    lines += section if len("\n".join(section).encode()) < room else []
    return "\n".join(lines).rstrip("\n") + "\n"


def _more(count: int) -> list[str]:
    return [f"… and {count} more, which `-o html` and `-o json` show."] if count > 0 else []


def code(written: str) -> str:
    """Return a text as code, in one line, that shows exactly what was written."""
    plain = text(written).strip()
    if not plain:
        return ""
    if not _SIGNS.search(plain):
        return f"`{plain}`"
    # No fence of backticks is sure within a table, so each sign becomes a character reference, which can open nothing.
    return f"<code>{_SPECIAL.sub(lambda sign: f'&#{ord(sign[0])};', plain)}</code>"


def _subject(subject: Subject) -> Iterator[str]:
    yield from (f"### {code(object_name(subject))}", "")
    rows = [
        (
            str(finding.severity),
            code(finding.rule),
            code(where(subject.source, at)),
            code(owner),
            code(statement(finding)),
            remarks(finding),
        )
        for owner, at, findings in by_owner(subject)
        for finding in findings
    ]
    yield from _table(("Severity", "Rule", "Where", "Part", "What is wrong", ""), rows)


def _excused(subjects: Iterable[Subject]) -> Iterator[str]:
    rows = [
        (code(finding.rule), code(object_name(subject)), code(finding.place), code(excuse(finding)))
        for subject in subjects
        for finding in subject.findings
        if not finding.counts
    ]
    if rows:
        yield from ("### Exempted or known", "")
        yield from _table(("Rule", "Object", "Place", "Why it does not count"), rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'|'.join(['---'] * len(head))}|"
    yield from (f"| {' | '.join(row)} |" for row in rows)
    yield ""
