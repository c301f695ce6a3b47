"""Probes and metrics, over plain HTTP on a port of their own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from stridegate.operator.metrics import Metrics

_BEAT = 1.0


@asynccontextmanager
async def serving_probes(
    bind: str | None, port: int, ready: Callable[[], bool], registry: CollectorRegistry
) -> AsyncIterator[None]:
    """Answer /healthz, /readyz and /metrics, on every address where none is given. Liveness depends on nothing: a loop that answers is alive."""

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n") if ready() else web.Response(status=503, text="not ready\n")

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    application = web.Application()
    application.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", metrics)])
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, bind, port).start()
        yield
    finally:
        await runner.cleanup()


async def keep_measuring_lag(metrics: Metrics) -> None:
    """Tell by how much the event loop is late, once a second."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + _BEAT
        await asyncio.sleep(_BEAT)
        metrics.event_loop_lag.set(max(0.0, loop.time() - due))
