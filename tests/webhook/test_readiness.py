"""Whether a replica notices that its own port does not answer, and how sure it has to be."""

from __future__ import annotations

from pathlib import Path

from authorities import SERVER_NAME, Authority
from serving import CONTEXT, Here, serving
from stridegate.webhook.readiness import SelfTest


def test_an_answer_is_all_it_takes_at_the_start(tmp_path: Path) -> None:
    async def check(here: Here) -> None:
        test = SelfTest(here.certificates, here.server, SERVER_NAME)
        before = test.problem

        await test.test(CONTEXT)

        assert (before, test.problem) == ("no handshake with our own port yet", "")

    serving(tmp_path, check)


def test_a_port_that_answered_may_miss_two_tests_and_no_third(tmp_path: Path) -> None:
    async def check(here: Here) -> None:
        test = SelfTest(here.certificates, here.server, SERVER_NAME)
        await test.test(CONTEXT)
        await here.server.drain(0)

        problems = []
        for _ in range(3):
            await test.test(CONTEXT)
            problems.append(test.problem)

        assert problems[:2] == ["", ""]
        assert problems[2].startswith("no handshake with our own port: ")

    serving(tmp_path, check)


def test_a_certificate_that_does_not_verify_counts_at_once(tmp_path: Path) -> None:
    async def check(here: Here) -> None:
        test = SelfTest(here.certificates, here.server, SERVER_NAME)
        await test.test(CONTEXT)

        await test.test(Authority("stranger").client_context())

        assert "certificate verify failed" in test.problem

    serving(tmp_path, check)
