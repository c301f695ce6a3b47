"""Writes that an API server is too busy for, or does not want."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from stridegate.kube.errors import Conflict, Denied, NotFound, Refused, Unreachable
from stridegate.operator.errors import NotActive
from stridegate.operator.writing import Writing


def may() -> None:
    """Let everything be written."""


def answering(*answers: Exception | str) -> Callable[[], str]:
    """Return a write that is answered like this, one after another."""
    rest = iter(answers)

    def write() -> str:
        answer = next(rest)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return write


def sent(*writes: Callable[[], str], require: Callable[[], None] = may) -> list[str | None]:
    async def send_all() -> list[str | None]:
        writing = Writing(require)
        return [await writing.send(each) for each in writes]

    return asyncio.run(send_all())


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stridegate.operator.writing._WAITS", (0.0, 0.0))


def refused(code: int) -> Refused:
    return Refused("POST /somewhere", code, "no")


def test_what_an_api_server_is_too_busy_for_is_sent_again() -> None:
    assert sent(answering(refused(429), refused(429), "written")) == ["written"]


def test_an_api_server_that_stays_too_busy_ends_the_round() -> None:
    with pytest.raises(Refused, match="429"):
        sent(answering(*[refused(429)] * 3, "never asked for"))


@pytest.mark.parametrize(
    "error", [NotFound("GET /", 404, "gone"), Conflict("POST /", 409, "there is one"), refused(422)]
)
def test_one_object_that_is_not_to_be_written_keeps_no_other_from_it(error: Exception) -> None:
    assert sent(answering(error), answering("written")) == [None, "written"]


@pytest.mark.parametrize("error", [Unreachable("POST /", "away"), Denied("POST /", 403, "no right"), refused(500)])
def test_what_no_other_object_would_fare_better_with_ends_the_round(error: Exception) -> None:
    with pytest.raises(type(error)):
        sent(answering(error), answering("never asked for"))


def test_a_kind_that_takes_nothing_at_all_ends_the_round() -> None:
    with pytest.raises(Refused, match="422"):
        sent(*[answering(refused(422)) for _ in range(21)])


def test_odd_objects_among_others_never_end_the_round() -> None:
    writes = [answering(refused(422) if number % 2 else "written") for number in range(100)]

    assert sent(*writes).count("written") == 50


def test_a_replica_that_is_not_active_writes_nothing() -> None:
    def may_not() -> None:
        raise NotActive("me")

    with pytest.raises(NotActive):
        sent(answering("never asked for"), require=may_not)
