"""Configuration files of a host as plain data, however hostile the file: bounded, without duplicate keys, never quoted in an error."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable
from typing import Any

import yaml

from stridegate.model.nodes.queries import Syntax
from stridegate.scanner.errors import Barred

# The most values of a document once every alias is written out, and levels of nesting: a manifest has some hundred.
_MOST_VALUES = 100_000
_MOST_LEVELS = 100

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Plain(_Loader):  # type: ignore[misc] # libyaml's where it is there
    """The safe loader, but that what looks like a date stays the text that Kubernetes would read."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - the shape the library gives it
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in _Loader.yaml_implicit_resolvers.items()
    }


class _Unusable(Exception):
    """A document says what cannot be used; the text never quotes it."""


def document(path: str, text: str, syntax: Syntax) -> object:
    """Return what a configuration file says. Raises Barred where it does not parse."""
    try:
        match syntax:
            case Syntax.YAML:
                return _of_yaml(text)
            case Syntax.JSON:
                return json.loads(text, object_pairs_hook=_without_twins, parse_constant=_no_constant)
            case Syntax.TOML:
                return tomllib.loads(text)
            case Syntax.UNIT:
                return _of_unit(text)
            case Syntax.ENVIRONMENT:
                return _of_environment(text)
    except yaml.MarkedYAMLError as error:
        line = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise Barred(path, f"is no YAML{line}") from error
    except json.JSONDecodeError as error:
        raise Barred(path, f"is no JSON in line {error.lineno}") from error
    except tomllib.TOMLDecodeError as error:
        raise Barred(path, f"is no TOML{_place_in(str(error))}") from error
    except (yaml.YAMLError, RecursionError, ValueError, _Unusable) as error:
        told = str(error) if isinstance(error, _Unusable) else f"is no {syntax.value.upper()}"
        raise Barred(path, told) from error


def _place_in(message: str) -> str:
    # tomllib says "… (at line 3, column 7)"; what is before it may quote the file.
    _, found, place = message.rpartition("(at line ")
    return f" in line {place.split(',')[0].rstrip(')')}" if found else ""


def _of_yaml(text: str) -> object:
    """Return the first document, as the programs that read such files do."""
    loader = _Plain(text)
    try:
        if not loader.check_node():
            return None
        node = loader.get_node()
        _check(node)
        return _with_text_keys(loader.construct_document(node))
    finally:
        loader.dispose()


def _check(root: yaml.Node) -> None:
    """Refuse a document that is larger than it looks, has a key twice or holds itself."""
    sizes: dict[int, int] = {}
    _size(root, sizes, frozenset())


def _size(node: yaml.Node, sizes: dict[int, int], above: frozenset[int]) -> int:
    if id(node) in above:
        raise _Unusable("holds itself by an alias")
    if len(above) > _MOST_LEVELS:
        raise _Unusable(f"is nested more than {_MOST_LEVELS} deep")
    if id(node) not in sizes:
        inside = above | {id(node)}
        size = 1 + sum(_size(each, sizes, inside) for each in _children(node))
        if size > _MOST_VALUES:
            raise _Unusable(f"has more than {_MOST_VALUES} values once its aliases are written out")
        sizes[id(node)] = size
    return sizes[id(node)]


def _children(node: yaml.Node) -> Iterable[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode) and key.value != "<<"]
        if len(keys) != len(set(keys)):
            raise _Unusable(f"has a key twice below line {node.start_mark.line + 1}")
        return [each for pair in node.value for each in pair]
    return node.value if isinstance(node, yaml.SequenceNode) else ()


def _with_text_keys(value: object) -> object:
    if isinstance(value, dict):
        return {_key(key): _with_text_keys(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set):
        return [_with_text_keys(each) for each in value]
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)


def _key(key: object) -> str:
    if isinstance(key, bool) or key is None:
        return {True: "true", False: "false", None: "null"}[key]
    return str(key)


def _without_twins(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Unusable("has a key twice in one object")
    return found


def _no_constant(_: str) -> object:
    raise _Unusable("is no JSON: it has NaN or Infinity")


def _logical_lines(text: str) -> Iterable[str]:
    """Yield the lines of a unit or environment file (systemd.syntax(7)): comments left out, continued lines joined."""
    pending = ""
    for line in text.splitlines():
        if line.lstrip().startswith(("#", ";")):
            continue
        if line.endswith("\\"):
            pending += f"{line[:-1]} "
            continue
        yield (pending + line).strip()
        pending = ""
    if pending:
        yield pending.strip()


def _of_unit(text: str) -> dict[str, dict[str, list[str]]]:
    """Return sections of options of values, in order; an empty value, which takes back those before it, is kept."""
    sections: dict[str, dict[str, list[str]]] = {}
    section: dict[str, list[str]] = {}
    for line in _logical_lines(text):
        if line.startswith("[") and line.endswith("]"):
            section = sections.setdefault(line[1:-1].strip(), {})
        elif "=" in line:
            option, value = line.split("=", 1)
            section.setdefault(option.strip(), []).append(value.strip())
    return sections


def _of_environment(text: str) -> dict[str, str]:
    """Return what each name is set to; the last one wins."""
    found: dict[str, str] = {}
    for line in _logical_lines(text):
        name, given, value = line.removeprefix("export ").partition("=")
        if given and name.strip():
            found[name.strip()] = _unquoted(value.strip())
    return found


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'" else value
