"""What comes too late, and how a server leaves."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from callers import request
from reviewing import response_of
from serving import BAD, GOOD, Here, serving


class TestLateness:
    def test_what_waited_for_a_stalled_loop_is_answered_with_the_reason(self, tmp_path: Path) -> None:
        async def check(here: Here) -> None:
            await asyncio.sleep(0.2)
            caller, other = await here.connect(), await here.connect()
            caller.writer.write(request(GOOD, "/validate?timeout=3s"))
            other.writer.write(request(GOOD, "/mutate?timeout=2s"))

            time.sleep(1.5)  # noqa: ASYNC251 - the stall
            validated, mutated = await caller.receive(), await other.receive()

            response = response_of(validated.body)
            assert response["allowed"] is False
            assert response["status"]["code"] == 429
            assert response["status"]["details"]["retryAfterSeconds"] == 1
            assert "took too long" in response["status"]["message"]
            assert response_of(mutated.body)["allowed"] is True

        serving(tmp_path, check)


class TestLeaving:
    def test_while_it_drains_everything_is_answered_and_connections_are_closed(self, tmp_path: Path) -> None:
        async def check(here: Here) -> None:
            caller = await here.connect()
            first = await caller.send(request(GOOD))
            draining = asyncio.ensure_future(here.server.drain(0.5))
            await asyncio.sleep(0.1)

            last = await caller.send(request(GOOD))
            new = await (await here.connect()).send(request(BAD))
            await draining

            assert [each.status for each in (first, last, new)] == [200, 200, 200]
            assert [each.closes for each in (first, last, new)] == [False, True, True]
            with pytest.raises(OSError, match=r"refused|Connect"):
                await here.connect()

        serving(tmp_path, check)

    def test_a_request_that_is_under_way_is_answered(self, tmp_path: Path) -> None:
        async def check(here: Here) -> None:
            caller = await here.connect()
            waiting = asyncio.ensure_future(caller.send(request(b"", "/held")))
            await here.busy(1)
            here.loop.call_later(0.3, here.gate.set)

            await here.server.drain(0)

            assert (await waiting).status == 200

        serving(tmp_path, check)
