"""Probes and metrics, over plain HTTP on a port of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from stridegate.vitals.listeners import library_log, listening_socket
from stridegate.vitals.pulses import Pulse

# An event loop that is later than this is stuck, and the process is better started again.
_STUCK = 5.0

# Connections at a time. Anybody may open one, and the files that they take are missing elsewhere; those who ask here, a
# kubelet and a collector of metrics, are done within milliseconds.
_MOST = 64

_Visitors = dict["_Visitor", None]


class _Visitor(asyncio.Protocol):
    """A connection to the probes. Where there are too many, the oldest makes room."""

    def __init__(self, http: asyncio.Protocol, visitors: _Visitors) -> None:
        self._http = http
        self._visitors = visitors
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, in place of the oldest where there are too many."""
        # Not every loop's transports say what they are.
        self._transport = cast("asyncio.Transport", transport)
        if len(self._visitors) >= _MOST:
            next(iter(self._visitors)).leave()
        self._visitors[self] = None
        self._http.connection_made(transport)

    def leave(self) -> None:
        """End at once."""
        self._visitors.pop(self, None)
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Pass on what arrives."""
        self._http.data_received(data)

    def eof_received(self) -> bool | None:
        """Pass on the end of the input."""
        return self._http.eof_received()

    def pause_writing(self) -> None:
        """Pass on that the visitor reads too slowly."""
        self._http.pause_writing()

    def resume_writing(self) -> None:
        """Pass on that the visitor has caught up."""
        self._http.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._visitors.pop(self, None)
        self._http.connection_lost(exc)


class Probes:
    """Answers /healthz (liveness, which depends on nothing outside), /readyz, by what is `missing` in words, and /metrics."""

    def __init__(self, missing: Callable[[], list[str]], pulse: Pulse, registry: CollectorRegistry) -> None:
        self._missing = missing
        self._pulse = pulse
        self._registry = registry
        application = web.Application()
        application.add_routes(
            [web.get("/healthz", self._live), web.get("/readyz", self._ready), web.get("/metrics", self._metrics)]
        )
        self._runner = web.AppRunner(application, access_log=None, logger=library_log(__name__))
        self._visitors: _Visitors = {}
        self._listening: asyncio.Server | None = None

    async def listen(self, address: str, port: int) -> int:
        """Start to answer on an address, or on every one where it is empty, and return the port. Raises OSError."""
        await self._runner.setup()
        http = cast("web.Server", self._runner.server)
        listener = listening_socket(address, port)
        loop = asyncio.get_running_loop()
        self._listening = await loop.create_server(lambda: _Visitor(http(), self._visitors), sock=listener)
        return int(listener.getsockname()[1])

    async def close(self) -> None:
        """Stop to answer."""
        if self._listening is not None:
            self._listening.close()
        await self._runner.cleanup()

    async def _live(self, _: web.Request) -> web.Response:
        if self._pulse.lag < _STUCK:
            return web.Response(text="ok\n")
        return web.Response(status=503, text=f"the event loop is {self._pulse.lag:.1f} s late\n")

    async def _ready(self, _: web.Request) -> web.Response:
        missing = self._missing()
        if not missing:
            return web.Response(text="ok\n")
        return web.Response(status=503, text="".join(f"{each}\n" for each in missing))

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST})
