"""A run of `stridegate fix` from what was asked to its end: mend, show or write, and say what is left."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import click

from stridegate.cli.checking import Request, judge_of, nothing_judged
from stridegate.cli.fixes.differences import difference
from stridegate.cli.fixes.documents import Left, Mended, Mender
from stridegate.cli.fixes.files import NotWritten, replace, target_of
from stridegate.cli.judging.runs import problem
from stridegate.cli.manifests.sources import STANDARD_INPUT, sources
from stridegate.cli.outputs.sentences import object_name, text, where
from stridegate.cli.results import Problem, Standing
from stridegate.cli.terminals import Sheet
from stridegate.engine.corrections import Obstacle
from stridegate.model.texts import clean
from stridegate.model.vocabulary import Safety

_CLEAN, _FINDINGS, _UNREADABLE = 0, 1, 3
# On a terminal; no manifest that people read has longer lines.
_LINE_RUNES = 2000
_PAINTS: Mapping[str, str] = {"+": "green", "-": "red", "@": "cyan"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """What is done with what is mended: whether it is written, whether the difference is shown; and how safe patches must be."""

    write: bool
    show: bool
    most: Safety
    allow_empty: bool = False


@dataclass(slots=True)
class _Tally:
    """What came of all sources. `pending` are changes that are not written."""

    judged: int = 0
    others: int = 0
    gone: int = 0
    changed: int = 0
    pending: int = 0
    left: list[Left] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def fix(request: Request, manner: Manner, sheet: Sheet) -> int:
    """Mend everything that was asked about, and return the exit code. Raises click.UsageError for what cannot be judged by."""
    found = list(sources(request.paths, request.exclude))
    mender = Mender(judge_of(request, found), manner.most)
    tally = _Tally()
    seen: set[Path] = set()
    for each in found:
        if isinstance(each, tuple):
            tally.problems.append(problem(each[0], each[1]))
        elif each.path is None or (target := each.path.resolve()) not in seen:
            mended = mender.mend(each)
            _count(tally, mended)
            if each.path is None:
                _filter(mended, manner, sheet)
            elif mended.after != mended.before:
                _put(mended, request, manner, sheet, tally)
            if each.path is not None:
                # By what it really is, so that no file is mended twice by two names.
                seen.add(target)
    _tell(tally, manner)
    return _exit_code(tally, manner)


def _count(tally: _Tally, mended: Mended) -> None:
    tally.judged += mended.judged
    tally.others += mended.others
    tally.gone += mended.gone
    tally.changed += mended.after != mended.before
    tally.left += mended.left
    tally.problems += mended.problems


def _filter(mended: Mended, manner: Manner, sheet: Sheet) -> None:
    """Write what came by standard input to standard output, or its difference; nothing where it could not be read."""
    if manner.show:
        _show(mended, sheet)
    elif not mended.problems:
        _write(mended.after)


def _put(mended: Mended, request: Request, manner: Manner, sheet: Sheet, tally: _Tally) -> None:
    """Show the difference, and write the file, as far as that is wanted."""
    path = mended.source.path
    if path is None:
        return
    if manner.show:
        _show(mended, sheet)
    if not manner.write:
        tally.pending += 1
        return
    try:
        replace(target_of(path, request.paths), mended.before, mended.after)
    except NotWritten as why:
        tally.pending += 1
        sentence = f"the file is left as it was: {clean(str(why), _LINE_RUNES)}"
        tally.problems.append(Problem(source=text(mended.source.name), sentence=sentence))


def _show(mended: Mended, sheet: Sheet) -> None:
    before, after = mended.before.decode("utf-8-sig"), mended.after.decode("utf-8-sig")
    for line in difference(mended.source.name, before, after):
        if sheet.width is not None:
            # What a terminal would obey is not shown there; what is piped is what `git apply` needs.
            line = clean(line, _LINE_RUNES)  # noqa: PLW2901 - the same line
        _write(f"{_painted(line, sheet)}\n".encode())


def _painted(line: str, sheet: Sheet) -> str:
    color = _PAINTS.get(line[:1])
    return click.style(line, fg=color) if sheet.color and color else line


def _write(content: bytes) -> None:
    sys.stdout.buffer.write(content)


def _tell(tally: _Tally, manner: Manner) -> None:
    """Say on standard error what is left and why, and what was done."""
    for each in tally.left:
        name = object_name(each.subject)
        place = where(each.subject.source, each.at)
        click.echo(f"{place}  {name}  {each.finding.rule}: {each.finding.sentence}; left: {each.reason}", err=True)
    for one in tally.problems:
        click.echo(f"Error: {one}", err=True)
    if tally.judged:
        click.echo("".join(_sum(tally, manner)), err=True)


def _sum(tally: _Tally, manner: Manner) -> Iterator[str]:
    verb = "can be mended" if tally.pending else "mended"
    yield f"{_counted(tally.gone, 'finding')} {verb} in {_counted(tally.changed, 'file')}, {len(tally.left)} left"
    risky = Counter(each.reason for each in tally.left)[Obstacle.RISKY.value]
    yield f" ({risky} of them with --risky)." if risky else "."
    if tally.pending and not manner.write:
        yield " Nothing is written without --write."


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _exit_code(tally: _Tally, manner: Manner) -> int:
    if tally.problems:
        return _UNREADABLE
    if not tally.judged and not manner.allow_empty:
        click.echo(nothing_judged(tally.others), err=True)
        return _UNREADABLE
    standing = any(each.finding.standing in {Standing.DENIED, Standing.WARNED} for each in tally.left)
    return _FINDINGS if standing or tally.pending else _CLEAN


def refuse_mixtures(paths: tuple[str, ...], *, write: bool) -> None:
    """Raise click.UsageError where standard input is one of several, or is to be written to."""
    if STANDARD_INPUT in paths and len(paths) > 1:
        raise click.UsageError("- for standard input stands alone: what is mended in it goes to standard output")
    if STANDARD_INPUT in paths and write:
        raise click.UsageError("--write is for files: what comes by standard input goes to standard output")
