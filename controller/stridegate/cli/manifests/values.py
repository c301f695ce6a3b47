"""From nodes to plain values, exactly as kubectl sends them to the API server.

kubectl reads YAML 1.1 with sigs.k8s.io/yaml and makes JSON of it: `on` and `y` are true, 0644 is octal, 012_3 is a
number, a date stays a text, and keys become texts. What that reader takes in silence although nobody can have meant it is refused.
"""

from __future__ import annotations

import functools
import math
import re

import yaml

from stridegate.cli.manifests.errors import DuplicateKey, Oversized, Position, Unrepresentable, shown
from stridegate.cli.manifests.nodes import DEEPEST, PLAIN, position_of

# goyaml.v2 `resolve.go`: the words that are no text.
_WORDS: dict[str, bool | float | None] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
_NUMERIC = frozenset("+-.0123456789")
# Go's strconv.ParseInt with base 0, and goyaml's `yamlStyleFloat`.
_INTEGER = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_PLAIN_OCTAL = re.compile(r"([-+]?)0([0-7]+)", re.ASCII)
_LONGEST_NUMBER = 400
_LEAST, _MOST = -(2**63), 2**64 - 1

_CORE = "tag:yaml.org,2002:"
_TYPES: dict[str, tuple[type, ...]] = {
    _CORE + "int": (int,),
    _CORE + "float": (int, float),
    _CORE + "bool": (bool,),
    _CORE + "null": (type(None),),
}
_MERGE = "<<"
# What aliases may add to a document beyond what is written in it.
_ROOM = 100_000


def value_of(root: yaml.Node, characters: int) -> object:
    """Return the value of a document that was written with so many characters: maps, lists, texts, numbers, truth and None.

    Raises DuplicateKey, Unrepresentable, and Oversized where aliases expand to more than there is room for.
    """
    return _Values(characters + _ROOM).value(root)


class _Values:
    """The values of one document, counted: every node that is written takes a character, so that only aliases make more."""

    def __init__(self, most: int) -> None:
        self._left = most
        self._depth = 0

    def value(self, node: yaml.Node) -> object:
        self._left -= 1
        if self._left < 0:
            raise Oversized(f"aliases that expand to at most {_ROOM} more values", position_of(node))
        if type(node) is yaml.ScalarNode:
            return plain(node.value, node) if node.tag == PLAIN else _tagged(node)
        # An alias may stand in what it stands for.
        self._depth += 1
        if self._depth > DEEPEST:
            raise Oversized(f"at most {DEEPEST} levels of nesting", position_of(node))
        found: object = self._map(node) if type(node) is yaml.MappingNode else [self.value(each) for each in node.value]
        self._depth -= 1
        return found

    def _map(self, node: yaml.MappingNode) -> dict[str, object]:
        found: dict[str, object] = {}
        merged: set[str] = set()
        for name, each in node.value:
            if is_merge(name):
                self._merge(found, merged, name, each)
                continue
            key = key_of(name)
            if key in found and key not in merged:
                raise DuplicateKey(key, _first(node, key), position_of(name))
            merged.discard(key)
            found[key] = self.value(each)
        return found

    def _merge(self, found: dict[str, object], merged: set[str], name: yaml.Node, node: yaml.Node) -> None:
        """Lay the maps that << names under what follows; of several, the first that has a key gives its value."""
        if merged:
            raise DuplicateKey(_MERGE, position_of(name), position_of(name))
        parts = node.value if type(node) is yaml.SequenceNode else [node]
        for part in parts:
            if type(part) is not yaml.MappingNode:
                raise Unrepresentable("a map after <<", "something else", position_of(part))
            for key, value in self._map(part).items():
                if key in found and key not in merged:
                    # kubectl lets the merged value win here, and most others the written one.
                    raise Unrepresentable(
                        f"<< before the key {shown(key)} that it also has", "<< after it", position_of(name)
                    )
                if key not in merged:
                    merged.add(key)
                    found[key] = value


def is_merge(name: yaml.Node) -> bool:
    """Whether a key is the one that lays other maps under this one."""
    return type(name) is yaml.ScalarNode and name.value == _MERGE and name.tag in {PLAIN, _CORE + "merge"}


def key_of(name: yaml.Node) -> str:
    """Return a key as JSON has it. Raises Unrepresentable."""
    if type(name) is not yaml.ScalarNode:
        raise Unrepresentable("a text as a key", "a map or a list", position_of(name))
    found = _tagged(name) if name.tag != PLAIN else _resolved(name.value)
    if isinstance(found, str):
        return found
    if isinstance(found, bool):
        return str(found).lower()
    if found is None or (isinstance(found, float) and not math.isfinite(found)):
        raise Unrepresentable("a text as a key", shown(name.value), position_of(name))
    return str(found) if isinstance(found, int) else repr(found)


def plain(text: str, node: yaml.ScalarNode) -> object:
    """Return what a scalar without quotes stands for. Raises Unrepresentable."""
    found = _resolved(text)
    if isinstance(found, float) and not math.isfinite(found):
        raise Unrepresentable("a number that JSON has", text, position_of(node))
    return found


@functools.lru_cache(maxsize=4096)  # The same few thousand words make up most manifests.
def _resolved(text: str) -> object:
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMERIC or len(text) > _LONGEST_NUMBER:
        return text
    if text[0] == ".":
        return float(text) if _FLOAT.fullmatch(text) else text
    digits = text.replace("_", "")
    if _INTEGER.fullmatch(digits):
        octal = _PLAIN_OCTAL.fullmatch(digits)
        number = int(f"{octal[1]}0o{octal[2]}" if octal else digits, 0)
        if (_LEAST if digits[0] in "+-" else 0) <= number <= (_MOST // 2 if digits[0] in "+-" else _MOST):
            return number
    if _FLOAT.fullmatch(digits):
        number_with_fraction = float(digits)
        if math.isfinite(number_with_fraction):
            # As Go writes it: JSON has no difference between 8 and 8.0, and fields that are whole numbers take either.
            whole = number_with_fraction.is_integer() and abs(number_with_fraction) < 2**63
            return int(number_with_fraction) if whole else number_with_fraction
    return text


def _tagged(node: yaml.ScalarNode) -> object:
    """Return the value of a scalar in quotes, or with a tag of its own; tags that nobody knows are ignored, as by kubectl."""
    if node.tag == _CORE + "binary":
        raise Unrepresentable("a text", "!!binary, which no field of Kubernetes takes", position_of(node))
    types = _TYPES.get(node.tag)
    if types is None:
        return node.value
    found = plain(node.value, node)
    if not isinstance(found, types) or (isinstance(found, bool) and bool not in types):
        raise Unrepresentable(
            f"what the tag !!{node.tag.removeprefix(_CORE)} says", shown(node.value), position_of(node)
        )
    return found


def _first(node: yaml.MappingNode, key: str) -> Position:
    return next(position_of(name) for name, _ in node.value if not is_merge(name) and key_of(name) == key)
