"""For people at a terminal: findings by object and container, worst first, and the sum at the end."""

from __future__ import annotations

import os.path
import shlex
import textwrap
from collections.abc import Iterator

from stridegate.cli.outputs.sentences import by_owner, object_name, remarks, statement, text, total, where
from stridegate.cli.results import Finding, Fixable, Result, Subject
from stridegate.cli.terminals import Sheet

# Below this, a finding's sentence stands under its rule, and not beside it.
_BESIDE = 100
_LONGEST_SLUG = 32
# Up to this, remarks stand below each other.
_LONGEST_STATEMENT = 100
_REMARKS = len("  audited, fixable, risky")


def render(result: Result, sheet: Sheet) -> str:
    """Return a result as text; problems and assumptions are no findings, and not in it."""
    widest = max((len(each.rule) for subject in result.subjects for each in subject.findings if each.counts), default=0)
    lines: list[str] = []
    for subject in result.subjects:
        lines += _subject(subject, sheet, min(widest, _LONGEST_SLUG))
    lines += _foot(result, sheet)
    return "\n".join(lines) + "\n"


def _subject(subject: Subject, sheet: Sheet, slugs: int) -> Iterator[str]:
    name = object_name(subject)
    for owner, at, findings in by_owner(subject):
        yield from _head((where(subject.source, at), name, owner), sheet)
        column = min(max(len(statement(finding)) for finding in findings), _LONGEST_STATEMENT)
        for finding in findings:
            yield from _finding(finding, sheet, slugs, column)


def _head(parts: tuple[str, ...], sheet: Sheet) -> Iterator[str]:
    line = "  ".join(filter(None, parts))
    if sheet.width is None or len(line) <= sheet.width:
        yield sheet.bold(line)
    else:
        first, *rest = filter(None, parts)
        yield sheet.bold(first)
        yield from (sheet.bold(f"  {part}") for part in rest)


def _finding(finding: Finding, sheet: Sheet, slugs: int, column: int) -> Iterator[str]:
    severity = sheet.severe(f"{finding.severity!s:8}", finding.severity)
    told, remark = statement(finding), remarks(finding)
    if sheet.width is None or sheet.width >= _BESIDE:
        indent = 2 + 8 + 2 + slugs + 2
        room = 0 if sheet.width is None else max(sheet.width - indent - _REMARKS, 30)
        first, *rest = (textwrap.wrap(told, room) if room else [told]) or [""]
        tail = f"  {sheet.faint(remark)}" if remark else ""
        yield f"  {severity}  {text(finding.rule):{slugs}}  {first:{min(column, room or column) if tail else 0}}{tail}"
        yield from (" " * indent + line for line in rest)
    else:
        yield f"  {severity.rstrip()}  {text(finding.rule)}"
        yield from sheet.wrapped(f"{told}{f'  ({remark})' if remark else ''}", "    ")


def _foot(result: Result, sheet: Sheet) -> Iterator[str]:
    # Wrapped at the terminal's width; the command is not broken.
    yield from sheet.wrapped(total(result)) if sheet.width else [total(result)]
    command = mending(result)
    if command:
        yield sheet.faint(command)


def mending(result: Result) -> str:
    """Return the command that shows how to mend what can be mended; empty where nothing can, or nothing is a file."""
    mendable = [
        (subject.source, finding.fixable)
        for subject in result.subjects
        for finding in subject.findings
        if subject.at is not None and finding.counts and finding.fixable is not Fixable.NO
    ]
    sources = {source for source, _ in mendable}
    if not sources or not all(map(os.path.exists, sources)):
        return ""
    try:
        common = os.path.commonpath(sources)
    except ValueError:  # some from the root, some from here
        return ""
    risky = "" if any(fixable is Fixable.SAFE for _, fixable in mendable) else " --risky"
    # A name that begins with a dash is no option.
    path = f"./{common}" if common.startswith("-") else common or "."
    return f"stridegate fix {shlex.quote(text(path))}{risky} --diff"
