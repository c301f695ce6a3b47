"""The server over real TLS: what it answers, and what it does to callers who are large, slow or many."""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import ssl
import time
from contextlib import suppress
from pathlib import Path

import pytest

from authorities import Authority
from callers import Caller, request
from reviewing import PRIVILEGED, Asked, pod, response_of
from serving import Here, serving
from stridegate.kube.rosters import Version
from stridegate.model.edits import Json
from stridegate.model.policies import IMMUTABLE_LABEL
from stridegate.webhook.connections import Limits
from stridegate.webhook.live import ListedNamespace

GOOD = Asked(object=pod()).body()
BAD = Asked(object=PRIVILEGED).body()


class TestAnswers:
    def test_a_good_pod_is_allowed_and_a_bad_one_denied(self, tmp_path: Path) -> None:
        async def check(here: Here) -> None:
            caller = await here.connect()

            good = response_of((await caller.send(request(GOOD))).body)
            bad = response_of((await caller.send(request(BAD))).body)

            assert good["allowed"] is True
            assert bad["allowed"] is False
            assert bad["status"]["status"] == "Failure"
            assert (bad["status"]["code"], bad["status"]["reason"]) == (403, "Forbidden")
            assert bad["status"]["message"].startswith('Stridegate denied pod "web" in "shop"')
            assert "patch" not in bad
            assert "warnings" not in bad

        serving(tmp_path, check)

    def test_mutation_answers_with_a_patch_and_its_type_or_with_neither(self, tmp_path: Path) -> None:
        async def check(here: Here) -> None:
            caller = await here.connect()
            careless = pod({"containers": [{"name": "app", "securityContext": {"allowPrivilegeEscalation": None}}]})

            healed = response_of((await caller.send(request(Asked(object=careless).body(), "/mutate"))).body)
            left = response_of((await caller.send(request(GOOD, "/mutate"))).body)
            broken = response_of((await caller.send(request(Asked(object=[]).body(), "/mutate"))).body)

            assert healed["patchType"] == "JSONPatch"
            assert healed["patch"][0]["op"] == "add"
            assert all(each["allowed"] is True for each in (healed, left, broken))
            assert all("patch" not in each and "patchType" not in each for each in (left, broken))

        serving(tmp_path, check)

    @pytest.mark.parametrize("uid", ["", "x", 'ä"\\\n', "🙂", "a" * 5000, "\u0000"])
    def test_the_uid_comes_back_whatever_it_is(self, tmp_path: Path, uid: str) -> None:
        async def check(here: Here) -> None:
            caller = await here.connect()

            for path in ("/validate", "/mutate"):
                documents: list[Json] = [pod(), PRIVILEGED, []]
                for document in documents:
                    sent = Asked(object=document, uid=uid).body()
                    response = response_of((await caller.send(request(sent, path))).body)
                    assert response["uid"] == uid

        serving(tmp_path, check)

    def test_a_dry_run_is_answered_with_the_same_bytes(self, tmp_path: Path) -> None:
        async def check(here: Here) -> None:
            caller = await here.connect()

            real = await caller.send(request(Asked(object=PRIVILEGED).body()))
            dry = await caller.send(request(Asked(object=PRIVILEGED, dry_run=True).body()))

            assert real.body == dry.body

        serving(tmp_path, check)

    @pytest.mark.parametrize(
        ("sent", "status"),
        [
            (request(b""), 400),
            (request(b"{}"), 400),
            (request(GOOD + GOOD), 400),
            (request(GOOD.replace(b"io/v1", b"io/v1beta1")), 400),
            (request(b"[" * 100_000), 400),
            (request(b'{"a":' * 2000), 400),
            (request(GOOD, "/"), 404),
            (request(GOOD, "/validate/"), 404),
            (request(GOOD, "/Validate"), 404),
            (request(GOOD, "//validate"), 404),
            (request(GOOD, "/validate%20"), 404),
            (request(GOOD, "/validate/../mutate"), 404),
            (request(GOOD, "/healthz"), 404),
            (request(b"", method="GET"), 405),
            (request(GOOD, method="PUT"), 405),
            (request(GOOD, method="DELETE"), 405),
            (request(GOOD, content_type="application/yaml"), 415),
            (request(GOOD, content_type=""), 415),
            (request(GOOD, content_type="text/json"), 415),
            (request(GOOD, extra="Content-Encoding: gzip\r\n"), 415),
        ],
    )
    def test_what_is_no_call_is_refused_by_http_itself(self, tmp_path: Path, sent: bytes, status: int) -> None:
        async def check(here: Here) -> None:
            answer = await (await here.connect()).send(sent)
            after = await (await here.connect()).send(request(GOOD))

            assert answer.status == status
            assert b"allowed" not in answer.body
            assert after.status == 200

        serving(tmp_path, check)

    @pytest.mark.parametrize("query", ["?timeout=3s", "?timeout=30s", "?a=b", "?timeout=", "?timeout=0x", "?"])
    def test_a_query_does_not_change_the_route(self, tmp_path: Path, query: str) -> None:
        async def check(here: Here) -> None:
            answer = await (await here.connect()).send(request(GOOD, f"/validate{query}"))

            assert response_of(answer.body)["allowed"] is True

        serving(tmp_path, check)

    def test_a_content_type_may_name_its_charset(self, tmp_path: Path) -> None:
        async def check(here: Here) -> None:
            answer = await (await here.connect()).send(request(GOOD, content_type="Application/JSON; charset=utf-8"))

            assert answer.status == 200

        serving(tmp_path, check)

    def test_before_the_policies_are_read_validation_is_put_off_and_mutation_does_nothing(self, tmp_path: Path) -> None:
        async def check(here: Here) -> None:
            here.live.synced_at = 0
            caller = await here.connect()

            validated = await caller.send(request(GOOD))
            mutated = await caller.send(request(GOOD, "/mutate"))

            assert (validated.status, validated.headers["retry-after"]) == (503, "1")
            assert response_of(mutated.body)["allowed"] is True

        serving(tmp_path, check)

    def test_an_object_that_cannot_be_read_is_denied_with_its_place(self, tmp_path: Path) -> None:
        async def check(here: Here) -> None:
            answer = await (await here.connect()).send(request(Asked(object={"spec": {"containers": "app"}}).body()))

            response = response_of(answer.body)
            assert response["allowed"] is False
            assert "$.spec.containers" in response["status"]["message"]
            assert response["auditAnnotations"]["decision"] == "error"

        serving(tmp_path, check)


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

            shed = await (await here.connect()).send(request(GOOD))
            here.gate.set()
            answers = await asyncio.gather(*waiting)

            assert (shed.status, shed.headers["retry-after"]) == (429, "1")
            assert not shed.closes
            assert [each.status for each in answers] == [200, 200, 200]

        serving(tmp_path, check, Limits(in_flight=3))

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

    def test_more_connections_than_there_is_room_for_are_closed(self, tmp_path: Path) -> None:
        async def check(here: Here) -> None:
            first = [await here.connect() for _ in range(3)]
            late = await here.connect()

            assert await late.ended()
            assert (await first[0].send(request(GOOD))).status == 200

        serving(tmp_path, check, Limits(connections=3))

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

    def test_a_thousand_idle_connections_do_no_harm(self, tmp_path: Path) -> None:
        async def check(here: Here) -> None:
            idle = [await here.connect() for _ in range(300)]

            answer = await (await here.connect()).send(request(GOOD))

            assert answer.status == 200
            assert here.server.connections == len(idle) + 1

        serving(tmp_path, check)


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

    def test_a_large_review_between_small_ones_changes_nothing(self, tmp_path: Path) -> None:
        async def check(here: Here) -> None:
            caller = await here.connect()
            large = Asked(object=pod({}, annotations={"padding": "x" * 2**17})).body()

            answers = [await caller.send(request(body)) for body in (GOOD, large, GOOD, large, BAD)]

            assert [response_of(each.body)["allowed"] for each in answers] == [True, True, True, True, False]

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


def test_no_answer_repeats_what_stands_in_the_object(tmp_path: Path) -> None:
    secret = "hunter2-hunter2"  # noqa: S105 - the secret that must not appear

    async def check(here: Here) -> None:
        document = pod(
            {"containers": [{"name": "app", "env": [{"name": "PASSWORD", "value": secret}], "args": [secret]}]}
        )
        document["spec"]["hostNetwork"] = True  # type: ignore[index,call-overload] # a map
        caller = await here.connect()

        for path in ("/validate", "/mutate"):
            answer = await caller.send(request(Asked(object=document).body(), path))
            assert secret.encode() not in answer.body
            assert secret not in json.dumps(response_of(answer.body))

    serving(tmp_path, check)
