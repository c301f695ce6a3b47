"""Edits of a pod as one strategic merge patch, which `kubectl patch` lays over the manifest or the workload it came from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar, cast

from stridegate.engine.harden import plain, read
from stridegate.model.edits import Append, Assign, Edit
from stridegate.model.places import Pointer
from stridegate.model.views import PodView

# The key by which strategic merge tells the elements of a list apart (`patchMergeKey` in k8s.io/api/core/v1). Lists that
# are not here are replaced as a whole, so a patch names all their members.
_MERGE_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "volumes": "name",
    "volumeMounts": "mountPath",
    "ports": "containerPort",
}

V = TypeVar("V")
Map = dict[str, object]


class StrategicMerge:
    """One strategic merge patch of a pod, which grows by edits that do not contradict each other."""

    def __init__(self, pod: PodView) -> None:
        self.patch: Map = {}
        self._pod = pod
        # The maps and lists of the patch, by where the pod has what they stand for; each list with its elements by what
        # makes them the same.
        self._maps: dict[Pointer, Map] = {(): self.patch}
        self._lists: dict[Pointer, tuple[list[object], Map]] = {}
        self._reachable: dict[Pointer, bool] = {(): True}

    def take(self, edits: Sequence[Edit]) -> bool:
        """Take in all of these edits, or none where one of them cannot be said; return which."""
        cut = len(self._pod.prefix)
        pointers = [edit.place.pointer[cut:] for edit in edits]
        for pointer in pointers:
            if not isinstance(pointer[-1], str) or not self._reaches(pointer[:-1]):
                return False
        for pointer, edit in zip(pointers, edits, strict=True):
            if isinstance(edit, Append):
                self._append(pointer, edit)
            else:
                # Null takes a key out (JSON merge patch and strategic merge alike).
                value = plain(edit.value) if isinstance(edit, Assign) else None
                self._map(pointer[:-1])[str(pointer[-1])] = value
        return True

    def _reaches(self, pointer: Pointer) -> bool:
        """Whether a patch can lead there: through maps, and through lists whose elements have names."""
        known = self._reachable.get(pointer)
        if known is None:
            # Ephemeral containers exist in a running pod only: no manifest and no template has them.
            named = not isinstance(pointer[-1], int) or self._name(pointer) not in {None, ""}
            known = named and pointer[-1] != "ephemeralContainers" and self._reaches(pointer[:-1])
            self._reachable[pointer] = known
        return known

    def _name(self, pointer: Pointer) -> object:
        """Return what tells one element of a list from the others; None where nothing does."""
        key = _MERGE_KEYS.get(str(pointer[-2]))
        return None if key is None else read(self._pod.shape, (*pointer[1:], key))

    def _map(self, pointer: Pointer) -> Map:
        known = self._maps.get(pointer)
        if known is None:
            part = pointer[-1]
            if isinstance(part, int):
                known = self._put(pointer[:-1], {_MERGE_KEYS[str(pointer[-2])]: self._name(pointer)})
            else:
                known = cast("Map", self._map(pointer[:-1]).setdefault(part, {}))
            self._maps[pointer] = known
        return known

    def _append(self, pointer: Pointer, edit: Append) -> None:
        if pointer not in self._lists and pointer[-1] not in _MERGE_KEYS:
            there = read(self._pod.shape, pointer[1:])
            for member in there if isinstance(there, tuple) else ():
                self._put(pointer, member)
        for value in edit.values:
            self._put(pointer, plain(value))

    def _put(self, pointer: Pointer, value: V) -> V:
        """Return the element of a list that is the same as a value: the one that is there, or else the value."""
        known = self._lists.get(pointer)
        if known is None:
            known = self._lists[pointer] = ([], {})
            self._map(pointer[:-1])[str(pointer[-1])] = known[0]
        elements, twins = known
        identity = _identity(value, _MERGE_KEYS.get(str(pointer[-1])))
        if identity not in twins:
            twins[identity] = value
            elements.append(value)
            return value
        twin = twins[identity]
        if isinstance(twin, dict) and isinstance(value, dict):
            _merge(twin, value)
        return cast("V", twin)


def _merge(into: Map, patch: Map) -> None:
    """Lay one strategic merge patch over another."""
    for key, value in patch.items():
        known = into.get(key)
        if isinstance(known, dict) and isinstance(value, dict):
            _merge(known, value)
        elif isinstance(known, list) and isinstance(value, list):
            _merge_lists(known, value, _MERGE_KEYS.get(key))
        else:
            into[key] = value


def _merge_lists(into: list[object], values: list[object], key: str | None) -> None:
    there = {_identity(each, key): each for each in into}
    for value in values:
        identity = _identity(value, key)
        twin = there.get(identity)
        if twin is None:
            there[identity] = value
            into.append(value)
        elif isinstance(twin, dict) and isinstance(value, dict):
            _merge(twin, value)


def _identity(element: object, key: str | None) -> str:
    """Return what makes two elements of a list the same: their key, or all that they say."""
    return repr(element.get(key) if key and isinstance(element, dict) else element)
