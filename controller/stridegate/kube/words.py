"""Texts that thousands of objects have in common, kept once: names of labels and fields, and most of what stands there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar, cast

V = TypeVar("V")

# How many are remembered. `sys.intern` would remember what anybody writes for ever, in some versions of Python.
_MOST = 20_000
_words: dict[str, str] = {}


def shared(named: Mapping[str, V] | None) -> dict[str, V]:
    """Return values by name, with equal texts being one and the same; nothing for None. Safe in any thread."""
    return {_word(name): _shared(value) for name, value in (named or {}).items()}


def _shared(value: V) -> V:
    return cast("V", _word(value)) if isinstance(value, str) else value


def _word(text: str) -> str:
    if len(_words) >= _MOST:
        _words.clear()
    return _words.setdefault(text, text)
