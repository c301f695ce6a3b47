"""Where in a text a JSON pointer leads."""

from __future__ import annotations

import yaml

from stridegate.cli.manifests.errors import ManifestError, Position
from stridegate.cli.manifests.nodes import position_of
from stridegate.cli.manifests.values import is_merge, key_of
from stridegate.model.places import Pointer

_RESPELT = frozenset({"true", "false"})
_MERGE = "<<"


def place_of(root: yaml.Node, pointer: Pointer) -> Position:
    """Return where the field of a pointer stands: its key in a map, itself in a list.

    Where it is absent, the place of the nearest thing above it that is there.
    """
    mark, node = root, root
    for part in pointer:
        found = _below(node, part)
        if found is None:
            break
        mark, node = found
    return position_of(mark)


def node_at(root: yaml.Node, pointer: Pointer) -> yaml.Node | None:
    """Return the node that a pointer leads to, None where there is none."""
    node = root
    for part in pointer:
        found = _below(node, part)
        if found is None:
            return None
        node = found[1]
    return node


def _below(node: yaml.Node, part: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    """Return what marks a part of a node, and the part itself."""
    if type(node) is yaml.MappingNode:
        return _entry(node, str(part))
    if type(node) is not yaml.SequenceNode or not isinstance(part, int) or not 0 <= part < len(node.value):
        return None
    element = node.value[part]
    return element, element


def _entry(node: yaml.MappingNode, key: str) -> tuple[yaml.Node, yaml.Node] | None:
    # Most keys are what is written; truth and numbers are written in several ways, and the rest may be merged.
    for entry in node.value:
        if entry[0].value == key and _named(entry[0], key):
            return entry[0], entry[1]
    if key not in _RESPELT and not key[:1].isdigit() and all(entry[0].value != _MERGE for entry in node.value):
        return None
    merged: list[yaml.Node] = []
    for name, value in node.value:
        if is_merge(name):
            merged += value.value if type(value) is yaml.SequenceNode else [value]
        elif _named(name, key):
            return name, value
    for part in merged:
        found = _entry(part, key) if type(part) is yaml.MappingNode else None
        if found is not None:
            return found
    return None


def _named(name: yaml.Node, key: str) -> bool:
    try:
        return not is_merge(name) and key_of(name) == key
    except ManifestError:
        return False
