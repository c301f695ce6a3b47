"""Settings of a component: where its configuration has them and how they are read, what they are, and what says so."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from stridegate.model.nodes.answers import Unreadable
from stridegate.model.nodes.nodes import NotReadable
from stridegate.model.nodes.readings import Reading
from stridegate.model.nodes.verdicts import Evidence, State, Verdict

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Field(Generic[T]):
    """A setting. `default` holds with a configuration file, `bare` without one where it differs.

    `omitted` is what it means that the live configuration leaves it out (Go `omitempty`: the type's zero), None where that
    never happens. `zero_means_default` is for fields where the zero value is replaced by the default.
    """

    at: str
    reading: Reading[T]
    default: T
    flag: str = ""
    bare: T | None = None
    omitted: T | None = None
    zero_means_default: bool = False


class Origin(enum.Enum):
    """What gave a setting its value."""

    LIVE = "live configuration"
    FLAG = "flag"
    FILE = "file"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting(Generic[T]):
    """A setting of a component, what it is, and what says so."""

    field: Field[T]
    value: T
    origin: Origin
    evidence: Evidence

    @property
    def words(self) -> str:
        """Say what was seen."""
        said = self.field.reading.words(self.value)
        return f"unset, so {said}" if self.origin is Origin.DEFAULT else said

    def verdict(self, state: State, *, wanted: str = "", note: str = "") -> Verdict:
        """Return a verdict on it."""
        return Verdict(state=state, observed=self.words, wanted=wanted, evidence=self.evidence, note=note)


def of_type(value: T | None, field: Field[T], place: str) -> T:
    """Return a value that has the field's type. Raises NotReadable, with the place, for one of another."""
    if value is None:
        raise NotReadable(Unreadable(place, f"wanted {field.reading.wanted}"))
    return value


def find(document: Mapping[str, object], at: str) -> tuple[bool, object]:
    """Return whether a document says something at a dotted place, and what. Raises NotReadable where no map is on the way."""
    value: object = document
    for key in at.split("."):
        if value is None:
            return (True, None)
        if not isinstance(value, Mapping):
            raise NotReadable(Unreadable(f"what leads to {at}", "wanted a map"))
        if key not in value:
            return (False, None)
        value = value[key]
    return (True, value)
