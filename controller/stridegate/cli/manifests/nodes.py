"""From text to YAML's tree of nodes, each with its place: by libyaml where PyYAML has it, and without a way to exhaust the process."""

from __future__ import annotations

import operator
import re
from collections.abc import Iterator
from json import JSONDecodeError, JSONDecoder

import yaml
from yaml.composer import Composer
from yaml.parser import Parser
from yaml.reader import Reader, ReaderError
from yaml.scanner import Scanner

from stridegate.cli.manifests.errors import BrokenSyntax, Oversized, Position

# The tag of a scalar without quotes: what it stands for is decided where its value is read.
PLAIN = "?"
_STRING = "tag:yaml.org,2002:str"
_SEQUENCE, _MAPPING = "tag:yaml.org,2002:seq", "tag:yaml.org,2002:map"

# Deeper than any kind of Kubernetes. The parsers are recursive: in C, a hundred thousand levels end the process.
DEEPEST = 128

# A character outside of the first 65,536 as JSON escapes it, which YAML knows nothing about.
_PAIR = re.compile(
    r"(?<!\\)((?:\\\\)*)\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})",
    re.ASCII,
)
_json = JSONDecoder()


class _Rules:
    """What both parsers are told: how deep they may go, and that the tags of scalars are left to others."""

    depth = 0

    def resolve(self, kind: type[yaml.Node], _value: object, implicit: object) -> str:
        if kind is yaml.ScalarNode:
            return PLAIN if isinstance(implicit, tuple) and implicit[0] else _STRING
        return _MAPPING if kind is yaml.MappingNode else _SEQUENCE

    def descend_resolver(self, parent: yaml.Node | None, _index: object) -> None:
        self.depth += 1
        if self.depth > DEEPEST and parent is not None:
            raise Oversized(f"at most {DEEPEST} levels of nesting", position_of(parent))

    def ascend_resolver(self) -> None:
        self.depth -= 1


class _PureParser(_Rules, Reader, Scanner, Parser, Composer):
    """PyYAML without libyaml, as it comes where nobody built it."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)


def _fastest() -> tuple[type, type]:
    """Return the parser for any text, and the one for a text that cannot be deep."""
    if not yaml.__with_libyaml__:
        return _PureParser, _PureParser
    from yaml._yaml import CParser  # noqa: PLC0415 - is not there without libyaml, and no public name has it

    # It tells of every node twice; what nobody wants to know costs least where it ends in C.
    unheard = {"descend_resolver": staticmethod(operator.is_), "ascend_resolver": staticmethod(str)}
    return type("_FastParser", (_Rules, CParser), {}), type("_FlatParser", (_Rules, CParser), unheard)


_PARSER, _FLAT_PARSER = _fastest()
# Each level of a block is further right than the one around it, or a list in a map, and each level of a flow opens with
# a bracket: within these bounds no text has more than some thousands, for which there is room on the stack.
_LONG_LINE = re.compile(r"[^\n]{800}")
_FEW_BRACKETS = 500


def compose(text: str) -> Iterator[yaml.Node]:
    """Yield the root of every document in a text; documents without content have none.

    Raises BrokenSyntax and Oversized, after the documents that stand before the mistake.
    """
    try:
        flat = text.count("[") + text.count("{") < _FEW_BRACKETS and not _LONG_LINE.search(text)
        parser = (_FLAT_PARSER if flat else _PARSER)(text)
        while parser.check_node():
            yield parser.get_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        told = ", ".join(filter(None, (error.context, error.problem)))
        raise BrokenSyntax("YAML or JSON", told or "something else", _marked(mark) if mark else None) from error
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise BrokenSyntax("printable characters", f"U+{_code(error.character):04X}", Position(line, 1)) from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise BrokenSyntax("YAML or JSON", str(error) or "something else") from error


def _code(character: object) -> int:
    return character if isinstance(character, int) else ord(str(character)[:1] or "\0")


def json_texts(text: str) -> list[tuple[int, str]]:
    """Return the JSON documents that a text is made of, one behind the other, each with the number of lines before it.

    None where the text is no JSON, which does not mean that it is no YAML.
    """
    texts: list[tuple[int, str]] = []
    at = _start(text, 0)
    lines, counted = 0, 0
    while at < len(text):
        try:
            _, end = _json.raw_decode(text, at)
        except (JSONDecodeError, RecursionError, ValueError):
            return []
        lines, counted = lines + text.count("\n", counted, at), at
        texts.append((lines, _PAIR.sub(_paired, text[at:end])))
        at = _start(text, end)
    return texts


def _start(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at


def _paired(found: re.Match[str]) -> str:
    high, low = int(found[2], 16), int(found[3], 16)
    return found[1] + chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))


def position_of(node: yaml.Node) -> Position:
    """Return where a node begins."""
    return _marked(node.start_mark)


def _marked(mark: yaml.Mark) -> Position:
    return Position(mark.line + 1, mark.column + 1)
