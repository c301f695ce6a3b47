"""Making edits in memory: the pod as it will be once they are made."""

from __future__ import annotations

import operator
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache

from stridegate.model.edits import Append, Assign, Edit
from stridegate.model.places import Pointer
from stridegate.model.pods import PodTemplate
from stridegate.model.views import PodView


@dataclass(slots=True)
class _Change:
    """What happens to one value: edits of its own, in order, and changes of what is in it."""

    edits: list[Edit] = field(default_factory=list)
    within: dict[str | int, _Change] = field(default_factory=dict)


def amended(pod: PodView, edits: Iterable[Edit]) -> PodView:
    """Return the pod with edits made, as it would be read again from the object after the operations of `harden`."""
    whole = _Change()
    for edit in edits:
        _place(whole, edit, edit.place.pointer[len(pod.prefix) :])
    template = _changed(PodTemplate(metadata=pod.metadata, spec=pod.shape), PodTemplate, whole)
    return PodView(typing.cast("PodTemplate", template), pod.prefix, pod.setting)


def _place(change: _Change, edit: Edit, path: Pointer) -> None:
    for part in path:
        change = change.within.setdefault(part, _Change())
    change.edits.append(edit)


def _changed(value: object, kind: type | None, change: _Change) -> object:
    """Return a value, of which `kind` is the declared shape, as it is after a change."""
    # The operations append equal values once, too.
    appended: dict[str, object] = {}
    for edit in change.edits:
        if isinstance(edit, Append):
            for each in edit.values:
                appended.setdefault(repr(each), each)
        else:
            value = _shaped(edit.value, kind) if isinstance(edit, Assign) else None
    if appended:
        value = (*typing.cast("tuple[object, ...]", value or ()), *(_shaped(each, kind) for each in appended.values()))
    return _changed_within(value, kind, change.within) if change.within else value


def _changed_within(value: object, kind: type | None, changes: Mapping[str | int, _Change]) -> object:
    if isinstance(value, tuple):
        elements = list(value)
        for index, change in changes.items():
            if isinstance(index, int):
                elements[index] = _changed(elements[index], kind, change)
        return tuple(elements)
    if kind is None:
        known = dict(typing.cast("Mapping[str | int, object]", value or {}))
        return known | {key: _changed(known.get(key), None, change) for key, change in changes.items()}
    fields = _fields(kind)
    if value is None:
        return kind(**{str(name): _changed(None, fields[str(name)], each) for name, each in changes.items()})
    values = dict(zip(fields, _reader(kind)(value), strict=True))
    for name, each in changes.items():
        values[str(name)] = _changed(values[str(name)], fields[str(name)], each)
    # Whoever decodes may use shapes of its own with the same fields; they stay what they are.
    return type(value)(**values)


def _shaped(value: object, kind: type | None) -> object:
    """Return a plain value as its declared shape; what that does not know is left out, as in decoding."""
    if kind is None or not isinstance(value, Mapping):
        return value
    fields = _fields(kind)
    return kind(**{name: _shaped(each, fields[name]) for name, each in value.items() if name in fields})


@cache
def _fields(kind: type) -> dict[str, type | None]:
    """Return the fields of a shape: each with the shape it holds or lists, or None for anything plainer."""
    return {name: _held(hint) for name, hint in typing.get_type_hints(kind).items()}


@cache
def _reader(kind: type) -> Callable[[object], tuple[object, ...]]:
    """Return what reads all fields of a shape at once."""
    first, *others = _fields(kind)
    read = operator.attrgetter(first, *others)
    # With one name it returns the bare value.
    return read if others else lambda value: (read(value),)


def _held(hint: object) -> type | None:
    for part in hint.__args__ if isinstance(hint, types.UnionType) else (hint,):
        listed = typing.get_args(part)[0] if typing.get_origin(part) is tuple else part
        if isinstance(listed, type) and listed.__module__ == PodTemplate.__module__:
            return listed
    return None
