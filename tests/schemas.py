"""Walking the structural schema of a kind: every bound it states, and an object that breaks just that one."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Schema = dict[str, Any]
# From the root of an object: field names, keys of maps, and 0 for the element of a list.
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Bound:
    """One thing that a schema demands of one field, with what the API server says where it is not met."""

    path: Path
    keyword: str
    breach: Callable[[Any], object]
    said: str

    def __str__(self) -> str:
        return f"{'.'.join(map(str, self.path))}-{self.keyword}"

    def broken(self, complete: dict[str, Any]) -> dict[str, Any]:
        """Return a copy of an object that has every field, with this bound broken."""
        broken = copy.deepcopy(complete)
        *parents, last = self.path
        place: Any = broken
        for part in parents:
            place = place[part]
        place[last] = self.breach(place[last])
        return broken


def bounds(schema: Schema, complete: Any, path: Path = ()) -> Iterator[Bound]:  # noqa: ANN401 - any part of an object
    """Yield every bound of a schema and what is below it.

    `complete` shows which keys a map has; a field need only be in one of its values.
    """
    for keyword, limit in schema.items():
        if keyword in _BREACHES:
            breach, said = _BREACHES[keyword]
            yield Bound(path, keyword, breach(limit), said)
    for name in schema.get("required", ()):
        yield Bound(path, f"required-{name}", _without(name), "Required value")
    for name, below in schema.get("properties", {}).items():
        if name in complete and (path or name in {"spec", "status"}):
            yield from bounds(below, complete[name], (*path, name))
    if isinstance(complete, dict) and "additionalProperties" in schema:
        for key, value in complete.items():
            yield from bounds(schema["additionalProperties"], value, (*path, key))
    if isinstance(complete, list):
        yield from bounds(schema["items"], complete[0], (*path, 0))


def missing(schema: Schema, *complete: Any, path: str = "") -> Iterator[str]:  # noqa: ANN401 - any part of an object
    """Yield the path of every field of a schema that none of some objects has."""
    if not complete:
        yield path
        return
    for name, below in schema.get("properties", {}).items():
        yield from missing(below, *(each[name] for each in complete if name in each), path=f"{path}.{name}")
    if "additionalProperties" in schema:
        values = [value for each in complete for value in each.values()]
        yield from missing(schema["additionalProperties"], *values, path=f"{path}[]")
    if "items" in schema:
        yield from missing(schema["items"], *(value for each in complete for value in each), path=f"{path}[]")


def unbounded(schema: Schema, path: str = "") -> Iterator[str]:
    """Yield the path of every text, list and map in a schema that could grow without end."""
    kind = schema["type"]
    closed = {"enum", "maxLength"} & schema.keys() or schema.get("format") == "date-time"
    if (
        (kind == "string" and not closed)
        or (kind == "array" and "maxItems" not in schema)
        or ("additionalProperties" in schema and "maxProperties" not in schema)
        or schema.get("x-kubernetes-preserve-unknown-fields")
    ):
        yield path
    for name, below in schema.get("properties", {}).items():
        yield from unbounded(below, f"{path}.{name}")
    for keyword in ("items", "additionalProperties"):
        if keyword in schema:
            yield from unbounded(schema[keyword], f"{path}[]")


def said_by_rules(schema: Schema) -> Iterator[str]:
    """Yield the message of every CEL rule in a schema."""
    yield from (rule["message"] for rule in schema.get("x-kubernetes-validations", ()))
    for below in schema.get("properties", {}).values():
        yield from said_by_rules(below)
    for keyword in ("items", "additionalProperties"):
        if keyword in schema:
            yield from said_by_rules(schema[keyword])


def _without(name: str) -> Callable[[Any], object]:
    return lambda value: {key: each for key, each in value.items() if key != name}


def _crowded(limit: int) -> Callable[[Any], object]:
    return lambda value: {**value, **{f"k{number}": next(iter(value.values())) for number in range(limit)}}


_BREACHES: dict[str, tuple[Callable[[Any], Callable[[Any], object]], str]] = {
    "maxLength": (lambda limit: lambda _: "a" * (limit + 1), "Too long: may not be more than"),
    "minLength": (lambda limit: lambda _: "a" * (limit - 1), "should be at least"),
    "maxItems": (lambda limit: lambda value: value[:1] * (limit + 1), "Too many"),
    "minItems": (lambda _: lambda _: [], "should have at least"),
    "maxProperties": (_crowded, "Too many"),
    "pattern": (lambda _: lambda value: "!" * len(value), "should match"),
    "enum": (lambda _: lambda _: "Other", "Unsupported value"),
    "minimum": (lambda limit: lambda _: limit - 1, "should be greater than or equal to"),
    "maximum": (lambda limit: lambda _: limit + 1, "should be less than or equal to"),
    "format": (lambda _: lambda value: "never" if isinstance(value, str) else 2**63, "must be of type"),
}
