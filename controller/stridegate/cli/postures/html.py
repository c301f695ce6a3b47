"""A posture as a page: the sums, policies, nodes, broken rules and exemptions. It stays small however many nodes there are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from stridegate import __version__
from stridegate.cli.outputs.pages import code, page, table, weight, words
from stridegate.cli.outputs.sentences import moment
from stridegate.cli.postures.sentences import NO_REPORTS, enforcing, left, number, places, state, sums, troubles, whom

if TYPE_CHECKING:
    from stridegate.cli.terminals import Sheet
    from stridegate.model.exemptions import Exemption
    from stridegate.model.postures import BrokenRule, NodeStanding, PolicyStanding, Posture

# Rows of a table, and the most of them that a page of one megabyte has room for.
_ROWS = 1000


def render(posture: Posture, _sheet: Sheet) -> str:
    """Return a posture as a page of HTML."""
    return page("Stridegate posture", _body(posture))


def _body(posture: Posture) -> Iterator[str]:
    yield "<h1>Stridegate posture</h1>"
    yield f'<p class="faint">{words(moment(posture.at))} · stridegate {words(__version__)}</p>'
    yield f"<ul>{''.join(f'<li>{words(each)}</li>' for each in sums(posture))}</ul>"
    if posture.problems:
        yield "<h2>What could not be read</h2>"
        yield f"<ul>{''.join(f'<li>{words(each)}</li>' for each in posture.problems[:_ROWS])}</ul>"
    yield from _policies(posture.policies)
    yield from _broken(posture.broken)
    yield from _nodes(posture.nodes)
    yield from _exemptions(posture.exemptions, posture.at)


def _policies(policies: Sequence[PolicyStanding]) -> Iterator[str]:
    yield "<h2>Policies</h2>"
    rows = (
        (
            code(each.name),
            words(each.profile),
            words(each.action),
            words(each.patching),
            number(each.namespaces),
            number(each.would_deny),
            words(enforcing(each)),
            "<br>".join(map(words, troubles(each.aspects))),
        )
        for each in policies
    )
    head = ("Policy", "Profile", "Action", "Patching", "Namespaces", "Would deny", "Enforcing", "What is amiss")
    yield from _rows(
        head, rows, len(policies), "No policy: everything is audited against baseline, nothing is refused."
    )
    worst = [(policy, each) for policy in policies for each in policy.worst]
    if worst:
        yield "<h2>Running workloads that would not come back</h2>"
        lines = (
            (code(policy.name), words(f"{each.kind} {each.namespace}/{each.name}"), ", ".join(map(code, each.rules)))
            for policy, each in worst
        )
        yield from _rows(("Policy", "Workload", "Rules"), lines, len(worst), "")


def _broken(broken: Sequence[BrokenRule]) -> Iterator[str]:
    if not broken:
        return
    yield "<h2>Rules that did not pass</h2>"
    rows = (
        (
            weight(each.severity),
            f"{code(each.rule)}<br>{words(each.title)}",
            "<br>".join(words(f"{word}: {names}") for word, names in places(each)),
            words(each.fix),
        )
        for each in broken
    )
    yield from _rows(("Severity", "Rule", "Where", "Fix"), rows, len(broken), "")


def _nodes(nodes: Sequence[NodeStanding] | None) -> Iterator[str]:
    yield "<h2>Nodes</h2>"
    rows = (
        (
            code(each.name),
            words(each.role),
            words(each.profile),
            *_tally(each),
            words(state(each.fresh)),
            _scanned(each),
        )
        for each in nodes or ()
    )
    head = ("Report", "Role", "Profile", "Score", "Coverage", "Fail", "Warn", "Error", "Exempted", "Fresh", "Scanned")
    absent = f"{NO_REPORTS[0].upper()}{NO_REPORTS[1:]}." if nodes is None else "No reports: no node is scanned."
    yield from _rows(head, rows, len(nodes or ()), absent)


def _tally(node: NodeStanding) -> tuple[str, ...]:
    tally = node.tally
    if tally is None:
        return ("-",) * 6
    return tuple(
        map(number, (tally.score, tally.coverage, tally.failed, tally.warned, tally.undecided, tally.exempted))
    )


def _scanned(node: NodeStanding) -> str:
    return "never" if node.scanned is None else words(moment(node.scanned))


def _exemptions(exemptions: Sequence[Exemption], at: float) -> Iterator[str]:
    yield "<h2>Exemptions</h2>"
    rows = (
        (
            code(f"{each.namespace}/{each.name}"),
            words(whom(each)),
            ", ".join(map(code, sorted(each.rules))),
            words(left(each, at)),
            words(each.granted_by),
            words(each.reason),
        )
        for each in exemptions
    )
    yield from _rows(("Exemption", "For", "Rules", "State", "By", "Reason"), rows, len(exemptions), "No exemptions.")


def _rows(head: Sequence[str], rows: Iterable[Sequence[str]], count: int, empty: str) -> Iterator[str]:
    """Yield a table of the first rows, and how many more there are."""
    if not count:
        yield f"<p>{words(empty)}</p>"
        return
    yield table(head, (row for row, _ in zip(rows, range(_ROWS), strict=False)))
    if count > _ROWS:
        yield f"<p>… and {count - _ROWS} more: <code>stridegate report --cluster -o json</code> has them all.</p>"
