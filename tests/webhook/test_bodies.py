"""Bodies that are large, come in pieces, or never end."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from pathlib import Path

import pytest

from callers import request
from reviewing import Asked, pod, response_of
from serving import GOOD, Here, serving
from stridegate.webhook.connections import Limits


class TestSizes:
    def test_three_mebibytes_twice_are_judged(self, tmp_path: Path) -> None:
        async def check(here: Here) -> None:
            large = pod({}, annotations={"padding": "x" * (3 * 1024 * 1024)})
            asked = Asked(operation="UPDATE", object=large, old={**large, "metadata": {"name": "web"}})

            answer = await (await here.connect()).send(request(asked.body()))

            assert response_of(answer.body)["allowed"] is True

        serving(tmp_path, check)

    def test_a_byte_too_many_is_refused_and_the_largest_body_is_read(self, tmp_path: Path) -> None:
        async def check(here: Here) -> None:
            most = Limits().body
            padded = GOOD + b" " * (most - len(GOOD))

            fits = await (await here.connect()).send(request(padded))
            exceeds = await (await here.connect()).send(request(padded + b" "))

            assert (fits.status, exceeds.status) == (200, 413)
            assert exceeds.closes

        serving(tmp_path, check)

    def test_a_body_in_chunks_is_counted_as_it_comes(self, tmp_path: Path) -> None:
        async def check(here: Here) -> None:
            head = request(b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
            chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (GOOD[:100], GOOD[100:]))

            small = await (await here.connect()).send(head + chunks + b"0\r\n\r\n")
            caller = await here.connect()
            caller.writer.write(head + b"%x\r\n" % (Limits().body + 1) + b" " * (Limits().body + 1))
            large = await caller.receive()

            assert response_of(small.body)["allowed"] is True
            assert large.status == 413

        serving(tmp_path, check)

    def test_a_head_without_end_is_cut(self, tmp_path: Path) -> None:
        async def check(here: Here) -> None:
            caller = await here.connect()

            for number in range(100):
                caller.writer.write(f"X-{number}: {'x' * 1000}\r\n".encode() if number else b"POST / HTTP/1.1\r\n")
                with suppress(OSError):
                    await caller.writer.drain()
                await asyncio.sleep(0)

            ended = await caller.ended()
            assert ended
            assert (await (await here.connect()).send(request(GOOD))).status == 200

        serving(tmp_path, check, Limits(head_seconds=60))


class TestUnfinishedBodies:
    def test_unfinished_bodies_have_a_bound_together_and_small_reviews_are_still_judged(self, tmp_path: Path) -> None:
        async def check(here: Here) -> None:
            unfinished = [await here.connect() for _ in range(3)]
            for caller in unfinished:
                caller.writer.write(request(b" " * 2**20)[:-1])
                await caller.writer.drain()
            await here.busy(3)
            late = await here.connect()
            late.writer.write(request(b" " * 2**20)[:-1])

            shed = await late.receive()
            small = await (await here.connect()).send(request(GOOD))

            assert (shed.status, shed.headers["retry-after"]) == (429, "1")
            assert shed.closes
            assert small.status == 200

        serving(tmp_path, check, Limits(bodies=7 * 2**19, body_seconds=60))

    def test_the_room_of_a_body_is_free_again_once_it_is_judged_cut_or_lost(self, tmp_path: Path) -> None:
        async def check(here: Here) -> None:
            large = request(Asked(object=pod({}, annotations={"padding": "x" * 2**20})).body())
            for _ in range(3):
                lost, slow = await here.connect(), await here.connect()
                lost.writer.write(large[:-1])
                await lost.writer.drain()
                await here.busy(1)
                await lost.close()
                await here.quiet()
                slow.writer.write(large[:-1])
                assert await slow.ended()

                judged = await (await here.connect()).send(large)

                assert judged.status == 200

        serving(tmp_path, check, Limits(bodies=2**21, body_seconds=0.5))

    def test_a_caller_that_leaves_in_the_middle_of_a_body_is_no_error(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def check(here: Here) -> None:
            caller = await here.connect()
            caller.writer.write(request(GOOD)[:-10])
            await here.busy(1)

            await caller.close()
            await here.quiet()
            await here.alone()

            assert [each for each in caplog.records if each.levelno > logging.INFO] == []

        serving(tmp_path, check)

    def test_chunks_that_are_none_are_cut_and_are_no_error_of_ours(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def check(here: Here) -> None:
            caller = await here.connect()
            caller.writer.write(request(b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked"))
            await here.busy(1)

            caller.writer.write(b"no number\r\n")

            assert await caller.ended()
            assert [each for each in caplog.records if each.levelno > logging.INFO] == []

        serving(tmp_path, check, Limits(body_seconds=0.3))
