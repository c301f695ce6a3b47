"""What the server answers over real TLS, and that it answers nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from callers import request
from reviewing import PRIVILEGED, Asked, pod, response_of
from serving import BAD, GOOD, Here, serving
from stridegate.model.edits import Json


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
