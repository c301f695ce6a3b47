"""Why a text is left as it is.

Unwritable
    What is wanted cannot be said by an edit of this text: the reason follows in words for people.
"""

from __future__ import annotations


class Unwritable(Exception):
    """A change that this text does not take; the message says why."""

    @classmethod
    def because(cls, where: str, reason: str) -> Unwritable:
        """Return the error for a field, such as `spec.containers`."""
        return cls(f"{where or 'the document'} {reason}")
