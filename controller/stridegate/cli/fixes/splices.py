"""Edits of a text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from stridegate.cli.fixes.errors import Unwritable

# What leads from a document to a value in it, as in a JSON pointer.
Path = Sequence[str | int]


class Splice(NamedTuple):
    """Text in place of what stands between two positions.

    Of those that begin at one position the deeper one comes first: what follows a block follows what is in it.
    """

    start: int
    end: int
    text: str
    depth: int


def spliced(text: str, splices: Iterable[Splice]) -> str:
    """Return a text with edits made. Raises Unwritable where one lies in another."""
    parts: list[str] = []
    reached = 0
    for each in sorted(splices, key=lambda each: (each.start, each.end, -each.depth)):
        if each.start < reached:
            raise Unwritable("what changes overlaps in the text")
        parts += (text[reached : each.start], each.text)
        reached = each.end
    return "".join([*parts, text[reached:]])


def written(path: Path) -> str:
    """Return a path as messages show it."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
