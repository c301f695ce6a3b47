"""Edits that heal a violation, and the patch that bundles them with how safe they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from stridegate.model.places import Place, Pointer
from stridegate.model.vocabulary import Safety

Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]
FrozenJson = str | int | bool | Mapping[str, "FrozenJson"]


class Assign(NamedTuple):
    """Give a field a value; its missing parents are created."""

    place: Place
    value: FrozenJson


class Append(NamedTuple):
    """Add values to the end of a list field, in order; the list is created where it is missing."""

    place: Place
    values: tuple[FrozenJson, ...]


class Remove(NamedTuple):
    """Take a field out."""

    place: Place


Edit = Assign | Append | Remove


class Patch(NamedTuple):
    """The edits that heal one violation.

    `overrides` says that an explicit value changes: the webhook makes such a patch only where the policy allows it for
    that rule. `authored` says that only the author can make it, in what pods are made from: in the pod itself it comes
    too late.
    """

    edits: tuple[Edit, ...]
    safety: Safety
    overrides: bool = False
    authored: bool = False
    apart: Patch | None = None

    @property
    def pointers(self) -> set[Pointer]:
        """What it changes."""
        return {edit.place.pointer for edit in self.edits}

    @classmethod
    def assign(cls, place: Place, value: FrozenJson, *, was: object, safety: Safety) -> Patch:
        """Return the patch that gives a field a value: it fills an absent one as safely as stated; changing an explicit one is a risky override."""
        if was is None:
            return cls(edits=(Assign(place, value),), safety=safety)
        return cls.override(Assign(place, value))

    @classmethod
    def fill(cls, *edits: Edit, safety: Safety) -> Patch:
        """Return a patch that adds what is absent and changes nothing that is there."""
        return cls(edits=edits, safety=safety)

    @classmethod
    def override(cls, *edits: Edit) -> Patch:
        """Return a patch that changes what the author wrote."""
        return cls(edits=edits, safety=Safety.RISKY, overrides=True)

    @classmethod
    def by_author(cls, *edits: Edit) -> Patch:
        """Return a patch for the manifest or the template, which the webhook never makes."""
        return cls(edits=edits, safety=Safety.RISKY, authored=True)
