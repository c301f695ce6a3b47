"""Making edits in memory: the pod as it will be once they are made."""

from __future__ import annotations

import dataclasses
import operator
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from functools import cache

from stridegate.model.edits import Append, Assign, Edit
from stridegate.model.places import Pointer
from stridegate.model.pods import PodTemplate
from stridegate.model.views import PodView


def amended(pod: PodView, edits: Iterable[Edit]) -> PodView:
    """Return the pod with edits made, as it would be read again from the object after the operations of `harden`."""
    drafts = _Drafts(PodTemplate(metadata=pod.metadata, spec=pod.shape))
    for edit in edits:
        drafts.make(edit, edit.place.pointer[len(pod.prefix) :])
    return PodView(drafts.finished(), pod.prefix, pod.setting)


class _Draft:
    """A value that is changing: its fields, keys or elements; `kind` is the shape declared for it, or for its elements."""

    __slots__ = ("kind", "shape", "values")

    def __init__(self, value: object, kind: type | None, *, listed: bool) -> None:
        self.kind = kind
        # What it is made into in the end: a shape, or else a list or a map.
        self.shape: type | None = None
        self.values: dict[str | int, object]
        if listed:
            self.shape = tuple
            self.values = dict(enumerate(typing.cast("tuple[object, ...]", value or ())))
        elif kind is None:
            self.values = dict(typing.cast("Mapping[str | int, object]", value or {}))
        elif value is None:
            self.shape = kind
            self.values = {}
        else:
            # Whoever decodes may use shapes of its own with the same fields; they stay what they are.
            self.shape = type(value)
            self.values = dict(zip(_fields(kind), _reader(kind)(value), strict=True))

    def held(self, part: str | int) -> type | None:
        """Return the shape that is declared for what stands at a part."""
        return self.kind if self.kind is None or self.shape is tuple else _fields(self.kind)[str(part)]

    def finished(self) -> object:
        """Return the value as it is now."""
        if self.shape is None:
            return self.values
        if self.shape is tuple:
            return tuple(self.values.values())
        return self.shape(**typing.cast("dict[str, object]", self.values))


class _Drafts:
    """Everything in a template that is changing, by where it is; what something stands in comes before it."""

    def __init__(self, template: PodTemplate) -> None:
        self._drafts: dict[Pointer, _Draft] = {(): _Draft(template, PodTemplate, listed=False)}
        # What was appended to each list: the operations append equal values once, too.
        self._appended: dict[Pointer, set[str]] = {}

    def make(self, edit: Edit, pointer: Pointer) -> None:
        """Make an edit."""
        part = pointer[-1]
        if not isinstance(edit, Append):
            draft = self._draft(pointer[:-1])
            draft.values[part] = _shaped(edit.value, draft.held(part)) if isinstance(edit, Assign) else None
            return
        draft = self._draft(pointer, listed=True)
        appended = self._appended.setdefault(pointer, set())
        for value in edit.values:
            text = repr(value)
            if text not in appended:
                appended.add(text)
                draft.values[len(draft.values)] = _shaped(value, draft.kind)

    def _draft(self, pointer: Pointer, *, listed: bool = False) -> _Draft:
        known = self._drafts.get(pointer)
        if known is None:
            part = pointer[-1]
            within = self._draft(pointer[:-1])
            value = within.values.get(part)
            listed = listed or isinstance(value, tuple)
            known = self._drafts[pointer] = _Draft(value, within.held(part), listed=listed)
        return known

    def finished(self) -> PodTemplate:
        """Return the template with every change in it."""
        for pointer, draft in reversed(self._drafts.items()):
            if not pointer:
                break
            self._drafts[pointer[:-1]].values[pointer[-1]] = draft.finished()
        return typing.cast("PodTemplate", self._drafts[()].finished())


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
        if isinstance(listed, type) and dataclasses.is_dataclass(listed):
            return listed
    return None
