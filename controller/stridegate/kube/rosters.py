"""Which version of each object counts, when a listing and a stream of events tell about it in any order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

V = TypeVar("V")


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """Which object a name stood for, and in which state.

    `created` is the creationTimestamp as the API server writes it (RFC 3339, so that text order is time order).
    `revision` is the resourceVersion, which grows with every change (KEP-5504 lets clients compare them as integers).
    """

    name: str
    uid: str
    created: str
    revision: int

    def supersedes(self, other: Version) -> bool:
        """Whether this is a later state of the same object, or of a later object of that name."""
        if self.uid == other.uid:
            return self.revision >= other.revision
        return (self.created, self.revision) >= (other.created, other.revision)


@dataclass(frozen=True, slots=True)
class Entry(Generic[V]):
    """An object that is there, and what was made of it."""

    version: Version
    value: V


class Roster(Generic[V]):
    """The objects of one kind by name.

    Events may come late, twice, or never (what was deleted while a watch was interrupted is not told afterwards), and
    while a listing is under way they tell newer things than it: whatever comes, the newest version of a name stays.
    """

    def __init__(self) -> None:
        self._entries: dict[str, Entry[V]] = {}
        self._buried: dict[str, Version] = {}

    def __iter__(self) -> Iterator[V]:
        return (entry.value for entry in self._entries.values())

    def items(self) -> Iterator[tuple[str, V]]:
        """Yield every name with what was made of the object."""
        return ((name, entry.value) for name, entry in self._entries.items())

    def get(self, name: str) -> Entry[V] | None:
        """Return the object of a name."""
        return self._entries.get(name)

    def admits(self, version: Version) -> bool:
        """Whether a version is news: later than what stands, and not of an object that is known to be gone."""
        known = self._entries.get(version.name)
        if known is not None and (known.version == version or not version.supersedes(known.version)):
            return False
        buried = self._buried.get(version.name)
        return buried is None or (buried.uid != version.uid and version.supersedes(buried))

    def put(self, version: Version, value: V) -> None:
        """Note a version that is news."""
        self._entries[version.name] = Entry(version, value)

    def remove(self, version: Version) -> bool:
        """Forget an object that was deleted; return whether it was there. A later object of the same name stays."""
        self._buried[version.name] = version
        known = self._entries.get(version.name)
        if known is None or not version.supersedes(known.version):
            return False
        del self._entries[version.name]
        return True

    def retain(self, listed: Iterable[Version], revision: int) -> bool:
        """Forget what a complete listing as of a revision does not have; return whether anything went.

        What events told of later revisions stays, and deletions that came before the listing need no longer be
        remembered.
        """
        names = {version.name for version in listed}
        gone = [
            name for name, entry in self._entries.items() if name not in names and entry.version.revision <= revision
        ]
        for name in gone:
            del self._entries[name]
        self._buried = {name: version for name, version in self._buried.items() if version.revision > revision}
        return bool(gone)
