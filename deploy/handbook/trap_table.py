"""The table of traps: what is tried against Stridegate, and the tests that try it."""

from __future__ import annotations

from collections.abc import Iterator

from handbook.markdown import link, prose, table
from handbook.sources import Trap, traps

_HEAD = """\
<!-- Generated from tests/traps.yaml: run `make generate`. -->
# Traps

What people and programs have tried, or got wrong, with admission webhooks and pod security. Each line is at least one named test; a test of its
own fails where a line has none, or names one that does not exist.
"""


def trap_table() -> str:
    """Return the table of traps."""
    lines = [_HEAD]
    for heading, rows in traps().items():
        lines += [f"## {heading}", "", *table(("", "What is tried", "Tests"), map(_row, rows))]
    return "\n".join(lines).rstrip("\n") + "\n"


def _row(trap: Trap) -> tuple[str, str, str]:
    tried = prose(trap.tried)
    if trap.rules:
        tried += f"<br>{', '.join(link(slug, f'rules/{slug}.md') for slug in trap.rules)}"
    return f'<a id="{trap.number.lower()}"></a>{trap.number}', tried, "<br>".join(_tests(trap))


def _tests(trap: Trap) -> Iterator[str]:
    for example in trap.examples:
        slug, _, title = example.partition(": ")
        yield f"example \u201c{prose(title)}\u201d of {link(slug, f'rules/{slug}.md')}"
    for test in trap.tests:
        path, _, name = test.partition("::")
        yield link(f"`{name.replace('::', ' ')}`" if name else path, f"../{path}")
