"""Probes and metrics, over plain HTTP on a port of their own."""

from __future__ import annotations

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from stridegate.webhook.pulses import Pulse
from stridegate.webhook.readiness import Readiness

# An event loop that is later than this is stuck, and the process is better started again.
_STUCK = 5.0


class Probes:
    """Answers /healthz (liveness, which depends on nothing outside), /readyz and /metrics."""

    def __init__(self, readiness: Readiness, pulse: Pulse, registry: CollectorRegistry) -> None:
        self._readiness = readiness
        self._pulse = pulse
        self._registry = registry
        application = web.Application()
        application.add_routes(
            [web.get("/healthz", self._live), web.get("/readyz", self._ready), web.get("/metrics", self._metrics)]
        )
        self._runner = web.AppRunner(application, access_log=None)

    async def listen(self, address: str | None, port: int) -> None:
        """Start to answer, on every address where none is given."""
        await self._runner.setup()
        await web.TCPSite(self._runner, address, port).start()

    async def close(self) -> None:
        """Stop to answer."""
        await self._runner.cleanup()

    async def _live(self, _: web.Request) -> web.Response:
        if self._pulse.lag < _STUCK:
            return web.Response(text="ok\n")
        return web.Response(status=503, text=f"the event loop is {self._pulse.lag:.1f} s late\n")

    async def _ready(self, _: web.Request) -> web.Response:
        missing = self._readiness.missing()
        if not missing:
            return web.Response(text="ok\n")
        return web.Response(status=503, text="".join(f"{each}\n" for each in missing))

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST})
