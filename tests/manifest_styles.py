"""Hypothesis strategies for texts of YAML and JSON as people write them: an object, and one of the many ways to lay it out."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol, TypeVar, cast

from hypothesis import strategies as st

from stridegate.engine.examples import JsonMap
from stridegate.model.edits import Json

T = TypeVar("T")

_KEYS = st.sampled_from(["name", "image", "args", "env", "limits", "a.b/c", "x-y", "z_1", "on", "12", "é"])
_WORDS = [
    "app",
    "RuntimeDefault",
    "NET_RAW",
    "yes",
    "12",
    "1e3",
    "~",
    "",
    "a b",
    "a: b",
    "# no",
    "it's",
    '"q"',
    "/var/cache",
    "é😀",
]
_SCALARS: st.SearchStrategy[Json] = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 70000), st.sampled_from(_WORDS), st.just("one\ntwo\n")
)
VALUES: st.SearchStrategy[Json] = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_KEYS, inner, max_size=3)),
    max_leaves=8,
)
_FILLINGS: st.SearchStrategy[Json] = st.one_of(
    st.builds(lambda: {"type": "RuntimeDefault"}), st.builds(lambda: {"a": {"b": [1]}}), st.builds(lambda: ["ALL"])
)
OBJECTS = st.dictionaries(_KEYS, VALUES, min_size=1, max_size=4)

_PLAIN = {"app", "RuntimeDefault", "NET_RAW", "/var/cache", "a b"}


@dataclass
class Writer:
    """Writes objects as one text, drawing how."""

    draw: st.DrawFn
    # How many anchors there are; none where there are to be none.
    anchored: int | None = None
    step: int = 2
    dash: int = 0
    remarked: int = 0
    anchors: list[tuple[str, Json]] = field(default_factory=list)

    def document(self, value: JsonMap) -> list[str]:
        """Return the lines of a document."""
        self.step, self.dash = self.draw(st.sampled_from([1, 2, 4])), self.draw(st.sampled_from([0, 0, 1, 2]))
        self.anchors = []
        if self._chance(5):
            return self.flow(value).split("\n")
        return [*self._remarks(0), *self._mapping(value, 0), *self._remarks(0)]

    def _chance(self, one_in: int) -> bool:
        return self.draw(st.integers(1, one_in)) == 1

    def _remark(self) -> str:
        self.remarked += 1
        return f"# remark {self.remarked} {{[:-]}}"

    def _remarks(self, indent: int) -> Iterator[str]:
        if self._chance(6):
            yield " " * self.draw(st.integers(0, indent)) + self._remark()
        if self._chance(12):
            yield ""

    def _tail(self) -> str:
        return f"  {self._remark()}" if self._chance(6) else ""

    def _mapping(self, value: JsonMap, indent: int) -> Iterator[str]:
        for key, each in value.items():
            yield from self._remarks(indent)
            yield from self._headed(f"{' ' * indent}{self._key(key)}:", each, indent, self.dash)

    def _sequence(self, value: list[Json], indent: int) -> Iterator[str]:
        for each in value:
            yield from self._remarks(indent)
            blanks = " " * self.draw(st.sampled_from([1, 1, 1, 3]))
            if isinstance(each, dict) and each and self._chance(2):
                at = indent + 1 + len(blanks)
                first, *rest = self._compact(each, at)
                yield f"{' ' * indent}-{blanks}{first.lstrip(' ')}"
                yield from rest
            else:
                yield from self._headed(f"{' ' * indent}-", each, indent, self.step)

    def _compact(self, value: JsonMap, indent: int) -> Iterator[str]:
        (key, first), *rest = value.items()
        yield from self._headed(f"{' ' * indent}{self._key(key)}:", first, indent, self.dash)
        yield from self._mapping(dict(rest), indent)

    def _headed(self, head: str, value: Json, indent: int, dash: int) -> Iterator[str]:
        """Yield what stands after a colon or a dash, in its line or below it."""
        alias = next((name for name, known in self.anchors if _same(known, value)), None)
        if alias and self._chance(2):
            yield f"{head} *{alias}{self._tail()}"
            return
        anchor = ""
        if self.anchored is not None and value not in (None, "") and self._chance(4):
            self.anchored += 1
            anchor = f" &n{self.anchored}"
        if value and isinstance(value, dict | list) and not self._chance(4):
            yield f"{head}{anchor}{self._tail()}"
            if isinstance(value, dict):
                yield from self._mapping(value, indent + self.step)
            else:
                yield from self._sequence(value, indent + max(dash, 0 if head.endswith(":") else 1))
        elif value == "one\ntwo\n" and self._chance(2):
            yield f"{head}{anchor} |{self._tail()}"
            yield from (" " * (indent + self.step) + line for line in ("one", "two"))
        else:
            written = "" if value is None and self._chance(2) else " " + self.flow(value, indent + self.step)
            yield from f"{head}{anchor}{written}{self._tail()}".split("\n")
        if anchor:
            self.anchors.append((anchor.removeprefix(" &"), value))

    def _key(self, key: str) -> str:
        plain = key not in {"on", "12"} and not self._chance(8)
        return key if plain else json.dumps(key, ensure_ascii=False)

    def flow(self, value: Json, indent: int = 2) -> str:
        """Return a value in braces, in one line or in several."""
        if not isinstance(value, dict | list):
            return self._scalar(value)
        inside = self.draw(st.sampled_from(["", " "]))
        if isinstance(value, dict):
            items = [f"{self._key(key)}: {self.flow(each, indent + 2)}" for key, each in value.items()]
        else:
            items = [self.flow(each, indent + 2) for each in value]
        opening, closing = "{}" if isinstance(value, dict) else "[]"
        if not items:
            return opening + inside + closing
        if self._chance(3):
            spread = f",\n{' ' * (indent + 2)}".join(items)
            comma = "," if self._chance(4) else ""
            return f"{opening}\n{' ' * (indent + 2)}{spread}{comma}\n{' ' * indent}{closing}"
        return f"{opening}{inside}{', '.join(items)}{inside}{closing}"

    def _scalar(self, value: Json) -> str:
        if not isinstance(value, str):
            return "~" if value is None and self._chance(2) else json.dumps(value)
        if value in _PLAIN and not self._chance(3):
            return value
        if "\n" not in value and self._chance(2):
            quoted = value.replace("'", "''")
            return f"'{quoted}'"
        return json.dumps(value, ensure_ascii=False)


def _same(one: Json, other: Json) -> bool:
    return json.dumps(one) == json.dumps(other)


@dataclass(frozen=True)
class Manifest:
    """A text in some style."""

    text: str


@st.composite
def manifests(draw: st.DrawFn, *, anchored: bool = False) -> Manifest:
    """Return texts of YAML in every style."""
    objects = draw(st.lists(OBJECTS, min_size=1, max_size=2))
    writer = Writer(draw, anchored=0 if anchored else None)
    lines = ["---"] if draw(st.booleans()) else []
    for number, each in enumerate(objects):
        lines += ["---"] if number else []
        lines += writer.document(each)
    newline = draw(st.sampled_from(["\n", "\n", "\r\n"]))
    return Manifest(newline.join(lines) + (newline if draw(st.integers(1, 4)) > 1 else ""))


@st.composite
def json_manifests(draw: st.DrawFn) -> Manifest:
    """Return texts of JSON, indented in some way or not at all."""
    value = draw(OBJECTS)
    indent = draw(st.sampled_from([None, 2, 4, "\t"]))
    tight = indent is None and draw(st.booleans())
    text = json.dumps(value, indent=indent, ensure_ascii=draw(st.booleans()), separators=(",", ":") if tight else None)
    return Manifest(text + draw(st.sampled_from(["", "\n"])))


class Draw(Protocol):
    """Draws from a strategy, as Hypothesis' own functions do."""

    def __call__(self, strategy: st.SearchStrategy[T], /) -> T:
        """Return what was drawn."""


@dataclass
class Changes:
    """Changes objects as patches do, and counts the places; `removing` where something was taken out."""

    draw: Draw
    places: int = 0
    removing: bool = False

    def make(self, value: object) -> JsonMap:
        """Return a changed copy of an object."""
        changed = cast("JsonMap", json.loads(json.dumps(value)))
        for _ in range(self.draw(st.integers(1, 3))):
            self._step(changed)
        return changed

    def _step(self, root: JsonMap) -> None:
        holders = list(_holders(root))
        holder = self.draw(st.sampled_from(holders))
        self.places += 1
        if isinstance(holder, list):
            holder.append(self.draw(VALUES))
            return
        scalars = [key for key, each in holder.items() if not isinstance(each, dict | list) and each != "one\ntwo\n"]
        what = self.draw(st.integers(1, 4))
        if what == 1 and scalars:
            holder[self.draw(st.sampled_from(scalars))] = self.draw(st.sampled_from([True, False, "256Mi", "yes", 7]))
        elif what == 2 and scalars and not self.removing:
            del holder[self.draw(st.sampled_from(scalars))]
            self.removing = True
        elif what == 3 and (empty := [key for key, each in holder.items() if each is None or each in ({}, [])]):
            key = self.draw(st.sampled_from(empty))
            holder[key] = self.draw(_FILLINGS)
        else:
            holder[f"new-{self.places}"] = self.draw(VALUES)


def _holders(value: Json) -> Iterator[JsonMap | list[Json]]:
    if isinstance(value, dict):
        yield value
        yield from itertools.chain.from_iterable(map(_holders, value.values()))
    elif isinstance(value, list):
        if value:
            yield value
        yield from itertools.chain.from_iterable(map(_holders, value))
