"""Markdown as it is needed here: prose, tables, links and blocks of code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

# What a cell says that has nothing to say.
NONE = "—"

# What Markdown would take for a sign of its own, outside code; an underscore within a word is none.
_SIGNS = re.compile(r"([*<>]|(?<!\w)_|_(?!\w))")


def prose(text: str) -> str:
    """Return a text as it reads, in one line: its code stays code, everything else means nothing to Markdown."""
    words = " ".join(text.split())
    parts = words.split("`")
    return "`".join(part if index % 2 else _SIGNS.sub(r"\\\1", part) for index, part in enumerate(parts))


def link(text: str, target: str) -> str:
    """Return a link."""
    return f"[{text}]({target})"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table, and an empty one after it; none at all where there is no row."""
    cells = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    if not cells:
        return
    yield f"| {' | '.join(header)} |"
    yield f"|{'|'.join(['---'] * len(header))}|"
    yield from (f"| {' | '.join(row)} |" for row in cells)
    yield ""


def block(language: str, text: str) -> Iterator[str]:
    """Yield the lines of a block of code, and an empty one after it."""
    yield f"```{language}"
    yield text.rstrip("\n")
    yield "```"
    yield ""


def listed(words: Iterable[str]) -> str:
    """Return words as a sentence lists them."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
