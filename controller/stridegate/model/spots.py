"""Parts of a judged object, their fields, and the places that messages and patches speak of.

A rule names each field once, as a `Field`; reading it, pointing to it in a message and patching it all follow from
that.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

V = TypeVar("V")
Pointer = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """One field of a judged pod.

    `pointer` leads to it from the object that embeds the pod. `owner` and `path` are what people read: containers and
    volumes by name, never by index.
    """

    pointer: Pointer
    owner: str
    path: str

    def __str__(self) -> str:
        return f"{self.owner}: {self.path}" if self.path else self.owner


class Spot:
    """A part of a pod that fields are read from: the pod itself, a container, a volume, or an element of their lists."""

    __slots__ = ("owner", "pointer", "shape", "within")

    def __init__(self, shape: object, pointer: Pointer, owner: str, within: str = "") -> None:
        self.shape = shape
        self.pointer = pointer
        self.owner = owner
        self.within = within

    def place(self, *path: str | int) -> Place:
        """Return the place of a field below this spot."""
        written = ".".join(map(str, path))
        return Place(
            self.pointer + path,
            self.owner,
            f"{self.within}.{written}" if self.within and written else self.within or written,
        )

    def element(self, field: str, index: int, shape: object, name: object) -> Spot:
        """Return the spot of one element of a list field, called by a name that survives reordering."""
        return Spot(shape, (*self.pointer, *field.split("."), index), self.owner, f"{field}[{name}]")


class Field(Generic[V]):
    """A field of a spot, named once: `field.of(spot)` reads it, `field.at(spot)` points to it.

    The path is as in the Kubernetes API (`securityContext.privileged`). A missing or null parent reads as None, so
    reading never fails.
    """

    __slots__ = ("of", "path")

    def __init__(self, path: str) -> None:
        self.path = tuple(path.split("."))
        self.of: Callable[[Spot], V | None] = _reader(self.path)

    def at(self, spot: Spot) -> Place:
        """Return the field's place at a spot."""
        return spot.place(*self.path)


# The fields that are maps with keys of the author's choice.
_MAPS = frozenset({"limits", "requests"})


def _reader(path: tuple[str, ...]) -> Callable[[Spot], V | None]:
    """Compile a path to the cheapest getter: reviews are judged a thousand times a second, and this is their inner loop."""
    if len(path) == 1:
        return operator.attrgetter("shape." + path[0])
    first: Callable[[Spot], object] = operator.attrgetter("shape." + path[0])
    *between, last = (_step(parent, name) for parent, name in itertools.pairwise(path))
    take = cast("Callable[[object], V | None]", last)
    if not between:

        def read(spot: Spot) -> V | None:
            parent = first(spot)
            return None if parent is None else take(parent)

        return read

    def reach(spot: Spot) -> V | None:
        parent = first(spot)
        for step in between:
            if parent is None:
                return None
            parent = step(parent)
        return None if parent is None else take(parent)

    return reach


def _step(parent: str, name: str) -> Callable[[object], object]:
    """Return what takes a key out of a map, or a field out of a shape, without a frame of Python's own."""
    return operator.methodcaller("get", name) if parent in _MAPS else operator.attrgetter(name)
