"""The paths that rules declare, which mypy cannot follow, lead where they say, to what they say."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
import types
import typing
from collections.abc import Iterator, Mapping

import pytest

from stridegate.model import objects as object_shapes
from stridegate.model import pods as pod_shapes
from stridegate.model.places import Field
from stridegate.rules import objects, pods

SHAPES = {
    each
    for shapes in (pod_shapes, object_shapes)
    for each in vars(shapes).values()
    if isinstance(each, type) and dataclasses.is_dataclass(each)
}


def declared() -> Iterator[tuple[str, Field[object]]]:
    for package in (pods, objects):
        for module in pkgutil.iter_modules(package.__path__):
            for name, value in vars(importlib.import_module(f"{package.__name__}.{module.name}")).items():
                if isinstance(value, Field):
                    yield f"{module.name}.{name}", value


FIELDS = dict(declared())


def without_none(kind: object) -> object:
    if isinstance(kind, types.UnionType):
        members = [each for each in typing.get_args(kind) if each is not types.NoneType]
        return members[0] if len(members) == 1 else typing.Union[tuple(members)]  # noqa: UP007 - built at run time
    return kind


def leads_to(shape: object, path: tuple[str, ...]) -> object | None:
    for name in path:
        if typing.get_origin(shape) is Mapping:
            shape = typing.get_args(shape)[1]
        elif dataclasses.is_dataclass(shape) and isinstance(shape, type):
            shape = without_none(typing.get_type_hints(shape).get(name))
        else:
            return None
    return shape


@pytest.mark.parametrize("name", FIELDS)
def test_a_declared_field_exists_and_has_the_declared_type(name: str) -> None:
    field = FIELDS[name]
    wanted = typing.get_args(getattr(field, "__orig_class__"))[0]  # noqa: B009 - typing sets it, and no stub says so

    found = {kind for shape in SHAPES if (kind := leads_to(shape, field.path)) is not None}

    assert found
    assert wanted is object or all(kind == wanted for kind in found)


def test_there_are_fields_to_look_at() -> None:
    assert len(FIELDS) > 15
