"""What a look at one link of the chain from policy to refusal says."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Standing(enum.Enum):
    """How a link stands."""

    HOLDS = "holds"
    NOTICE = "mind"
    BROKEN = "broken"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One thing that enforcement hangs on, how it stands, and what mends it."""

    name: str
    standing: Standing
    said: str
    cure: str = ""


def broken(about: str, said: str, cure: str) -> Link:
    """Return a link that does not hold, and what mends it."""
    return Link(name=about, standing=Standing.BROKEN, said=said, cure=cure)


def holds(about: str, said: str) -> Link:
    """Return a link that holds."""
    return Link(name=about, standing=Standing.HOLDS, said=said)
