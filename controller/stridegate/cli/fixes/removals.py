"""Taking a key out of a mapping, with its lines and nothing else: comments stay, or the key does."""

from __future__ import annotations

from collections.abc import Iterable

from stridegate.cli.fixes.errors import Unwritable
from stridegate.cli.fixes.lines import break_at, leads, line_end, line_start
from stridegate.cli.fixes.splices import Path, Splice, written
from stridegate.cli.fixes.syntax import Entry, Node


def removal(text: str, node: Node, keys: Iterable[str], path: Path) -> Splice:
    """Return the edit that takes one key out of a mapping. Raises Unwritable for more than one, and where a comment would go with it."""
    key, *more = keys
    entry = node.entry(key)
    if entry is None or more:
        raise Unwritable.because(written([*path, key]), "is not written in its own place, or not the only one to go")
    if "#" in text[entry.start : entry.value.end] or entry.value.folded:
        raise Unwritable.because(written([*path, key]), "has a comment, or a block of text, that would go with it")
    at, depth = node.entries.index(entry), len(path) + 1
    if len(node.entries) == 1:
        return _uncommented(text, Splice(node.inner, node.end, "{}", depth), path)
    if not node.flow and not text[line_start(text, entry.start) : entry.start].strip():
        return _lines(text, entry, depth)
    if at + 1 < len(node.entries) and (node.flow or leads(text, entry.start)):
        return _uncommented(text, Splice(entry.start, node.entries[at + 1].start, "", depth), path)
    return _uncommented(text, Splice(node.entries[at - 1].value.end, entry.value.end, "", depth), path)


def _uncommented(text: str, splice: Splice, path: Path) -> Splice:
    if "#" in text[splice.start : splice.end]:
        raise Unwritable.because(written(path), "has a comment that would go with what is removed")
    return splice


def _lines(text: str, entry: Entry, depth: int) -> Splice:
    """Return the edit that takes the lines of an entry out; a comment at their end stays."""
    start, end = line_start(text, entry.start), line_end(text, entry.value.end)
    comment = text[entry.value.end : end].strip()
    if comment:
        return Splice(entry.start, end, comment, depth)
    newline = break_at(text, end)
    if newline:
        return Splice(start, end + len(newline), "", depth)
    # The last line of a file that ends without a break goes with the break before it.
    return Splice(start - (2 if text[start - 2 : start] == "\r\n" else 1), end, "", depth)
