"""Many pieces of work, some at a time."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from stridegate.operator.crews import work_through


def test_every_work_is_done_and_never_more_than_so_many_at_a_time() -> None:
    done: list[int] = []
    at_work = most = 0

    async def work(number: int) -> None:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        await asyncio.sleep(0)
        at_work -= 1
        done.append(number)

    asyncio.run(work_through((partial(work, each) for each in range(20)), 4))

    assert (sorted(done), most) == (list(range(20)), 4)


def test_after_a_failure_none_is_begun_and_what_has_begun_is_ended() -> None:
    done: list[int] = []

    async def work(number: int) -> None:
        await asyncio.sleep(0)
        if number == 1:
            raise ValueError(number)
        await asyncio.sleep(0)
        done.append(number)

    with pytest.raises(ValueError, match="1"):
        asyncio.run(work_through((partial(work, each) for each in range(20)), 3))

    assert done == [0, 2]


def test_where_nothing_is_to_be_done_nothing_is() -> None:
    asyncio.run(work_through((), 8))
