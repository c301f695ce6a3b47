"""The one-step path from bytes to bytes."""

from __future__ import annotations

import asyncio
import functools
from pathlib import Path

import pytest

from callers import request
from reviewing import PRIVILEGED, Asked, pod, response_of
from serving import BAD, GOOD, Here, serving
from stridegate.kube.rosters import Version
from stridegate.model.policies import IMMUTABLE_LABEL
from stridegate.webhook.connections import Limits
from stridegate.webhook.live import ListedNamespace


class TestShortcuts:
    """What is written just as the API server writes it is answered without the HTTP library, and nobody can tell."""

    @pytest.mark.parametrize("path", ["/validate", "/validate?timeout=3s", "/mutate?timeout=2s", "/elsewhere"])
    @pytest.mark.parametrize("body", [GOOD, BAD, b"", b"{}", Asked(object=[]).body()])
    def test_the_answer_is_the_same_bytes_as_the_librarys(self, tmp_path: Path, path: str, body: bytes) -> None:
        async def check(here: Here) -> None:
            short = await (await here.connect()).send(request(body, path))
            traced = await (await here.connect()).send(request(body, path, extra="Traceparent: 00-1-2-01\r\n"))
            long = await (await here.connect()).send(request(body, path, extra="X-Other: 1\r\n"))

            assert (short.status, short.headers, short.body) == (long.status, long.headers, long.body)
            assert (traced.status, traced.body) == (long.status, long.body)

        serving(tmp_path, check)

    @pytest.mark.parametrize("size", [1, 7, 100, 205, 300])
    def test_a_request_may_come_in_pieces_of_any_size(self, tmp_path: Path, size: int) -> None:
        async def check(here: Here) -> None:
            caller = await here.connect()
            sent = request(GOOD)

            for _ in range(2):
                for begin in range(0, len(sent), size):
                    caller.writer.write(sent[begin : begin + size])
                    await asyncio.sleep(0)
                assert response_of((await caller.receive()).body)["allowed"] is True

        serving(tmp_path, check)

    def test_requests_that_do_not_wait_for_answers_are_answered_in_their_order(self, tmp_path: Path) -> None:
        async def check(here: Here) -> None:
            bodies = [Asked(object=pod(), uid=str(number)).body() for number in range(12)]
            shapes = [
                request(bodies[number], extra="X-Other: 1\r\n" if number % 5 == 3 else "") for number in range(12)
            ]

            for sent in (b"".join(shapes), shapes[0] + shapes[1][:50], b"".join(shapes[:3]) + shapes[3][:-1]):
                caller = await here.connect()
                caller.writer.write(sent)
                await asyncio.sleep(0.1)
                caller.writer.write(b"".join(shapes)[len(sent) :])
                uids = [response_of((await caller.receive()).body)["uid"] for _ in shapes]
                assert uids == [str(number) for number in range(12)]

        serving(tmp_path, check)

    def test_a_large_review_after_small_ones_changes_nothing(self, tmp_path: Path) -> None:
        async def check(here: Here) -> None:
            large = Asked(object=pod({}, annotations={"padding": "x" * 2**17})).body()

            for _ in range(2):
                caller = await here.connect()
                answers = [await caller.send(request(body)) for body in (GOOD, BAD, large)]
                assert [response_of(each.body)["allowed"] for each in answers] == [True, False, True]

        serving(tmp_path, check)

    def test_a_namespace_that_is_not_known_yet_is_waited_for(self, tmp_path: Path) -> None:
        async def check(here: Here) -> None:
            caller = await here.connect()
            listed = ListedNamespace(Version(name="new", uid="m", revision=2), {IMMUTABLE_LABEL: "new"})
            here.loop.call_later(0.1, functools.partial(here.live.observe_namespace, listed, deleted=False))

            answer = await caller.send(request(Asked(object=PRIVILEGED, namespace="new").body()))

            assert response_of(answer.body)["allowed"] is False

        serving(tmp_path, check)

    def test_a_connection_that_is_idle_for_too_long_is_closed(self, tmp_path: Path) -> None:
        async def check(here: Here) -> None:
            caller = await here.connect()
            await caller.send(request(GOOD))

            assert await caller.ended()

        serving(tmp_path, check, Limits(idle_seconds=0.3))
