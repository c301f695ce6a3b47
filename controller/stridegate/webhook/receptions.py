"""Where connections come in: a listening socket, and the TLS handshakes, of which only so many may be under way.

A handshake costs memory before anything is known of the caller. Whoever opens connections and says nothing would fill
the replica's memory, so beyond a bound the oldest handshake makes room for the newest: an API server ends its own
within milliseconds.
"""

from __future__ import annotations

import asyncio
import resource
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress

from stridegate.vitals.listeners import listening_socket
from stridegate.webhook.callers import Callers, Objection
from stridegate.webhook.connections import Limits

# Seconds until the next attempt where no connection can be accepted, for want of file descriptors mostly.
_PAUSE = 0.05


def allow_files(wanted: int) -> int:
    """Let this process have so many files and connections open at once, as far as it may; return how many it may.

    Container runtimes leave the soft limit at 1,024 for programs that would stumble over more (`select`), and let every
    other one raise it.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return allowed


class Reception:
    """Accepts connections and shakes hands; `connect` makes the protocol of one, `dropped` hears of each that had to make room."""

    def __init__(
        self, connect: Callable[[], asyncio.Protocol], limits: Limits, dropped: Callable[[], None], callers: Callers
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._connect = connect
        self._limits = limits
        self._dropped = dropped
        self._callers = callers
        self._listener: socket.socket | None = None
        self._context: ssl.SSLContext | None = None
        # In the order in which they began.
        self._shaking: dict[asyncio.Task[None], None] = {}
        self._accepting: asyncio.Task[None] | None = None

    @property
    def shaking(self) -> int:
        """How many handshakes are under way."""
        return len(self._shaking)

    def open(self, address: str, port: int, context: ssl.SSLContext) -> int:
        """Listen, and return the port; connections wait until they are received. Raises OSError."""
        self._listener = listening_socket(address, port)
        self._context = context
        return int(self._listener.getsockname()[1])

    async def receive(self) -> None:
        """Receive connections until the reception is closed."""
        async with asyncio.TaskGroup() as tasks:
            if self._listener is None:
                return
            self._accepting = tasks.create_task(self._accept(tasks, self._listener))

    def close(self) -> None:
        """Receive nobody any more; handshakes that are under way may end."""
        if self._accepting is not None:
            self._accepting.cancel()
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    async def _accept(self, tasks: asyncio.TaskGroup, listener: socket.socket) -> None:
        while True:
            try:
                caller, _ = await self._loop.sock_accept(listener)
            except OSError:
                await asyncio.sleep(_PAUSE)
                continue
            if len(self._shaking) >= self._limits.handshakes:
                oldest = next(iter(self._shaking))
                del self._shaking[oldest]
                oldest.cancel()
                self._dropped()
            task = tasks.create_task(self._shake(caller))
            self._shaking[task] = None
            task.add_done_callback(self._shaken)

    async def _shake(self, caller: socket.socket) -> None:
        # Whoever cannot shake hands is gone; nobody of ours has seen him.
        with suppress(OSError):
            try:
                await self._loop.connect_accepted_socket(
                    self._connect,
                    caller,
                    ssl=self._context,
                    ssl_handshake_timeout=self._limits.handshake_seconds,
                    ssl_shutdown_timeout=self._limits.closing_seconds,
                )
            except ssl.SSLCertVerificationError as problem:
                self._callers.note(Objection.UNVERIFIED, problem.verify_message)

    def _shaken(self, task: asyncio.Task[None]) -> None:
        self._shaking.pop(task, None)
