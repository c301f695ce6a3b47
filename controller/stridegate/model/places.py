"""Places in a judged pod, and the fields that rules name: each is read, pointed to and patched by one declaration."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Generic, NamedTuple, TypeVar, cast

V = TypeVar("V")
Pointer = tuple[str | int, ...]


class Place(NamedTuple):
    """One field of a judged pod.

    `pointer` leads to it from the object that embeds the pod. `owner` and `path` are what people read: containers and
    volumes by name, never by index. `containers` names those that it concerns: the one that it belongs to, or all that
    mount its volume; none where it is the whole pod's.
    """

    pointer: Pointer
    owner: str
    path: str
    containers: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.owner}: {self.path}" if self.path else self.owner


class Spot:
    """A part of a pod that fields are read from: the pod itself, a container, a volume, or an element of their lists."""

    __slots__ = ("concerned", "owner", "pointer", "shape", "within")

    def __init__(
        self, shape: object, pointer: Pointer, owner: str, within: str = "", concerned: tuple[str, ...] = ()
    ) -> None:
        self.shape = shape
        self.pointer = pointer
        self.owner = owner
        self.within = within
        # The containers that its places concern, by name.
        self.concerned = concerned

    def place(self, *path: str | int) -> Place:
        """Return the place of a field below this spot."""
        written = ".".join(map(str, path))
        return Place(
            self.pointer + path,
            self.owner,
            f"{self.within}.{written}" if self.within and written else self.within or written,
            self.concerned,
        )

    def element(self, field: str, index: int, shape: object, name: object) -> Spot:
        """Return the spot of one element of a list field, called by a name that survives reordering."""
        pointer = (*self.pointer, *field.split("."), index)
        return Spot(shape, pointer, self.owner, f"{field}[{name}]", self.concerned)


class Field(Generic[V]):
    """A field of a spot, named once: `field.of(spot)` reads it, `field.at(spot)` points to it.

    The path is as in the Kubernetes API (`securityContext.privileged`). A missing or null parent reads as None, so
    reading never fails.
    """

    # `typing` keeps in __orig_class__ the type that a rule declared; a test compares it with the shapes.
    __slots__ = ("__orig_class__", "_written", "of", "path")

    def __init__(self, path: str) -> None:
        self.path = tuple(path.split("."))
        self._written = path
        self.of: Callable[[Spot], V | None] = _reader(self.path)

    def at(self, spot: Spot) -> Place:
        """Return the field's place at a spot."""
        path = f"{spot.within}.{self._written}" if spot.within else self._written
        return Place(spot.pointer + self.path, spot.owner, path, spot.concerned)


# The fields that are maps with keys of the author's choice.
_MAPS = frozenset({"limits", "requests"})


def _reader(path: tuple[str, ...]) -> Callable[[Spot], V | None]:
    """Compile a path to the cheapest getter: reviews are judged a thousand times a second, and this is their inner loop."""
    if path[0] == "securityContext" and len(path) == 2:
        return operator.attrgetter("context." + path[1])
    if len(path) == 1:
        return operator.attrgetter("shape." + path[0])
    parents: Callable[[Spot], object] = _reader(path[:-1])
    last = path[-1]
    if path[-2] in _MAPS:

        def look_up(spot: Spot) -> V | None:
            parent = cast("Mapping[str, V] | None", parents(spot))
            return None if parent is None else parent.get(last)

        return look_up

    def read(spot: Spot) -> V | None:
        parent = parents(spot)
        return None if parent is None else getattr(parent, last)

    return read
