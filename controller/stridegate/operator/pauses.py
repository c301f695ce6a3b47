"""Waiting for something to happen, but not for ever."""

from __future__ import annotations

import asyncio
import contextlib


async def pause_until(event: asyncio.Event, seconds: float) -> None:
    """Wait for an event, but not for longer than some seconds; it may then happen again."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    event.clear()
