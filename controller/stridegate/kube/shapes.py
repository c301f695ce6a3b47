"""The model's shapes in the form that is decoded fastest.

Decoding a pod into msgspec's own structs takes half the time that the same dataclasses take, and reviews and the audit
spend more time on it than on any rule. The structs are made from the dataclasses, so a field is still declared once; they have the
same attributes and defaults, compare alike, and are read through the same views. They are not tracked by the garbage
collector, which a tree of frozen values without cycles does not need.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from typing import TypeVar, cast

import msgspec

T = TypeVar("T")

# What msgspec raises: its own errors; RecursionError for a document nested too deeply; ValueError for text that is no
# Unicode and for integers with more digits than Python converts.
UNDECODABLE = (msgspec.MsgspecError, RecursionError, ValueError)

_made: dict[type, type] = {}


def shape_of(cls: type[T]) -> type[T]:
    """Return the struct with the fields of a dataclass, and structs in place of the dataclasses it nests."""
    if cls not in _made:
        hints = typing.get_type_hints(cls)
        fields = [
            (each.name, _shaped(hints[each.name]), None) for each in dataclasses.fields(cast("type[typing.Any]", cls))
        ]
        _made[cls] = msgspec.defstruct(cls.__name__, fields, frozen=True, kw_only=True, gc=False)
    return _made[cls]


def _shaped(hint: object) -> object:
    """Return a type with every dataclass in it replaced: fields are optional, and lists are tuples."""
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return shape_of(hint)
    if isinstance(hint, types.UnionType):
        return typing.Union[tuple(_shaped(part) for part in hint.__args__)]  # noqa: UP007 - made from values
    if typing.get_origin(hint) is tuple:
        return tuple.__class_getitem__((_shaped(typing.get_args(hint)[0]), ...))
    return hint
