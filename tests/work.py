"""How much work something is: calls are counted, since times depend on the machine."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType

TENFOLD = 20
"""The most that tenfold input may multiply the work by: a full cache counts a little more than ten, a quadratic step counts a hundred."""


def calls(act: Callable[[], object]) -> int:
    """Return how many functions are called, and generators resumed, while something is done, with every cache warm."""
    act()
    counted = 0

    def count(_: FrameType, event: str, __: object) -> None:
        nonlocal counted
        counted += event in {"call", "c_call"}

    sys.setprofile(count)
    try:
        act()
    finally:
        sys.setprofile(None)
    return counted
