"""Big kinds as the operator keeps them: each object is reduced as soon as it comes, and its full form is let go."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Generic, Protocol, TypeVar

import msgspec

from stridegate.kube.reader import Reader
from stridegate.kube.rosters import Entry, Roster, Version
from stridegate.kube.shapes import UNDECODABLE

T = TypeVar("T")


class HasVersion(Protocol):
    """The metadata of an object."""

    @property
    def version(self) -> Version:
        """Which object this is, and in which state."""


class Stored(Protocol):
    """An object of the API server, typed."""

    @property
    def metadata(self) -> HasVersion:
        """Its metadata."""


S = TypeVar("S", bound=Stored)


class Ledger(Generic[S, T]):
    """The objects of one kind by name, each reduced to what is needed of it."""

    def __init__(self, path: str, shape: type[S], reduce: Callable[[S], T], *, page: int) -> None:
        self._path = path
        self._shape = shape
        self._reduce = reduce
        self._page = page
        self._roster: Roster[T] = Roster()
        # Whether the kind has been listed.
        self.synced = False

    def __len__(self) -> int:
        return len(self._roster)

    def values(self) -> Mapping[str, T]:
        """Return the reduced objects by name."""
        return dict(self._roster.items())

    def entries(self) -> Mapping[str, Entry[T]]:
        """Return the reduced objects by name, each with the version that it was reduced from."""
        return dict(self._roster.entries())

    def read(self, obj: Mapping[str, object]) -> tuple[Version, T] | None:
        """Return the version of an object, and what is needed of it; None for what no object of the kind can be. Safe in any thread."""
        try:
            typed = msgspec.convert(obj, self._shape)
        except UNDECODABLE:
            return None
        return typed.metadata.version, self._reduce(typed)

    def observe(self, version: Version, value: T, *, deleted: bool = False) -> bool:
        """Take in one object as a watch or a write showed it; return whether that changes what is kept.

        Most that happens to a node does not: its kubelet writes its status every five minutes.
        """
        if deleted:
            return self._roster.remove(version)
        if not self._roster.admits_heard(version):
            return False
        known = self._roster.get(version.name)
        self._roster.put(version, value)
        return known is None or known.value != value

    async def fill(self, reader: Reader) -> None:
        """List the kind, page by page, and take that for the truth. Raises KubeError."""
        listed: list[tuple[Version, T]] = []
        revision: int | None = None
        async for portion in reader.portions(self._path, self._shape, size=self._page):
            revision = portion.revision if revision is None else revision
            listed += [(each.metadata.version, self._known(each)) for each in portion.items]
        for version, value in listed:
            if self._roster.admits_listed(version, revision or 0):
                self._roster.put(version, value)
        self._roster.retain((version for version, _ in listed), revision or 0)
        self.synced = True

    def _known(self, obj: S) -> T:
        """Return what is kept of an object: the same again where it has not changed, so that no list is in memory twice."""
        known = self._roster.get(obj.metadata.version.name)
        return known.value if known is not None and known.version == obj.metadata.version else self._reduce(obj)
