"""The port of probes and metrics, which anybody may call."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest
import uvloop
from prometheus_client import CollectorRegistry

from stridegate.vitals.probes import Probes
from stridegate.vitals.pulses import Pulse


def probing(test: Callable[[int], Awaitable[None]]) -> None:
    """Run a test beside probes on a port."""

    async def run() -> None:
        pulse = Pulse(asyncio.get_running_loop())
        probes = Probes(list, pulse, CollectorRegistry())
        try:
            await test(await probes.listen("127.0.0.1", 0))
        finally:
            pulse.stop()
            await probes.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


async def ask(port: int, sent: bytes) -> bytes:
    """Return the first line of what comes back on a connection of its own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    try:
        return await reader.readline()
    finally:
        writer.transport.abort()


@pytest.mark.parametrize("path", [b"/healthz", b"/readyz", b"/metrics"])
def test_hundreds_of_silent_visitors_keep_nobody_out(path: bytes) -> None:
    async def check(port: int) -> None:
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(200)]

        answer = await ask(port, b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n")

        assert answer == b"HTTP/1.1 200 OK\r\n"
        for reader, _ in silent[:100]:
            with suppress(OSError):
                assert await reader.read() == b""
        for _, writer in silent:
            writer.transport.abort()

    probing(check)


def test_a_head_that_is_none_leaves_no_traceback(caplog: pytest.LogCaptureFixture) -> None:
    async def check(port: int) -> None:
        answer = await ask(port, b"garbage\r\n\r\n")

        assert answer.startswith(b"HTTP/1.0 400 ")
        assert [each for each in caplog.records if each.levelno > logging.INFO] == []

    probing(check)
