"""Where in a text a JSON pointer leads."""

from __future__ import annotations

import yaml

from stridegate.cli.manifests.errors import ManifestError, Position
from stridegate.cli.manifests.nodes import position_of
from stridegate.cli.manifests.values import is_merge, key_of
from stridegate.model.places import Pointer


def place_of(root: yaml.Node, pointer: Pointer) -> Position:
    """Return where the field of a pointer stands: its key in a map, itself in a list.

    Where it is absent, the place of the nearest thing above it that is there.
    """
    position = position_of(root)
    node = root
    for part in pointer:
        found = _entry(node, str(part)) if type(node) is yaml.MappingNode else _element(node, part)
        if found is None:
            break
        position, node = found
    return position


def node_at(root: yaml.Node, pointer: Pointer) -> yaml.Node | None:
    """Return the node that a pointer leads to, None where there is none."""
    node = root
    for part in pointer:
        found = _entry(node, str(part)) if type(node) is yaml.MappingNode else _element(node, part)
        if found is None:
            return None
        node = found[1]
    return node


def _entry(node: yaml.MappingNode, key: str) -> tuple[Position, yaml.Node] | None:
    merged: list[yaml.Node] = []
    for name, value in node.value:
        if is_merge(name):
            merged += value.value if type(value) is yaml.SequenceNode else [value]
        elif _named(name, key):
            return position_of(name), value
    for part in merged:
        found = _entry(part, key) if type(part) is yaml.MappingNode else None
        if found is not None:
            return found
    return None


def _named(name: yaml.Node, key: str) -> bool:
    try:
        return key_of(name) == key
    except ManifestError:
        return False


def _element(node: yaml.Node, part: str | int) -> tuple[Position, yaml.Node] | None:
    if type(node) is not yaml.SequenceNode or not isinstance(part, int) or not 0 <= part < len(node.value):
        return None
    element = node.value[part]
    return position_of(element), element
