"""A posture for people at a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from stridegate.cli.outputs.sentences import moment, text
from stridegate.cli.postures.sentences import NO_REPORTS, enforcing, left, number, places, state, sums, troubles, whom
from stridegate.cli.terminals import Sheet
from stridegate.model.exemptions import Exemption
from stridegate.model.postures import BrokenRule, NodeStanding, PolicyStanding, Posture

# What is longer is cut, so that one name does not widen the column of all.
_CELL = 40
_INDENT = " " * 10


def render(posture: Posture, sheet: Sheet) -> str:
    """Return a posture as text."""
    lines = [*_policies(posture.policies, sheet), *_nodes(posture.nodes, sheet), *_broken(posture.broken, sheet)]
    lines += [*_exemptions(posture.exemptions, posture.at, sheet), *_problems(posture.problems, sheet)]
    lines += [line for each in sums(posture) for line in _wrapped(each, "", sheet)]
    lines.append(sheet.faint(f"as of {moment(posture.at)}"))
    return "\n".join(lines) + "\n"


def _policies(policies: Sequence[PolicyStanding], sheet: Sheet) -> Iterator[str]:
    rows = [
        (
            each.name,
            each.profile,
            each.action,
            each.patching,
            number(each.namespaces),
            number(each.would_deny),
            enforcing(each),
        )
        for each in policies
    ]
    head = ("POLICY", "PROFILE", "ACTION", "PATCHING", "NAMESPACES", "WOULD DENY", "ENFORCING")
    yield from _table(head, rows, sheet, "no policy: everything is audited against baseline, nothing is refused")
    for policy in policies:
        for trouble in troubles(policy.aspects):
            yield from _wrapped(f"{text(policy.name)}: {trouble}", "  ", sheet)
        for worst in policy.worst:
            told = (
                f"{text(policy.name)} would deny {worst.kind} {worst.namespace}/{worst.name}: {', '.join(worst.rules)}"
            )
            yield from _wrapped(text(told), "  ", sheet)
    yield ""


def _nodes(nodes: Sequence[NodeStanding] | None, sheet: Sheet) -> Iterator[str]:
    rows = [
        (each.name, each.role or "-", each.profile or "-", *_tally(each), state(each.fresh)) for each in nodes or ()
    ]
    head = ("REPORT", "ROLE", "PROFILE", "SCORE", "COVERAGE", "FAIL", "WARN", "ERROR", "EXEMPTED", "FRESH")
    yield from _table(head, rows, sheet, NO_REPORTS if nodes is None else "no reports: no node is scanned")
    for node in nodes or ():
        for trouble in troubles(node.aspects):
            yield from _wrapped(f"{text(node.name)}: {trouble}", "  ", sheet)
    yield ""


def _tally(node: NodeStanding) -> tuple[str, ...]:
    tally = node.tally
    if tally is None:
        return ("-",) * 6
    counts = (tally.score, tally.coverage, tally.failed, tally.warned, tally.undecided, tally.exempted)
    return tuple(number(each) for each in counts)


def _broken(broken: Iterable[BrokenRule], sheet: Sheet) -> Iterator[str]:
    found = False
    for rule in broken:
        found = True
        severity = sheet.severe(f"{rule.severity!s:8}", rule.severity)
        yield f"{severity}  {sheet.bold(text(rule.rule))}"
        for word, names in places(rule):
            yield from _wrapped(f"{word}: {names}", _INDENT, sheet)
        if rule.counts and rule.fix:
            yield from _wrapped(f"fix: {text(rule.fix)}", _INDENT, sheet)
    if found:
        yield ""


def _exemptions(exemptions: Sequence[Exemption], at: float, sheet: Sheet) -> Iterator[str]:
    rows = [
        (f"{each.namespace}/{each.name}", whom(each), ", ".join(sorted(each.rules)), left(each, at), each.granted_by)
        for each in exemptions
    ]
    yield from _table(("EXEMPTION", "FOR", "RULES", "STATE", "BY"), rows, sheet, "no exemptions")
    yield ""


def _problems(problems: Iterable[str], sheet: Sheet) -> Iterator[str]:
    for problem in problems:
        yield from _wrapped(f"cannot be read: {problem}", "", sheet)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], sheet: Sheet, empty: str) -> Iterator[str]:
    if not rows:
        yield empty
        return
    cells = [[_cut(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in [head, *cells]) for column in range(len(head))]
    if sheet.width is not None and sum(widths) + 3 * (len(widths) - 1) > sheet.width:
        # Too wide for the terminal: a block for each row.
        for row in cells:
            yield sheet.bold(row[0])
            yield from (f"  {name.lower()}: {cell}" for name, cell in zip(head[1:], row[1:], strict=True))
        return
    yield sheet.bold(_row(head, widths))
    yield from (_row(row, widths) for row in cells)


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "   ".join(f"{cell:{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip()


def _cut(cell: str) -> str:
    told = text(cell)
    return told if len(told) <= _CELL else f"{told[: _CELL - 1]}…"


def _wrapped(told: str, indent: str, sheet: Sheet) -> list[str]:
    if sheet.width is None:
        return [f"{indent}{told}"]
    return sheet.wrapped(told, indent, f"{indent}  ")
