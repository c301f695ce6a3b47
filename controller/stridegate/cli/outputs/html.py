"""A page for people who were not there: the sum, every object with findings, what does not count and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from stridegate import __version__
from stridegate.cli.outputs.pages import code, page, table, weight, words
from stridegate.cli.outputs.sentences import (
    beside,
    by_owner,
    excuse,
    moment,
    object_name,
    remarks,
    statement,
    total,
    where,
)
from stridegate.cli.results import Result, Subject

if TYPE_CHECKING:
    from stridegate.cli.terminals import Sheet


def render(result: Result, _sheet: Sheet) -> str:
    """Return a result as a page of HTML."""
    return page("Stridegate check", _body(result))


def _body(result: Result) -> Iterator[str]:
    policies = ", ".join(code(each) for each in result.policies)
    yield "<h1>Stridegate check</h1>"
    yield f"<p>{words(total(result))}</p>"
    yield f'<p class="faint">{words(moment(result.at))} · stridegate {words(__version__)}{f" · policies {policies}" if policies else ""}</p>'
    told = list(beside(result))
    if told:
        yield f"<ul>{''.join(f'<li>{words(each)}</li>' for each in told)}</ul>"
    for subject in result.subjects:
        if any(finding.counts for finding in subject.findings):
            yield from _subject(subject)
    yield from _excused(result.subjects)
    clean = [subject for subject in result.subjects if not subject.findings]
    if clean:
        yield "<h2>Nothing found</h2>"
        yield table(
            ("Object", "Where"), ((words(object_name(each)), code(where(each.source, each.at))) for each in clean)
        )


def _subject(subject: Subject) -> Iterator[str]:
    yield f"<h2>{words(object_name(subject))}</h2>"
    rows = (
        (
            weight(finding.severity),
            f'<span title="{words(finding.title)}">{code(finding.rule)}</span>',
            code(where(subject.source, at)),
            words(owner),
            words(statement(finding)),
            words(remarks(finding)),
        )
        for owner, at, findings in by_owner(subject)
        for finding in findings
    )
    yield table(("Severity", "Rule", "Where", "Part", "What is wrong", "Remarks"), rows)


def _excused(subjects: Iterable[Subject]) -> Iterator[str]:
    rows = [
        (code(finding.rule), words(object_name(subject)), words(finding.place), words(excuse(finding)))
        for subject in subjects
        for finding in subject.findings
        if not finding.counts
    ]
    if rows:
        yield "<h2>Exempted or known</h2>"
        yield table(("Rule", "Object", "Place", "Why it does not count"), rows)
