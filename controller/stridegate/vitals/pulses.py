"""How late the event loop is, and since when a request may have been waiting for it."""

from __future__ import annotations

import asyncio
import time

_BEAT = 0.05
# Later than this, whatever is read now may have arrived at any time since the beat before.
_STALL = 0.25


class Pulse:
    """A beat in the event loop.

    A loop that was held up reads requests that have been waiting in the socket for an unknown time: until the next beat
    they count as arrived when the loop last moved, so that an answer that comes too late says so.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._last = time.monotonic()
        self._held_since = 0.0
        # Seconds by which the last beat was late.
        self.lag = 0.0
        self._timer = loop.call_later(_BEAT, self._beat)

    def arrival(self) -> float:
        """Return the monotonic time at which a request that is read now has arrived at the earliest."""
        now = time.monotonic()
        if self._held_since:
            return self._held_since
        # Sockets are read before the beat that is overdue.
        return self._last if now - self._last > _BEAT + _STALL else now

    def stop(self) -> None:
        """Stop beating."""
        self._timer.cancel()

    def _beat(self) -> None:
        now = time.monotonic()
        self.lag = max(0.0, now - self._last - _BEAT)
        self._held_since = self._last if self.lag > _STALL else 0.0
        self._last = now
        self._timer = self._loop.call_later(_BEAT, self._beat)
