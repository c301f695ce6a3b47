"""Which version of each object counts, when a listing and a stream of events tell about it in any order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

V = TypeVar("V")


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """Which object a name stood for, and in which state.

    `revision` is the resourceVersion, which grows with every change of any object of the kind, deletions included
    (KEP-5504 lets clients compare them as integers). Nothing else orders states: clocks of API servers differ.
    """

    name: str
    uid: str
    revision: int


@dataclass(frozen=True, slots=True)
class Entry(Generic[V]):
    """An object that is there, and what was made of it."""

    version: Version
    value: V


class Roster(Generic[V]):
    """The objects of one kind by name.

    Events may come late, twice, or never (what was deleted while a watch was interrupted is not told afterwards), and
    while a listing is under way they tell newer things than it. A complete listing is the truth as of its revision: it
    replaces whatever is not newer, and nothing that is older than it is news any more.
    """

    def __init__(self) -> None:
        self._entries: dict[str, Entry[V]] = {}
        # Revisions of the deletions that are newer than the last complete listing.
        self._buried: dict[str, int] = {}
        # The revision of the last complete listing.
        self._listed = 0

    def __iter__(self) -> Iterator[V]:
        return (entry.value for entry in self._entries.values())

    def __len__(self) -> int:
        return len(self._entries)

    def items(self) -> Iterator[tuple[str, V]]:
        """Yield every name with what was made of the object."""
        return ((name, entry.value) for name, entry in self._entries.items())

    def entries(self) -> Iterator[tuple[str, Entry[V]]]:
        """Yield every name with the object and what was made of it."""
        return iter(self._entries.items())

    def get(self, name: str) -> Entry[V] | None:
        """Return the object of a name."""
        return self._entries.get(name)

    def admits_heard(self, version: Version) -> bool:
        """Whether a version that an event tells of is news."""
        return version.revision > max(self._listed, self._newest(version.name))

    def admits_listed(self, version: Version, revision: int) -> bool:
        """Whether a version in a complete listing as of a revision is to be taken."""
        known = self._entries.get(version.name)
        if known is not None and known.version == version:
            return False
        return self._restored(revision) or self._newest(version.name) <= revision

    def put(self, version: Version, value: V) -> None:
        """Note a version that was admitted."""
        self._buried.pop(version.name, None)
        self._entries[version.name] = Entry(version, value)

    def remove(self, version: Version) -> bool:
        """Forget an object that an event says was deleted; return whether it was there. A later one of its name stays."""
        if not self.admits_heard(version):
            return False
        self._buried[version.name] = version.revision
        return self._entries.pop(version.name, None) is not None

    def retain(self, listed: Iterable[Version], revision: int) -> bool:
        """Forget what a complete listing as of a revision does not have; return whether anything went.

        What events told of later revisions stays, unless time itself went back.
        """
        names = {version.name for version in listed}
        restored = self._restored(revision)
        gone = [
            name
            for name, entry in self._entries.items()
            if name not in names and (restored or entry.version.revision <= revision)
        ]
        for name in gone:
            del self._entries[name]
        self._buried = {} if restored else {name: each for name, each in self._buried.items() if each > revision}
        self._listed = revision
        return bool(gone)

    def _newest(self, name: str) -> int:
        """Return the revision of the newest thing that is known of a name."""
        known = self._entries.get(name)
        return max(known.version.revision if known else 0, self._buried.get(name, 0))

    def _restored(self, revision: int) -> bool:
        """Whether a listing is from a cluster that was restored: listings are linearizable, so no other is older than the one before."""
        return revision < self._listed
