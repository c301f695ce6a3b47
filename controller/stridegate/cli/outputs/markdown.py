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
_SPECIAL = re.compile(r"[^A-Za-z0-9 ]", re.ASCII)


def render(result: Result, _sheet: Sheet) -> str:
    """Return a result as Markdown."""
    lines = ["## Stridegate", "", total(result), ""]
    for subject in result.subjects:
        if any(finding.counts for finding in subject.findings):
            lines += _subject(subject)
    lines += _excused(result.subjects)
    told = list(beside(result))
    if told:
        lines += ["### Beside that", "", *(f"- {code(each)}" for each in told), ""]
    return "\n".join(lines).rstrip("\n") + "\n"


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
