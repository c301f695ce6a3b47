"""Connections: what the server does to callers who are slow, many, or speak something else."""

from __future__ import annotations

import asyncio
import logging
import ssl
from contextlib import suppress
from pathlib import Path

import pytest

from authorities import Authority
from callers import Caller, request
from reviewing import Asked, pod
from serving import BAD, GOOD, Here, serving
from stridegate.webhook.connections import Limits


class TestSlowCallers:
    def test_a_head_that_does_not_end_in_time_is_cut(self, tmp_path: Path) -> None:
        async def check(here: Here) -> None:
            caller = await here.connect()
            caller.writer.write(b"POST /validate HTTP/1.1\r\nHost: ")

            assert await caller.ended()

        serving(tmp_path, check, Limits(head_seconds=0.3))

    def test_a_body_that_does_not_end_in_time_is_cut(self, tmp_path: Path) -> None:
        async def check(here: Here) -> None:
            caller = await here.connect()
            caller.writer.write(request(GOOD)[:-10])

            assert await caller.ended()
            assert here.server.in_flight == 0

        serving(tmp_path, check, Limits(body_seconds=0.3))

    def test_a_connection_without_a_request_may_wait(self, tmp_path: Path) -> None:
        async def check(here: Here) -> None:
            caller = await here.connect()
            await asyncio.sleep(0.8)

            assert (await caller.send(request(GOOD))).status == 200

        serving(tmp_path, check, Limits(head_seconds=0.2, body_seconds=0.2))

    def test_a_caller_that_does_not_fetch_its_answers_is_cut(self, tmp_path: Path) -> None:
        async def check(here: Here) -> None:
            caller = await here.connect()
            caller.writer.transport.pause_reading()  # type: ignore[attr-defined] # a transport that reads

            caller.writer.write(request(b"", "/large") * 60)
            await here.alone()

            assert here.server.connections == 0

        serving(tmp_path, check, Limits(unread=1000))


class TestManyCallers:
    def test_more_reviews_at_once_than_there_is_room_for_are_put_off(self, tmp_path: Path) -> None:
        async def check(here: Here) -> None:
            held = [await here.connect() for _ in range(3)]
            waiting = [asyncio.ensure_future(caller.send(request(b"", "/held"))) for caller in held]
            await here.busy(3)

            shed = await (await here.connect()).send(request(b"", "/held"))
            ordinary = await (await here.connect()).send(request(GOOD))
            here.gate.set()
            answers = await asyncio.gather(*waiting)

            assert (shed.status, shed.headers["retry-after"]) == (429, "1")
            assert not shed.closes
            assert ordinary.status == 200
            assert [each.status for each in answers] == [200, 200, 200]

        serving(tmp_path, check, Limits(in_flight=3))

    def test_where_there_is_no_room_the_connection_that_has_been_idle_the_longest_makes_it(
        self, tmp_path: Path
    ) -> None:
        async def check(here: Here) -> None:
            first, second, third = [await here.connect() for _ in range(3)]
            for caller in (first, third):
                await caller.send(request(GOOD))

            late = await here.connect()

            assert await second.ended()
            for caller in (first, third, late):
                assert (await caller.send(request(BAD))).status == 200
            assert (here.server.connections, here.server.dropped) == (3, 1)

        serving(tmp_path, check, Limits(connections=3))

    def test_no_request_that_is_under_way_makes_room(self, tmp_path: Path) -> None:
        async def check(here: Here) -> None:
            held = [await here.connect() for _ in range(3)]
            waiting = [asyncio.ensure_future(caller.send(request(b"", "/held"))) for caller in held]
            await here.busy(3)

            late = await here.connect()

            assert await late.ended()
            here.gate.set()
            assert [each.status for each in await asyncio.gather(*waiting)] == [200, 200, 200]

        serving(tmp_path, check, Limits(connections=3))

    def test_a_large_request_is_the_last_of_its_connection(self, tmp_path: Path) -> None:
        async def check(here: Here) -> None:
            caller = await here.connect()
            large = Asked(object=pod({}, annotations={"padding": "x" * 2**16})).body()

            answers = [await caller.send(request(body)) for body in (GOOD, large)]

            assert [(each.status, each.closes) for each in answers] == [(200, False), (200, True)]
            assert await caller.ended()

        serving(tmp_path, check)

    def test_a_connection_that_is_closed_is_gone_even_if_its_caller_holds_on(self, tmp_path: Path) -> None:
        async def check(here: Here) -> None:
            caller = await here.connect()
            caller.writer.write(request(b"", "/elsewhere"))
            caller.writer.transport.pause_reading()  # type: ignore[attr-defined] # a transport that reads

            await here.alone()

            assert here.server.connections == 0

        serving(tmp_path, check, Limits(closing_seconds=0.2))

    def test_a_connection_is_closed_after_so_many_requests(self, tmp_path: Path) -> None:
        async def check(here: Here) -> None:
            caller = await here.connect()

            answers = [await caller.send(request(GOOD)) for _ in range(8)]

            assert [each.closes for each in answers[:7]] == [False] * 7
            for _ in range(2):
                if answers[-1].closes:
                    break
                answers.append(await caller.send(request(GOOD)))
            assert answers[-1].closes
            assert await caller.ended()

        serving(tmp_path, check, Limits(requests=10))

    def test_a_connection_is_closed_with_an_answer_once_it_is_old(self, tmp_path: Path) -> None:
        async def check(here: Here) -> None:
            caller = await here.connect()
            await asyncio.sleep(0.3)

            answer = await caller.send(request(GOOD))

            assert answer.status == 200
            assert answer.closes

        serving(tmp_path, check, Limits(age_seconds=0.2))

    def test_handshakes_that_fail_leave_nothing_behind(self, tmp_path: Path) -> None:
        async def check(here: Here) -> None:
            for _ in range(20):
                with pytest.raises(ssl.SSLError):
                    await Caller.connect(here.server.port, Authority("stranger").client_context())
            await here.alone()

            assert here.server.connections == 0
            assert (await (await here.connect()).send(request(GOOD))).status == 200

        serving(tmp_path, check)

    def test_hundreds_of_idle_connections_do_no_harm(self, tmp_path: Path) -> None:
        async def check(here: Here) -> None:
            idle = [await here.connect() for _ in range(300)]

            answer = await (await here.connect()).send(request(GOOD))

            assert answer.status == 200
            assert here.server.connections == len(idle) + 1

        serving(tmp_path, check)


class TestHandshakes:
    def test_the_oldest_that_never_ends_makes_room_for_the_newest(self, tmp_path: Path) -> None:
        async def check(here: Here) -> None:
            silent = [await asyncio.open_connection("127.0.0.1", here.server.port) for _ in range(5)]
            answer = await (await here.connect()).send(request(GOOD))

            assert answer.status == 200
            for reader, _ in silent[:3]:
                with suppress(OSError):
                    assert await reader.read() == b""
            assert (here.server.handshakes, here.server.dropped) == (2, 3)
            for _, writer in silent:
                writer.transport.abort()

        serving(tmp_path, check, Limits(handshakes=3))

    def test_one_that_takes_too_long_leaves_nothing_behind(self, tmp_path: Path) -> None:
        async def check(here: Here) -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", here.server.port)

            with suppress(OSError):
                assert await reader.read() == b""

            await here.until(lambda: not here.server.handshakes)
            writer.transport.abort()

        serving(tmp_path, check, Limits(handshake_seconds=0.2))


class TestStrangers:
    @pytest.mark.parametrize(
        "sent",
        [
            b"garbage\r\n\r\n",
            b"POST /validate HTTP/9.9\r\n\r\n",
            b"POST /validate HTTP/1.1\r\nno colon\r\n\r\n",
            b"POST /validate HTTP/1.1\r\nContent-Length: many\r\n\r\n",
            b"\x00\xff\x16\x03\x01\r\n\r\n",
        ],
    )
    def test_a_head_that_is_none_is_refused_and_leaves_no_traceback(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture, sent: bytes
    ) -> None:
        async def check(here: Here) -> None:
            caller = await here.connect()

            answer = await caller.send(sent)

            assert answer.status == 400
            assert await caller.ended()
            assert [each for each in caplog.records if each.levelno > logging.INFO] == []

        serving(tmp_path, check)
