"""Adding keys to a mapping and elements to a sequence, in the manner of those that are there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from stridegate.cli.fixes.errors import Unwritable
from stridegate.cli.fixes.lines import (
    BREAK,
    after_block,
    break_at,
    column,
    column_of_next,
    dash_column,
    key_column,
    line_end,
    margin,
    spread,
)
from stridegate.cli.fixes.splices import Path, Splice, written
from stridegate.cli.fixes.styles import Layout, Manner, manner_of
from stridegate.cli.fixes.syntax import Entry, Node

_COMMA = re.compile(r"[ \t]*,")

# Empty braces are filled where they stand with what holds no braces itself, as long as the line stays this short.
_WIDEST = 100
# Dashes with more blanks after them are no habit.
_WIDEST_DASH = 9


@dataclass(frozen=True, slots=True)
class Additions:
    """Writes into one text, laid out in one way."""

    text: str
    layout: Layout

    def keys(self, node: Node, added: Mapping[str, object], depth: int) -> Iterator[Splice]:
        """Yield the edits that add keys to a mapping that has some. Raises Unwritable."""
        manner = manner_of(self.text, node, self.layout)
        if spread(self.text, node):
            yield from self._spread(node, list(self._pairs(node, added, manner)), depth)
        elif node.flow:
            yield self._inline(node, list(manner.pairs(added)), manner, depth)
        else:
            lines = [line for key, value in added.items() for line in manner.block(key, value, self.layout)]
            indent = key_column(self.text, node)
            yield self._lines(after_block(self.text, node, indent), indent, lines, depth)

    def elements(self, node: Node, added: Sequence[object], depth: int) -> Iterator[Splice]:
        """Yield the edits that add elements to a sequence that has some. Raises Unwritable."""
        manner = manner_of(self.text, node, self.layout)
        if spread(self.text, node):
            unit = _unit(margin(self.text, node))
            yield from self._spread(node, [manner.spread(value, self.layout, unit) for value in added], depth)
        elif node.flow:
            yield self._inline(node, [manner.flow(value) for value in added], manner, depth)
        else:
            indent = dash_column(self.text, node)
            width = column(self.text, node.entries[-1].start) - indent
            dash = "-".ljust(width) if 1 < width <= _WIDEST_DASH else "- "
            lines = [line for value in added for line in manner.item(value, self.layout, dash)]
            where = after_block(self.text, node, indent)
            if column_of_next(self.text, where[0]) == indent:
                # A comment in the column of the dashes is about the key there that follows them.
                where = after_block(self.text, node, indent + 1)
            yield self._lines(where, indent, lines, depth)

    def scalar(self, node: Node, value: object) -> str:
        """Return a value that holds no others as it is written in place of another."""
        return Manner(string='"' if self.layout.json else node.quote).scalar(value)

    def element(self, node: Node, entry: Entry, value: object, depth: int) -> Splice:
        """Return the edit that puts a value in place of an empty element of a sequence. Raises Unwritable."""
        if "#" in self.text[entry.value.inner : entry.value.end]:
            raise Unwritable("an element has a comment in empty braces")
        return self._put(entry, manner_of(self.text, node, self.layout).flow(value), depth + 1)

    def fill(self, node: Node, entry: Entry, value: object, path: Path) -> Iterator[Splice]:
        """Yield the edits that put a value of a mapping in place of an empty one, or of an alias. Raises Unwritable."""
        held = entry.value
        if "#" in self.text[held.inner : held.end]:
            raise Unwritable.because(written(path), "has a comment in empty braces")
        manner = manner_of(self.text, node, self.layout)
        inline = manner.flow(value)
        fits = _flat(value) and column(self.text, held.inner) + len(inline) <= _WIDEST
        if spread(self.text, node):
            edge = margin(self.text, node)
            lines = manner.spread(value, self.layout, _unit(edge))
            yield self._put(entry, f"{self.layout.newline}{edge}".join(lines), len(path))
        elif node.flow or not isinstance(value, Mapping | list) or (held.flow and fits):
            yield self._put(entry, inline, len(path))
        else:
            yield from self._open(node, entry, manner.block("", value, self.layout)[1:], path)

    def _put(self, entry: Entry, text: str, depth: int) -> Splice:
        held, key = entry.value, entry.key
        if not held.absent or key is None:
            return Splice(held.inner, held.end, text, depth)
        colon = "" if ":" in self.text[key.end : held.start] else ":"
        return Splice(held.start, held.start, f"{colon} {text}", depth)

    def _open(self, node: Node, entry: Entry, lines: list[str], path: Path) -> Iterator[Splice]:
        """Yield the edits that write a block below a key, in place of what stands after it in its line."""
        held = entry.value
        if BREAK.search(self.text, held.start, held.end) or (entry.key and entry.key.folded):
            raise Unwritable.because(written(path), "is empty in a way that leaves no room")
        start = held.inner
        while self.text[start - 1] in " \t":
            start -= 1
        yield Splice(start, held.end, "", len(path))
        indent = key_column(self.text, node)
        yield self._lines((line_end(self.text, held.end), False), indent, lines, len(path))

    def _lines(self, where: tuple[int, bool], indent: int, lines: list[str], depth: int) -> Splice:
        """Return the edit that writes lines after the one that ends at a position, or before the one that begins there."""
        position, begins = where
        newline = (not begins and break_at(self.text, position)) or self.layout.newline
        edge = " " * indent
        parts = (f"{edge}{line}{newline}" if begins else f"{newline}{edge}{line}" for line in lines)
        return Splice(position, position, "".join(parts), depth)

    def _inline(self, node: Node, items: list[str], manner: Manner, depth: int) -> Splice:
        end = node.entries[-1].value.end
        return Splice(end, end, "".join(f",{manner.after}{item}" for item in items), depth)

    def _pairs(self, node: Node, added: Mapping[str, object], manner: Manner) -> Iterator[list[str]]:
        unit = _unit(margin(self.text, node))
        for key, value in added.items():
            first, *rest = manner.spread(value, self.layout, unit)
            yield [f"{manner.name(key)}:{manner.after}{first}", *rest]

    def _spread(self, node: Node, items: list[list[str]], depth: int) -> Iterator[Splice]:
        """Yield the edits that write items on lines of their own after the last one, whose comment stays where it is."""
        end = node.entries[-1].value.end
        comma = _COMMA.match(self.text, end)
        for item in items if comma else items[:-1]:
            item[-1] += ","
        stop = line_end(self.text, comma.end() if comma else end)
        newline = break_at(self.text, stop) or self.layout.newline
        edge = margin(self.text, node)
        lines = "".join(f"{newline}{edge}{line}" for item in items for line in item)
        if comma is None and stop == end:
            yield Splice(end, end, "," + lines, depth)
            return
        if comma is None:
            yield Splice(end, end, ",", depth)
        yield Splice(stop, stop, lines, depth)


def _flat(value: object) -> bool:
    values = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return not any(isinstance(each, Mapping | list) for each in values)


def _unit(edge: str) -> str:
    """Return one blank of an indentation."""
    return "\t" if "\t" in edge else " "
