"""The text of a manifest as a tree of positions: where each key and each value stands, and how it is written.

PyYAML's composed nodes leave out what an edit needs: where an alias stands, and where a block ends before the comments
that follow it. So the tree is made from its events.
"""

from __future__ import annotations

import enum
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from json import JSONDecoder

import yaml

# libyaml's parser where PyYAML has it: a hundred times faster, with the same positions.
_LOADER: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# The anchor and the tag of a node stand before what it holds.
_PROPERTIES = re.compile(r"(?:[&!]\S*(?:\s+|$))*")
_COLON = re.compile(r"[ \t]*:")
_FILLED = re.compile(r"[^ \t\r\n]")
_PAIR = re.compile(r"(?<!\\)((?:\\\\)*)\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}", re.ASCII)
_json = JSONDecoder()


class Kind(enum.Enum):
    """What a node is."""

    SCALAR = "scalar"
    MAPPING = "mapping"
    SEQUENCE = "sequence"
    ALIAS = "alias"


@dataclass(slots=True, kw_only=True, eq=False)
class Node:
    """A value in the text.

    `start` and `end` are positions in it, counted in characters; a node that is not there at all (`key:`) has two equal
    ones. `inner` is where what it holds begins, after its anchor and its tag: a brace, a first key, or a first dash. A
    block ends where its last value does.
    """

    kind: Kind
    start: int
    inner: int
    end: int
    flow: bool = False
    # Of a scalar: its text, and the character that opens it, empty where it stands plain.
    text: str = ""
    quote: str = ""
    # Of an alias: what it stands for.
    target: Node | None = None
    # What a mapping or a sequence holds; a sequence has no keys.
    entries: list[Entry] = field(default_factory=list)

    @property
    def absent(self) -> bool:
        """Whether nothing stands there; an anchor alone is something."""
        return self.start == self.end

    @property
    def folded(self) -> bool:
        """Whether it is a block scalar, whose lines go on as far as they are indented."""
        return self.quote in {"|", ">"}

    def entry(self, key: str) -> Entry | None:
        """Return the one entry of a mapping with a key; None where it is not written there, or not once."""
        found = [entry for entry in self.entries if entry.key and entry.key.text == key]
        return found[0] if len(found) == 1 and found[0].key and found[0].key.kind is Kind.SCALAR else None


@dataclass(slots=True, eq=False)
class Entry:
    """An element of a sequence, or a key of a mapping with its value."""

    key: Node | None
    value: Node

    @property
    def start(self) -> int:
        """Where the entry begins, without the dash."""
        return self.key.start if self.key else self.value.start


def split_documents(text: str) -> list[str]:
    """Return the documents of a text that is known to be YAML or JSON; joined they are the text again."""
    starts = _json_starts(text) or [
        _span(event)[0] for event in _events(text) if isinstance(event, yaml.DocumentStartEvent)
    ]
    bounds = [0, *starts[1:], len(text)]
    return [text[start:end] for start, end in itertools.pairwise(bounds)]


def read_document(text: str) -> Node:
    """Return the root of the one document of such a text."""
    return next(_Reader(text).roots(_events(text)))


def _json_starts(text: str) -> list[int]:
    """Return where each JSON document begins; none where the text is no JSON, of which several may follow each other."""
    starts: list[int] = []
    at = _blanks_end(text, 0)
    while at < len(text):
        try:
            _, end = _json.raw_decode(text, at)
        except ValueError:
            return []
        starts.append(at)
        at = _blanks_end(text, end)
    return starts


def _blanks_end(text: str, at: int) -> int:
    found = _FILLED.search(text, at)
    return found.start() if found else len(text)


def _events(text: str) -> Iterator[yaml.Event]:
    if text.lstrip()[:1] in {"{", "["}:
        # What JSON has and YAML has not: tabs as indentation, and characters escaped in two halves.
        text = _PAIR.sub(lambda found: found[1] + "?" * 12, text.replace("\t", " "))
    return yaml.parse(text, Loader=_LOADER)


def _span(event: yaml.Event) -> tuple[int, int]:
    start, end = event.start_mark, event.end_mark
    return (start.index if start else 0), (end.index if end else 0)


class _Reader:
    """Makes nodes from events, without recursion: a text may be nested as deeply as it likes."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._open: list[Node] = []
        self._keys: list[Node | None] = []
        self._anchors: dict[str, Node] = {}

    def roots(self, events: Iterator[yaml.Event]) -> Iterator[Node]:
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                self._anchors = {}
            elif isinstance(event, yaml.ScalarEvent):
                yield from self._close(self._scalar(event), event.anchor)
            elif isinstance(event, yaml.AliasEvent):
                yield from self._close(self._alias(event))
            elif isinstance(event, yaml.CollectionStartEvent):
                self._begin(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                yield from self._close(self._ended(event))

    def _scalar(self, event: yaml.ScalarEvent) -> Node:
        start, end = _span(event)
        if start == end:
            # The parsers disagree about where nothing stands: here it is right after the colon.
            start = end = self._after_key(start)
        properties = _PROPERTIES.match(self._text, start, end) if event.anchor or event.tag else None
        inner = properties.end() if properties else start
        style = event.style or ""
        return Node(kind=Kind.SCALAR, start=start, inner=inner, end=end, text=event.value, quote=style)

    def _alias(self, event: yaml.AliasEvent) -> Node:
        start, end = _span(event)
        target = self._anchors.get(event.anchor or "")
        return Node(kind=Kind.ALIAS, start=start, inner=start, end=end, target=target)

    def _begin(self, event: yaml.CollectionStartEvent) -> None:
        kind = Kind.MAPPING if isinstance(event, yaml.MappingStartEvent) else Kind.SEQUENCE
        start, end = _span(event)
        flow = bool(event.flow_style)
        # A block's event ends where its first dash begins, or after it where it is not indented.
        inner = end - 1 if flow or self._text[end : end + 1] != "-" else end
        node = Node(kind=kind, start=start, inner=inner, end=end, flow=flow)
        if event.anchor:
            self._anchors[event.anchor] = node
        self._open.append(node)
        self._keys.append(None)

    def _ended(self, event: yaml.CollectionEndEvent) -> Node:
        node = self._open.pop()
        self._keys.pop()
        if node.flow or not node.entries:
            node.end = _span(event)[1]
        else:
            node.end = node.entries[-1].value.end
            if node.kind is Kind.MAPPING:
                node.inner = node.entries[0].start
        return node

    def _close(self, node: Node, anchor: str | None = None) -> Iterator[Node]:
        """Put a node that is complete into what it stands in; yield it where it is a document's root."""
        if anchor:
            self._anchors[anchor] = node
        if not self._open:
            yield node
        elif self._open[-1].kind is Kind.SEQUENCE:
            self._open[-1].entries.append(Entry(None, node))
        elif self._keys[-1] is None:
            self._keys[-1] = node
        else:
            self._open[-1].entries.append(Entry(self._keys[-1], node))
            self._keys[-1] = None

    def _after_key(self, position: int) -> int:
        key = self._keys[-1] if self._keys else None
        if key is None:
            return position
        colon = _COLON.match(self._text, key.end)
        return colon.end() if colon else key.end
