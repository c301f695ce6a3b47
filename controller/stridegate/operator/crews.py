"""Many pieces of work, some at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable


async def work_through(works: Iterable[Callable[[], Awaitable[None]]], hands: int) -> None:
    """Do every work, at most so many at a time; where one fails, begin no more, and raise what it raised."""
    rest, failed = iter(works), False

    async def work() -> None:
        nonlocal failed
        for each in rest:
            try:
                await each()
            except BaseException:
                failed = True
                raise
            if failed:
                return

    # What has begun ends by itself: a request that was sent cannot be taken back.
    for end in await asyncio.gather(*(work() for _ in range(hands)), return_exceptions=True):
        if end is not None:
            raise end
