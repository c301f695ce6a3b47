"""From patches to RFC 6902 operations that always apply, and that a second pass would not make again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import cast

from stridegate.model.edits import Append, Assign, Edit, FrozenJson, Patch, Remove
from stridegate.model.findings import Finding
from stridegate.model.places import Pointer
from stridegate.model.views import PodView

Operation = dict[str, object]


@dataclass(slots=True)
class Hardening:
    """The operations for one pod, with the edits they make and the findings they heal.

    `conflicting` are findings whose patches contradict each other: neither is made.
    """

    operations: list[Operation] = field(default_factory=list)
    edits: list[Edit] = field(default_factory=list)
    healed: list[Finding] = field(default_factory=list)
    conflicting: list[Finding] = field(default_factory=list)


def harden(pod: PodView, patches: Sequence[tuple[Finding, Patch]]) -> Hardening:
    """Return the operations that make the patches in the object the pod was read from.

    Parents that are missing or null are created first; no operation tests or moves anything, so all of them apply to
    that object. Two patches that give one field different values cancel each other.
    """
    agreed, conflicting = agree(pod, patches)
    edits = [edit for _, patch in agreed for edit in patch.edits]
    return Hardening(
        operations=write(pod, edits),
        edits=edits,
        healed=[finding for finding, _ in agreed],
        conflicting=conflicting,
    )


def agree(
    pod: PodView, patches: Sequence[tuple[Finding, Patch]]
) -> tuple[Sequence[tuple[Finding, Patch]], list[Finding]]:
    """Return the patches that can be made together, and the findings of those that contradict each other; none for a pod without a spec."""
    if not pod.complete:
        return (), []
    contested = _contested(patch for _, patch in patches)
    if not contested:
        return patches, []
    agreed: list[tuple[Finding, Patch]] = []
    conflicting: list[Finding] = []
    for finding, patch in patches:
        if any(edit.place.pointer in contested for edit in patch.edits):
            conflicting.append(finding)
        else:
            agreed.append((finding, patch))
    return agreed, conflicting


def write(pod: PodView, edits: Iterable[Edit]) -> list[Operation]:
    """Return the operations that make edits which contradict each other nowhere."""
    writer = _Writer(pod)
    for edit in edits:
        writer.write(edit)
    return writer.operations


def annotate(pod: PodView, key: str, value: str) -> list[Operation]:
    """Return the operations that record something in the annotations of a pod."""
    operations: list[Operation] = []
    if pod.metadata.annotations is None:
        operations.append({"op": "add", "path": escape((*pod.prefix, "metadata", "annotations")), "value": {}})
    operations.append({"op": "add", "path": escape((*pod.prefix, "metadata", "annotations", key)), "value": value})
    return operations


# Pods differ in what their fields say, hardly in which fields are patched.
@lru_cache(maxsize=4096)
def escape(pointer: Pointer) -> str:
    """Return a pointer as RFC 6901 writes it."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in pointer)


def read(shape: object, pointer: Pointer) -> object:
    """Walk from a pod spec to what a pointer from it leads to; None where something on the way is absent or null."""
    current: object = shape
    for part in pointer:
        if current is None:
            return None
        if isinstance(part, int):
            current = current[part] if isinstance(current, tuple) and part < len(current) else None
        elif _keyed(cast("type", type(current))):
            current = cast("Mapping[str, object]", current).get(part)
        else:
            current = getattr(current, part, None)
    return current


@cache
def _keyed(kind: type) -> bool:
    return issubclass(kind, Mapping)


def _contested(patches: Iterable[Patch]) -> frozenset[Pointer]:
    """Return the pointers that edits disagree about, or of which one lies in what another replaces."""
    contested: set[Pointer] = set()
    wanted: dict[Pointer, object] = {}
    for edit in (edit for patch in patches for edit in patch.edits):
        pointer = edit.place.pointer
        want = _APPENDED if isinstance(edit, Append) else edit.value if isinstance(edit, Assign) else None
        if wanted.setdefault(pointer, want) != want:
            contested.add(pointer)
    replaced = {len(pointer) for pointer, want in wanted.items() if want is not _APPENDED}
    for pointer in wanted:
        for length in replaced:
            if length < len(pointer) and wanted.get(pointer[:length], _APPENDED) is not _APPENDED:
                contested |= {pointer, pointer[:length]}
    return frozenset(contested)


# Any number of edits may append to one list.
_APPENDED = object()


class _Writer:
    """Writes edits as operations, remembering what earlier ones already created."""

    def __init__(self, pod: PodView) -> None:
        self._pod = pod
        self.operations: list[Operation] = []
        self._present: set[Pointer] = set()
        self._done: set[tuple[Pointer, str]] = set()

    def write(self, edit: Edit) -> None:
        pointer = edit.place.pointer
        if isinstance(edit, Remove):
            self._once(pointer, "remove", {"op": "remove", "path": escape(pointer)})
            return
        self._create_parents(pointer)
        if isinstance(edit, Assign):
            self._once(pointer, "assign", {"op": "add", "path": escape(pointer), "value": edit.value})
            self._present.add(pointer)
            return
        if not self._exists(pointer):
            self.operations.append({"op": "add", "path": escape(pointer), "value": []})
            self._present.add(pointer)
        for value in edit.values:
            self._once(pointer, repr(value), {"op": "add", "path": escape((*pointer, "-")), "value": value})

    def _once(self, pointer: Pointer, what: str, operation: Operation) -> None:
        if (pointer, what) not in self._done:
            self._done.add((pointer, what))
            self.operations.append(operation)

    def _create_parents(self, pointer: Pointer) -> None:
        # Never above the pod spec: a pod without one is not patched.
        length = len(pointer) - 1
        while length > len(self._pod.pointer) and not self._exists(pointer[:length]):
            length -= 1
        for missing in range(length + 1, len(pointer)):
            parent = pointer[:missing]
            self.operations.append({"op": "add", "path": escape(parent), "value": {}})
            self._present.add(parent)

    def _exists(self, pointer: Pointer) -> bool:
        if pointer in self._present:
            return True
        if read(self._pod.shape, pointer[len(self._pod.pointer) :]) is None:
            return False
        self._present.add(pointer)
        return True


def plain(value: FrozenJson) -> object:
    """Return a value as encoders like it: plain dictionaries all the way down."""
    if not isinstance(value, str | bool) and isinstance(value, Mapping):
        return {key: plain(each) for key, each in value.items()}
    return value
