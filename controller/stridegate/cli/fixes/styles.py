"""How a text is written, and how a new value is written so that it looks like its neighbours."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from stridegate.cli.fixes.lines import BREAK, column, dash_column, leads, spread
from stridegate.cli.fixes.syntax import Kind, Node

# A string that every version of YAML, and every parser, reads as that string without quotes. Numbers with a unit are
# quantities, and plain everywhere.
_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*|[0-9]+(\.[0-9]+)?([KMGTP]i|Ei|[kMGTPm])", re.ASCII)
# What YAML 1.1 takes for a boolean or for null (https://yaml.org/type/bool.html), and the numbers without digits.
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"})

_DEFAULT_STEP = 2
# What JSON may hold as it is, and YAML not.
_UNSEEN = re.compile("[\x7f-\x9f\u2028\u2029\ufeff]")
_JSON = json.JSONEncoder(ensure_ascii=False).encode


@dataclass(frozen=True, slots=True)
class Layout:
    """How a document is laid out.

    `step` is how many columns keys stand below a key, `dash` how many dashes do; `newline` is what ends a line. `json`
    says that it has quotes around everything, as JSON has, and `tight` that it leaves no blanks.
    """

    step: int
    dash: int
    newline: str
    json: bool
    tight: bool


def layout_of(text: str, root: Node) -> Layout:
    """Return how most of a document is laid out; where it shows no habit, as `kubectl` writes."""
    steps: Counter[int] = Counter()
    dashes: Counter[int] = Counter()
    for node in _nodes(root):
        if node.kind is not Kind.MAPPING or not node.entries:
            continue
        at = column(text, node.entries[0].start)
        for entry in node.entries:
            value = entry.value
            if not value.entries or value.kind is Kind.ALIAS or not leads(text, value.entries[0].start):
                continue
            if value.kind is Kind.MAPPING:
                steps[column(text, value.entries[0].start) - at] += 1
            elif not value.flow:
                dashes[dash_column(text, value) - at] += 1
    if spread(text, root):
        steps[column(text, root.entries[-1].start)] += 1
    newline = BREAK.search(text)
    json = root.flow and bool(root.entries) and all(each.key and each.key.quote == '"' for each in root.entries)
    return Layout(
        step=_usual(steps, _DEFAULT_STEP, least=1),
        dash=_usual(dashes, 0, least=0),
        newline=newline.group() if newline else "\n",
        json=json,
        tight=json and _tight(text, root),
    )


def _nodes(root: Node) -> Iterator[Node]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += [entry.value for entry in node.entries]


def _usual(seen: Counter[int], default: int, *, least: int) -> int:
    usual = [width for width, _ in seen.most_common() if width >= least]
    return usual[0] if usual else default


@dataclass(frozen=True, slots=True)
class Manner:
    """How values are written in one place.

    `key` and `string` are the quotes around keys and around strings, empty where they stand plain; `inside` the blanks
    inside braces, `after` those that follow commas and colons in one line.
    """

    key: str = ""
    string: str = ""
    inside: str = ""
    after: str = " "

    def scalar(self, value: object) -> str:
        """Return a value that holds no others."""
        if value is None or isinstance(value, bool | int | float):
            return _JSON(value)
        return _written(str(value), self.string)

    def name(self, key: str) -> str:
        """Return a key."""
        return _written(key, self.key)

    def flow(self, value: object) -> str:
        """Return a value in one line."""
        if isinstance(value, Mapping):
            return self._wrapped("{}", f",{self.after}".join(self.pairs(value)))
        if isinstance(value, list | tuple):
            return self._wrapped("[]", f",{self.after}".join(map(self.flow, value)))
        return self.scalar(value)

    def pairs(self, values: Mapping[str, object]) -> Iterator[str]:
        """Yield keys with their values, each in one line."""
        for key, each in values.items():
            yield f"{self.name(str(key))}:{self.after}{self.flow(each)}"

    def _wrapped(self, braces: str, content: str) -> str:
        return f"{braces[0]}{self.inside}{content}{self.inside}{braces[1]}" if content else braces

    def block(self, key: str, value: object, layout: Layout) -> list[str]:
        """Return a key with its value as lines of a block."""
        written = self._lines(value, layout)
        if written is None:
            return [f"{self.name(key)}: {self.flow(value)}"]
        indent = " " * (layout.dash if isinstance(value, list) else layout.step)
        return [f"{self.name(key)}:", *(indent + line for line in written)]

    def item(self, value: object, layout: Layout, dash: str) -> list[str]:
        """Return an element of a sequence as lines of a block; `dash` has the blanks after it."""
        written = self._lines(value, layout)
        if written is None:
            return [dash + self.flow(value)]
        return [dash + written[0], *(" " * len(dash) + line for line in written[1:])]

    def _lines(self, value: object, layout: Layout) -> list[str] | None:
        if not value or not isinstance(value, Mapping | list):
            return None
        if isinstance(value, Mapping):
            return [line for key, each in value.items() for line in self.block(str(key), each, layout)]
        return [line for each in value for line in self.item(each, layout, "- ")]

    def spread(self, value: object, layout: Layout, unit: str) -> list[str]:
        """Return a value in braces over several lines, as JSON is mostly written; `unit` is one blank of its indentation."""
        if not value or not isinstance(value, Mapping | list):
            return [self.flow(value)]
        if isinstance(value, list):
            return self._braced("[]", [self.spread(each, layout, unit) for each in value], unit * layout.step)
        pairs: list[list[str]] = []
        for key, each in value.items():
            first, *rest = self.spread(each, layout, unit)
            pairs.append([f"{self.name(str(key))}:{self.after}{first}", *rest])
        return self._braced("{}", pairs, unit * layout.step)

    @staticmethod
    def _braced(braces: str, items: list[list[str]], indent: str) -> list[str]:
        for item in items[:-1]:
            item[-1] += ","
        return [braces[0], *(indent + line for item in items for line in item), braces[1]]


def manner_of(text: str, node: Node, layout: Layout) -> Manner:
    """Return how a mapping or a sequence that holds something is written, as its last entry shows it."""
    last = node.entries[-1]
    key = '"' if layout.json else last.key.quote if last.key else ""
    blank = text[node.inner + 1 : node.inner + 2] == " " and text[node.end - 2 : node.end - 1] == " "
    return Manner(
        key=key,
        string=key or next((each.value.quote for each in reversed(node.entries) if _string(each.value)), ""),
        inside=" " if node.flow and blank else "",
        after="" if layout.tight or (node.flow and _tight(text, node)) else " ",
    )


def _string(node: Node) -> bool:
    """Whether a value is a string that needs no quotes, so that those it has or lacks are a habit."""
    return node.kind is Kind.SCALAR and not node.folded and _needs_no_quotes(node.text)


def _tight(text: str, node: Node) -> bool:
    """Whether a mapping leaves no blanks after its colons, or a sequence none after its commas."""
    last = node.entries[-1]
    if last.key:
        return text[last.key.end : last.value.start] == ":"
    return len(node.entries) > 1 and text[node.entries[-2].value.end : last.value.start] == ","


def _needs_no_quotes(value: str) -> bool:
    return bool(_PLAIN.fullmatch(value)) and value.lower() not in _WORDS


def _written(value: str, quote: str) -> str:
    if not quote and _needs_no_quotes(value):
        return value
    # Between single quotes there are no escapes: what holds a quote, or what cannot be seen, needs the others.
    if quote == "'" and value.isprintable() and "'" not in value:
        return f"'{value}'"
    return _UNSEEN.sub(lambda found: f"\\u{ord(found.group()):04x}", _JSON(value))
