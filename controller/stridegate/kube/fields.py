"""Reading untyped JSON field by field, so that whatever is wrong is said with its place.

Absent and null are the same thing, as for the API server, which prunes nulls.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TypeVar

from stridegate.kube.errors import InvalidField

V = TypeVar("V")

# Field names and slugs stand in sentences as they are; any other key is shown escaped.
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,99}", re.ASCII)


class Field:
    """A value somewhere inside an object, and the path to it."""

    __slots__ = ("path", "value")

    def __init__(self, value: object, path: str) -> None:
        self.value = value
        self.path = path

    @property
    def absent(self) -> bool:
        """Whether the field is missing or null."""
        return self.value is None

    def refuse(self, wanted: str, got: object = None) -> InvalidField:
        """Return the error that says what this field must be; `got` replaces the value where only a part of it is wrong."""
        return InvalidField(self.path, wanted, self.value if got is None else got)

    def among(self, known: tuple[str, ...]) -> Field:
        """Return this map once it is sure that it has no other keys than the known ones. Raises InvalidField."""
        strangers = sorted(str(key) for key in self._mapping() if key not in known)
        if strangers:
            raise self.refuse(f"only {', '.join(known)}", strangers[0])
        return self

    def __getitem__(self, key: str) -> Field:
        """Return a field of this map; absent where the map is. Raises InvalidField where this is no map."""
        return Field(self._mapping().get(key), self._below(key))

    def items(self) -> Iterator[tuple[str, Field]]:
        """Yield the keys and values of this map in the order of the keys, none where it is absent. Raises InvalidField."""
        mapping = self._mapping()
        for key in mapping:
            if not isinstance(key, str):
                raise self.refuse("strings as keys", key)
        for key in sorted(mapping):
            yield key, Field(mapping[key], self._below(key))

    def elements(self) -> Iterator[Field]:
        """Yield the elements of this list, none where it is absent. Raises InvalidField."""
        if self.absent:
            return
        if not isinstance(self.value, list | tuple):
            raise self.refuse("a list")
        for index, element in enumerate(self.value):
            yield Field(element, f"{self.path}[{index}]")

    def text(self, wanted: str = "a text") -> str:
        """Return this text, which is not empty. Raises InvalidField."""
        if not isinstance(self.value, str) or not self.value.strip():
            raise self.refuse(wanted)
        return self.value

    def texts(self, wanted: str = "a text") -> tuple[str, ...]:
        """Return this list of texts, empty where it is absent. Raises InvalidField."""
        return tuple(element.text(wanted) for element in self.elements())

    def truth(self) -> bool | None:
        """Return this boolean, None where it is absent. Raises InvalidField."""
        if self.value is None or isinstance(self.value, bool):
            return self.value
        raise self.refuse("true or false")

    def choice(self, choices: Mapping[str, V]) -> V:
        """Return what this word stands for. Raises InvalidField for any other word."""
        if isinstance(self.value, str) and self.value in choices:
            return choices[self.value]
        *most, last = choices
        raise self.refuse(f"{', '.join(most)} or {last}" if most else last)

    def _mapping(self) -> Mapping[str, object]:
        if self.absent:
            return {}
        if not isinstance(self.value, Mapping):
            raise self.refuse("a map")
        return self.value

    def _below(self, key: str) -> str:
        return f"{self.path}.{key}" if _PLAIN.fullmatch(key) else f"{self.path}[{key[:60]!a}]"
