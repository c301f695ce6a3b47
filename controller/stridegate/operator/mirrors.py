"""What the operator knows of the cluster's objects: plain maps, fed by a watch and set right by lists."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec

from stridegate.kube.objects import Metadata, ObjectList
from stridegate.kube.rosters import Roster
from stridegate.kube.shapes import UNDECODABLE

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Kept(Generic[T]):
    metadata: Metadata
    value: T


class Mirror(Generic[T]):
    """The objects of one kind by name, each reduced to what is needed of it; of a kind with namespaces by both names."""

    def __init__(self, reduce: Callable[[Metadata, Mapping[str, object]], T]) -> None:
        self._reduce = reduce
        self._roster: Roster[_Kept[T]] = Roster()
        # Whether the kind has been listed.
        self.synced = False

    def items(self) -> list[tuple[Metadata, T]]:
        """Return every object's metadata and value, by name."""
        return [(kept.metadata, kept.value) for _, kept in sorted(self._roster.items(), key=lambda item: item[0])]

    def values(self) -> Mapping[str, T]:
        """Return the values by name."""
        return {name: kept.value for name, kept in self._roster.items()}

    def observe(self, obj: Mapping[str, object], *, deleted: bool = False) -> None:
        """Take in one object as a watch or a write showed it."""
        for metadata in _metadata(obj):
            if deleted:
                self._roster.remove(metadata.version)
            elif self._roster.admits_heard(metadata.version):
                self._take(metadata, obj)

    def replace(self, listed: ObjectList) -> None:
        """Take in a complete list."""
        found = [(metadata, obj) for obj in listed.items or () for metadata in _metadata(obj)]
        revision = listed.metadata.revision
        for metadata, obj in found:
            if self._roster.admits_listed(metadata.version, revision):
                self._take(metadata, obj)
        self._roster.retain((metadata.version for metadata, _ in found), revision)
        self.synced = True

    def _take(self, metadata: Metadata, obj: Mapping[str, object]) -> None:
        self._roster.put(metadata.version, _Kept(metadata, self._reduce(metadata, obj)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirrors:
    """What the operator watches: policies and exemptions as they are, namespaces by their labels."""

    policies: Mirror[Mapping[str, object]]
    exemptions: Mirror[Mapping[str, object]]
    namespaces: Mirror[Mapping[str, str]]

    @property
    def synced(self) -> bool:
        """Whether all have been listed."""
        return self.policies.synced and self.exemptions.synced and self.namespaces.synced


def _metadata(obj: Mapping[str, object]) -> Iterator[Metadata]:
    """Yield an object's metadata; nothing where it has none, which no object in a cluster lacks."""
    try:
        yield msgspec.convert(obj.get("metadata"), Metadata)
    except UNDECODABLE:
        return
