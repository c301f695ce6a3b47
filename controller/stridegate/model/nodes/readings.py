"""How a setting is read: the same thing from a configuration file, from a flag and for people."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Generic, TypeVar

from stridegate.model.nodes.durations import parse_duration
from stridegate.model.nodes.flags import Flags, members_of

T = TypeVar("T")


class Reading(ABC, Generic[T]):
    """How settings of one type are read; `wanted` names the type in errors."""

    wanted = "a value"

    @abstractmethod
    def of_value(self, value: object) -> T | None:
        """Return what a file's value means, None where it has another type."""

    @abstractmethod
    def of_flag(self, flags: Flags, name: str) -> T | None:
        """Return what a flag that is set means, None where it cannot be meant. Raises NotReadable."""

    def words(self, value: T) -> str:
        """Say a value."""
        return str(value)


@dataclass(frozen=True, slots=True)
class Truth(Reading[bool]):
    """true or false."""

    wanted = "true or false"

    def of_value(self, value: object) -> bool | None:
        """Return a boolean; a string is none."""
        return value if isinstance(value, bool) else None

    def of_flag(self, flags: Flags, name: str) -> bool | None:
        """Return a boolean flag's last value."""
        return flags.truth(name)

    def words(self, value: bool) -> str:  # noqa: FBT001 - the value, no switch
        """Say it as files do."""
        return str(value).lower()


@dataclass(frozen=True, slots=True)
class Number(Reading[int]):
    """A whole number."""

    wanted = "a number"

    def of_value(self, value: object) -> int | None:
        """Return a whole number; a string is none."""
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def of_flag(self, flags: Flags, name: str) -> int | None:
        """Return a number flag's last value."""
        word = flags.text(name) or ""
        digits = word.removeprefix("-")
        return int(word) if digits.isascii() and digits.isdigit() and len(digits) < 20 else None


@dataclass(frozen=True, slots=True)
class Text(Reading[str]):
    """Text."""

    wanted = "text"

    def of_value(self, value: object) -> str | None:
        """Return text."""
        return value if isinstance(value, str) else None

    def of_flag(self, flags: Flags, name: str) -> str | None:
        """Return a flag's last value."""
        return flags.text(name)

    def words(self, value: str) -> str:
        """Say it, also where it is empty."""
        return value or "empty"


@dataclass(frozen=True, slots=True)
class Duration(Reading[Fraction]):
    """A Go duration, in seconds."""

    wanted = "a duration"

    def of_value(self, value: object) -> Fraction | None:
        """Return the seconds of a duration."""
        return parse_duration(value)

    def of_flag(self, flags: Flags, name: str) -> Fraction | None:
        """Return the seconds of a flag's last value."""
        return parse_duration(flags.text(name))

    def words(self, value: Fraction) -> str:
        """Say the seconds."""
        return f"{float(value):g}s"


@dataclass(frozen=True, slots=True)
class Texts(Reading[tuple[str, ...]]):
    """A list of texts."""

    wanted = "a list of strings"

    def of_value(self, value: object) -> tuple[str, ...] | None:
        """Return the members of a list of strings."""
        if not isinstance(value, list | tuple) or not all(isinstance(each, str) for each in value):
            return None
        return tuple(value)

    def of_flag(self, flags: Flags, name: str) -> tuple[str, ...] | None:
        """Return the members of a list flag."""
        return flags.members(name)

    def words(self, value: tuple[str, ...]) -> str:
        """Say the members."""
        return ", ".join(value) or "none"


@dataclass(frozen=True, slots=True)
class Pairs(Reading[Mapping[str, str]]):
    """A map from names to texts; as a flag `name=value,…`, with another sign than `=` where `sign` says so."""

    sign: str = "="
    wanted = "a map"

    def of_value(self, value: object) -> Mapping[str, str] | None:
        """Return a map, its values as text."""
        if not isinstance(value, Mapping):
            return None
        return {str(name): "" if each is None else str(each) for name, each in value.items()}

    def of_flag(self, flags: Flags, name: str) -> Mapping[str, str] | None:
        """Return the map that a flag's last value says."""
        found: dict[str, str] = {}
        for member in members_of(flags.text(name) or ""):
            key, _, value = member.partition(self.sign)
            found[key.strip()] = value.strip()
        return found

    def words(self, value: Mapping[str, str]) -> str:
        """Say the pairs."""
        return ", ".join(f"{name}{self.sign}{each}" for name, each in value.items()) or "none"


TRUTH, NUMBER, TEXT, DURATION, TEXTS, PAIRS = Truth(), Number(), Text(), Duration(), Texts(), Pairs()
