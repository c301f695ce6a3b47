"""What the operator knows of the cluster's objects: plain maps, fed by a watch and set right by lists."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec

from stridegate.kube.objects import Json, Metadata, ObjectList

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Kept(Generic[T]):
    metadata: Metadata
    value: T


class Mirror(Generic[T]):
    """The objects of one cluster-scoped kind by name, each reduced to what is needed of it.

    A watch loses deletions while it is interrupted, and repeats old news when it resumes; a list is right, but old by
    the time it arrives. Resource versions tell which is newer (KEP-5504: within a kind they are ordered numbers).
    """

    def __init__(self, reduce: Callable[[Metadata, Json], T]) -> None:
        self._reduce = reduce
        self._kept: dict[str, _Kept[T]] = {}
        self._deleted: dict[str, int] = {}
        self.synced = False

    def __len__(self) -> int:
        return len(self._kept)

    def items(self) -> Iterator[tuple[Metadata, T]]:
        """Yield every object's metadata and value, by name."""
        for _, kept in sorted(self._kept.items()):
            yield kept.metadata, kept.value

    def observe(self, obj: Json, *, deleted: bool = False) -> None:
        """Take in one object as a watch or a write showed it."""
        metadata = _metadata(obj)
        if metadata is None:
            return
        if not deleted:
            self._keep(metadata, obj)
            return
        self._deleted[metadata.uid] = _number(metadata)
        known = self._kept.get(metadata.name)
        if known is not None and known.metadata.uid == metadata.uid:
            del self._kept[metadata.name]

    def replace(self, listed: ObjectList) -> None:
        """Take in a whole list: what it lacks is gone, unless it came after the list was made."""
        made = int(listed.metadata.resource_version or 0)
        names = set()
        for obj in listed.items or ():
            metadata = _metadata(obj)
            if metadata is not None:
                names.add(metadata.name)
                self._keep(metadata, obj)
        for name, kept in list(self._kept.items()):
            if name not in names and _number(kept.metadata) <= made:
                del self._kept[name]
        self._deleted = {uid: version for uid, version in self._deleted.items() if version > made}
        self.synced = True

    def values(self) -> Mapping[str, T]:
        """Return the values by name, as they are now."""
        return {name: kept.value for name, kept in self._kept.items()}

    def _keep(self, metadata: Metadata, obj: Json) -> None:
        known = self._kept.get(metadata.name)
        if metadata.uid not in self._deleted and (known is None or _number(metadata) > _number(known.metadata)):
            self._kept[metadata.name] = _Kept(metadata, self._reduce(metadata, obj))


def _metadata(obj: Json) -> Metadata | None:
    try:
        metadata = msgspec.convert(obj.get("metadata"), Metadata)
    except msgspec.ValidationError:
        return None
    return metadata if metadata.name else None


def _number(metadata: Metadata) -> int:
    return int(metadata.resource_version) if metadata.resource_version.isdecimal() else 0
