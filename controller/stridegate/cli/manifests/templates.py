"""Telling a template from a manifest: text that an engine must render before anybody knows what it says."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from stridegate.cli.manifests.errors import ManifestError, Position, Templated
from stridegate.cli.manifests.nodes import PLAIN, position_of
from stridegate.cli.manifests.values import is_merge, key_of

# What Helm, Jinja, Ansible and Go templates open their actions with.
_OPENING = re.compile(r"\{\{|\{%")
_COMMENT = re.compile(r"(?:^|\s)#.*")
_ANYWHERE = "helm template CHART | stridegate check -"
# Texts that people write for other programs to fill in, long after the API server has read them.
_FREE = frozenset({"annotations", "args", "command", "data"})


@functools.lru_cache(maxsize=64)  # Files come folder by folder.
def chart_of(within: str) -> Path | None:
    """Return the Helm chart whose templates a folder holds, None where it is no chart's."""
    path = Path(within)
    for folder in (path, *path.parents):
        if folder.name == "templates" and (folder.parent / "Chart.yaml").is_file():
            return folder.parent
    return None


def chart_template(chart: str) -> Templated:
    """Return the error for the templates of a chart."""
    return Templated("the templates of a Helm chart", f"helm template {chart} | stridegate check -")


def opened(text: str) -> Templated | None:
    """Return the error for a text that is no YAML because of what a template engine would replace; None where nothing looks like that.

    It is asked about texts that do not parse: in one that does, such marks may be any text's.
    """
    if _OPENING.search(text) is None:
        return None
    for number, line in enumerate(text.splitlines(), 1):
        found = _OPENING.search(_COMMENT.sub("", line))
        if found is not None:
            return _templated(Position(number, found.start() + 1))
    return None


def marked(root: yaml.Node) -> Templated | None:
    """Return the error for a document that parses only by accident: `{{ name }}` is a map in a map in YAML, and `a-{{ b }}` a text."""
    position = next(_marks(root, set()), None)
    return None if position is None else _templated(position)


def _templated(position: Position) -> Templated:
    return Templated("the syntax of a template ({{ … }} or {% … %})", _ANYWHERE, position)


def _marks(node: yaml.Node, seen: set[int]) -> Iterator[Position]:
    # Aliases may lead back, and to the same node a million times.
    if type(node) is yaml.ScalarNode or id(node) in seen:
        return
    seen.add(id(node))
    if type(node) is yaml.SequenceNode:
        for each in node.value:
            yield from _marks(each, seen)
        return
    for name, value in node.value:
        if type(name) is yaml.MappingNode and name.flow_style:
            yield position_of(name)
        elif type(value) is yaml.ScalarNode:
            if value.tag == PLAIN and "{{" in value.value and "}}" in value.value:
                yield position_of(value)
        elif not _free(name):
            yield from _marks(value, seen)


def _free(name: yaml.Node) -> bool:
    try:
        return not is_merge(name) and key_of(name) in _FREE
    except ManifestError:
        return False
