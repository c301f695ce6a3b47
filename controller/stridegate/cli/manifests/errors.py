"""What the reading of manifests refuses, each as an error that owns its sentence.

ManifestError
├── Unreadable        a file or folder that is not there, or may not be read
├── Oversized         more than there is room for: bytes, levels of nesting, or what aliases expand to
├── NotText           bytes that are no UTF-8 text
├── Templated         a text that becomes a manifest only once a template engine has run
├── BrokenSyntax      a text that is neither YAML nor JSON
├── DuplicateKey      a key that stands twice in one map, so that readers disagree about its value
├── Unrepresentable   YAML that has no meaning in JSON, which is what the API server is sent
└── NoObject          something that should be an object of Kubernetes and is none
"""

from __future__ import annotations

from typing import NamedTuple

_SHOWN = 80


class Position(NamedTuple):
    """A place in a text; both numbers count from 1, columns in characters."""

    line: int
    column: int


class ManifestError(Exception):
    """Anything that the reading of manifests refuses; `position` says where, if it is known."""

    def __init__(self, sentence: str, position: Position | None = None) -> None:
        super().__init__(sentence)
        self.position = position


class Unreadable(ManifestError):
    """A file or folder cannot be read."""

    def __init__(self, wanted: str, got: str) -> None:
        super().__init__(f"wanted {wanted}, got {got}")


class Oversized(ManifestError):
    """A manifest is larger, deeper, or expands to more than there is room for."""

    def __init__(self, wanted: str, position: Position | None = None) -> None:
        super().__init__(f"wanted {wanted}, got more", position)


class NotText(ManifestError):
    """A file holds no UTF-8 text."""

    def __init__(self, got: str, position: Position | None = None) -> None:
        super().__init__(f"wanted UTF-8 text, got {got}", position)


class Templated(ManifestError):
    """A template of Helm, Jinja or the like: what it becomes is not known before it is rendered, so nothing of it is judged."""

    def __init__(self, got: str, advice: str, position: Position | None = None) -> None:
        super().__init__(f"wanted a manifest, got {got}; render it first: {advice}", position)


class BrokenSyntax(ManifestError):
    """A text is neither YAML nor JSON; what stands after the mistake was not read."""

    def __init__(self, wanted: str, got: str, position: Position | None = None) -> None:
        super().__init__(f"wanted {wanted}, got {got}", position)


class DuplicateKey(ManifestError):
    """A key stands twice in one map: kubectl takes the last, others the first, and nobody meant both."""

    def __init__(self, key: str, first: Position, position: Position) -> None:
        super().__init__(f"wanted the key {shown(key)} once, got it again (first in line {first.line})", position)


class Unrepresentable(ManifestError):
    """YAML says something that JSON cannot, or that readers of YAML understand in different ways."""

    def __init__(self, wanted: str, got: str, position: Position) -> None:
        super().__init__(f"wanted {wanted}, got {got}", position)


class NoObject(ManifestError):
    """Something should be an object of Kubernetes and is none."""

    def __init__(self, wanted: str, got: str, position: Position) -> None:
        super().__init__(f"wanted {wanted}, got {got}", position)


def shown(value: str) -> str:
    """Return a text as a sentence can carry it: in quotes, hostile characters escaped, cut where it is long."""
    return ascii(value if len(value) <= _SHOWN else value[: _SHOWN - 1] + "…")
