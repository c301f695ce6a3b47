"""From what changed in an object to edits of its text, each at the smallest place."""

from __future__ import annotations

from collections.abc import Mapping

from stridegate.cli.fixes.additions import Additions
from stridegate.cli.fixes.errors import Unwritable
from stridegate.cli.fixes.removals import removal
from stridegate.cli.fixes.splices import Path, Splice, written
from stridegate.cli.fixes.styles import layout_of
from stridegate.cli.fixes.syntax import Entry, Kind, Node


def same(one: object, other: object) -> bool:
    """Whether two values are the same in YAML: true is not 1, and 1 is not 1.0."""
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other or repr(one) == repr(other)


class Editor:
    """Collects the edits of one document.

    What an anchor shares is changed once, where it is written; with `apart`, what stands for it elsewhere is written
    out instead.
    """

    def __init__(self, text: str, root: Node, *, apart: bool = False) -> None:
        self._text = text
        self._additions = Additions(text, layout_of(text, root))
        self._apart = apart
        # What shared nodes become, so that each is changed once; the nodes are kept, and so are their identities.
        self._changed: dict[int, object] = {}
        self.splices: list[Splice] = []

    def change(self, node: Node, before: object, after: object, path: Path = ()) -> None:
        """Collect what turns a value into another. Raises Unwritable."""
        if same(before, after):
            return
        if node.kind is Kind.ALIAS:
            if self._apart or node.target is None:
                raise Unwritable.because(written(path), "stands for what an anchor shares")
            node = node.target
        if id(node) in self._changed:
            if not same(self._changed[id(node)], after):
                raise Unwritable.because(written(path), "is shared through an anchor by what needs other changes")
            return
        self._changed[id(node)] = after
        if before and isinstance(before, dict) and isinstance(after, dict) and node.kind is Kind.MAPPING:
            self._mapping(node, before, after, path)
        elif before and isinstance(before, list) and isinstance(after, list) and node.kind is Kind.SEQUENCE:
            self._sequence(node, before, after, path)
        elif node.kind is Kind.SCALAR and not isinstance(after, dict | list) and not (node.absent or node.folded):
            self.splices.append(Splice(node.inner, node.end, self._additions.scalar(node, after), len(path)))
        else:
            raise Unwritable.because(written(path), "is written in a way that is not edited")

    def _mapping(self, node: Node, before: Mapping[str, object], after: Mapping[str, object], path: Path) -> None:
        removed = [key for key in before if key not in after]
        if removed:
            self.splices.append(removal(self._text, node, removed, path))
        added: dict[str, object] = {}
        for key, value in after.items():
            if key in before and same(before[key], value):
                continue
            entry = node.entry(key) if key in before else None
            if entry is None:
                # Also what a merge key brings: written here, it comes before that.
                added[key] = value
            else:
                self._value(node, entry, before[key], value, [*path, key])
        if added:
            self.splices += self._additions.keys(node, added, len(path))

    def _value(self, node: Node, entry: Entry, before: object, after: object, path: Path) -> None:
        held = entry.value
        aliased = held.kind is Kind.ALIAS
        empty = before is None or before in ({}, [])
        if (aliased and self._apart) or (empty and not aliased and (held.absent or isinstance(after, dict | list))):
            self._changed[id(held)] = after
            self.splices += self._additions.fill(node, entry, after, path)
        else:
            self.change(held, before, after, path)

    def _sequence(self, node: Node, before: list[object], after: list[object], path: Path) -> None:
        if len(after) < len(before) or len(node.entries) != len(before):
            raise Unwritable.because(written(path), "would lose elements")
        for index, (entry, old, new) in enumerate(zip(node.entries, before, after, strict=False)):
            held = entry.value
            if (
                held.kind is not Kind.ALIAS
                and not held.absent
                and (old is None or old in ({}, []))
                and not same(old, new)
            ):
                self.splices.append(self._additions.element(node, entry, new, len(path)))
            else:
                self.change(held, old, new, [*path, index])
        if len(after) > len(before):
            self.splices += self._additions.elements(node, after[len(before) :], len(path))
