"""Making patches in plain values, which stay as they are: what changes is a copy, and the rest is shared."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from stridegate.cli.fixes.errors import Unwritable
from stridegate.cli.fixes.splices import written
from stridegate.engine.harden import plain
from stridegate.model.edits import Append, Assign, Edit, FrozenJson
from stridegate.model.places import Pointer


def amended(value: object, edits: Iterable[Edit], within: Pointer = ()) -> object:
    """Return a value with edits made in the object that a pointer leads to. Raises Unwritable.

    Parents that are missing or null are created, and one list gets equal elements once, as by the operations of
    `harden`.
    """
    appended: set[tuple[Pointer, str]] = set()
    for edit in edits:
        pointer = (*within, *edit.place.pointer)
        if isinstance(edit, Assign):
            value = _changed(value, pointer, 0, _giving(edit.value))
        elif isinstance(edit, Append):
            fresh = [each for each in edit.values if (pointer, repr(each)) not in appended]
            appended |= {(pointer, repr(each)) for each in fresh}
            if fresh:
                value = _changed(value, pointer, 0, _appending(fresh))
        else:
            value = _changed(value, pointer[:-1], 0, _removing(str(pointer[-1])))
    return value


def _changed(value: object, pointer: Pointer, depth: int, change: Callable[[object], object]) -> object:
    if depth == len(pointer):
        return change(value)
    part = pointer[depth]
    if isinstance(part, int) and isinstance(value, list) and part < len(value):
        return [*value[:part], _changed(value[part], pointer, depth + 1, change), *value[part + 1 :]]
    if isinstance(part, str) and isinstance(value, dict | None):
        held = value or {}
        return {**held, part: _changed(held.get(part), pointer, depth + 1, change)}
    raise Unwritable.because(written(pointer[: depth + 1]), "is not in the file, only in what becomes of it")


def _giving(value: FrozenJson) -> Callable[[object], object]:
    return lambda _: plain(value)


def _appending(values: list[FrozenJson]) -> Callable[[object], object]:
    return lambda held: [*(held if isinstance(held, list) else ()), *(plain(each) for each in values)]


def _removing(key: str) -> Callable[[object], object]:
    return lambda held: {name: each for name, each in held.items() if name != key} if isinstance(held, dict) else held
