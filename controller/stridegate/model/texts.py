"""Texts that came from users, made fit to be shown: nothing in them can pass for ours, or move a cursor."""

from __future__ import annotations

import re

# The most of any one value that came from a user.
VALUE_RUNES = 120

# How much of a text is read to fill the runes that are shown: control characters take none.
_SCANNED = 8
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?)")


def clean(text: str, runes: int = VALUE_RUNES) -> str:
    """Return user input fit for a line of ours: no escape sequence, control or bidirectional character, no line break, at most so many runes."""
    if len(text) <= runes and text.isprintable():
        return text
    # What is cut away anyway is not looked at: the same long name can stand in every violation.
    text = text[: runes * _SCANNED]
    if not text.isprintable():
        text = "".join(
            character if character.isprintable() else " " if character.isspace() else ""
            for character in _ESCAPES.sub("", text)
        )
    return text if len(text) <= runes else text[: runes - 1] + "…"
