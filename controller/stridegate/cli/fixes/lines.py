"""Lines of a text: where one begins and ends, and where new ones go."""

from __future__ import annotations

import re

from stridegate.cli.fixes.errors import Unwritable
from stridegate.cli.fixes.syntax import Node

# What ends a line in YAML 1.1, which Kubernetes reads.
_OTHERS = "\r\x85\u2028\u2029"
BREAK = re.compile(f"\r\n|[\n{_OTHERS}]")


def line_start(text: str, position: int) -> int:
    """Return where the line of a position begins."""
    if text[position - 1 : position + 1] == "\r\n":
        position -= 1
    # Nearly every line ends so; the others are looked for no further back than that.
    start = text.rfind("\n", 0, position) + 1
    return max(start, *(text.rfind(mark, start, position) + 1 for mark in _OTHERS))


def line_end(text: str, position: int) -> int:
    """Return where the line of a position ends, before its break."""
    found = BREAK.search(text, position)
    return found.start() if found else len(text)


def break_at(text: str, position: int) -> str:
    """Return the break that stands at a position; empty where there is none."""
    found = BREAK.match(text, position)
    return found.group() if found else ""


def column(text: str, position: int) -> int:
    """Return how many characters of its line stand before a position."""
    return position - line_start(text, position)


def leads(text: str, position: int) -> bool:
    """Whether nothing but blanks and dashes stands before a position in its line."""
    return not text[line_start(text, position) : position].strip(" \t-")


def dash_column(text: str, sequence: Node) -> int:
    """Return the column of the dashes of a block sequence that is not empty."""
    return column(text, sequence.inner)


def key_column(text: str, mapping: Node) -> int:
    """Return the column of the keys of a block mapping that is not empty. Raises Unwritable where they are no plain ones."""
    first = mapping.entries[0].start
    if text[line_start(text, first) : first].rstrip(" \t").endswith("?"):
        raise Unwritable("a mapping is written with question marks")
    return column(text, first)


def spread(text: str, node: Node) -> bool:
    """Whether the braces of a mapping or a sequence stand on lines other than what they hold, as JSON is mostly written."""
    if not node.flow or not node.entries:
        return False
    before, after = text[node.inner : node.entries[0].start], text[node.entries[-1].value.end : node.end]
    return bool(BREAK.search(before) and BREAK.search(after)) and not text[
        line_start(text, node.end - 1) : node.end - 1
    ].strip(" \t")


def margin(text: str, node: Node) -> str:
    """Return what the last entry of spread braces is indented by."""
    start = node.entries[-1].start
    line = text[line_start(text, start) : start]
    return line[: len(line) - len(line.lstrip(" \t"))]


def after_block(text: str, node: Node, indent: int) -> tuple[int, bool]:
    """Return where lines go on after a block, and whether that is where a line begins, and not where one ends.

    Comments that are indented like the block, or deeper, are taken for its own, and others for what follows. Raises
    Unwritable where nothing can follow.
    """
    last = node
    while last.entries and not last.flow:
        last = last.entries[-1].value
    if last.folded:
        return _after_folded(text, last), True
    position = reached = line_end(text, last.end)
    while newline := break_at(text, reached):
        start = reached + len(newline)
        reached = line_end(text, start)
        line = text[start:reached]
        if not line.strip():
            continue
        if not line.lstrip(" ").startswith("#") or len(line) - len(line.lstrip(" ")) < indent:
            break
        position = reached
    return position, False


def column_of_next(text: str, position: int) -> int:
    """Return the column of what stands next in the lines after a position, comments aside; -1 where nothing does."""
    while newline := break_at(text, line_end(text, position)):
        position = line_end(text, position) + len(newline)
        line = text[position : line_end(text, position)].lstrip(" ")
        if line and not line.startswith("#"):
            return line_end(text, position) - len(line) - position
    return -1


def _after_folded(text: str, last: Node) -> int:
    """Return where lines go on after a block scalar, of which empty lines may be a part."""
    end = last.end
    if end == len(text) and not BREAK.fullmatch(text[-1:]):
        raise Unwritable("a block of text ends the file without a line break")
    header = text[last.inner : line_end(text, last.inner)].partition("#")[0]
    while "+" not in header and (before := line_start(text, end - 1)) > last.inner and line_end(text, before) == before:
        end = before
    return end
