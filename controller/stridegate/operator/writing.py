"""Thousands of writes: in threads of their own, patient with an API server that is busy, and not ended by one that it refuses."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http import HTTPStatus
from typing import ParamSpec, TypeVar

from stridegate.kube.errors import Conflict, NotFound, Refused

_log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

# How many writes are under way at a time: an API server gives an account that many at least (API Priority and Fairness).
HANDS = 8
# Seconds, give or take half, until what an API server was too busy for is sent again: it says one second (Retry-After).
_WAITS = (1.0, 2.0, 4.0)
# What is wrong with one object and says nothing of the next, and after how many of them in a row it says something of all.
_ODD = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY})
_TOLERATED = 20


class Writing:
    """The writes of one replica; `require` raises NotActive where it may not write."""

    def __init__(self, require: Callable[[], None]) -> None:
        self._require = require
        # Apart from the threads that renew the Lease, which must not wait for all that is to be written.
        self._threads = ThreadPoolExecutor(max_workers=HANDS, thread_name_prefix="writing")
        self._odd = 0

    async def send(self, write: Callable[P, T], *given: P.args, **named: P.kwargs) -> T | None:
        """Let a thread write, and return the answer; None where this object is not to be written now.

        Raises KubeError where no other could be written either, and NotActive.
        """
        for wait in (*_WAITS, None):
            self._require()
            try:
                return await self._in_thread(partial(write, *given, **named))
            except (NotFound, Conflict) as error:
                _log.info("a report was made or deleted meanwhile: %s", error)
                return None
            except Refused as error:
                if error.code in _ODD:
                    self._tolerate(error)
                    return None
                if error.code != HTTPStatus.TOO_MANY_REQUESTS or wait is None:
                    raise
                await asyncio.sleep(wait * random.uniform(0.5, 1.5))  # noqa: S311 - hides nothing
        return None

    async def _in_thread(self, write: Callable[[], T]) -> T:
        answer = await asyncio.get_running_loop().run_in_executor(self._threads, write)
        self._odd = 0
        return answer

    def _tolerate(self, error: Refused) -> None:
        self._odd += 1
        if self._odd > _TOLERATED:
            raise error
        _log.warning("a report cannot be written: %s", error)
