"""Following nodes and reports: kopf as a guest of its own, and lists that set right what a watch misses.

Apart from the watch of policies, because 5,000 nodes with their reports are a few hundred megabytes of JSON: both list in
small pages and keep of each object only what is needed.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

from stridegate.kube.errors import KubeError
from stridegate.kube.guests import Guest, Hear, Kind
from stridegate.kube.reader import Reader, WayIn
from stridegate.operator.ledgers import Ledger

_log = logging.getLogger(__name__)

# Seconds between lists, between attempts while the API server or a kind is away, and before kopf is started again.
_LISTING, _RETRYING, _RESTARTING = 600.0, 10.0, 2.0
# How many objects of a list kopf has in memory at a time: a report has up to 240 KiB, and some times that as objects of Python.
_PAGE = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """A kind that is followed, and where it is kept."""

    group: str
    version: str
    plural: str
    ledger: Ledger[Any, Any]


async def keep_following(
    way_in: WayIn, reader: Reader, kinds: tuple[Followed, ...], changed: Callable[[], None]
) -> None:
    """Watch and list for ever, and tell of every change of what is kept."""
    watched = tuple(
        Kind(group=each.group, version=each.version, plural=each.plural, hear=_hearing(each.ledger, changed))
        for each in kinds
    )
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="kopf-nodes") as threads:
        while True:
            if not await _list_all(reader, kinds, changed):
                await asyncio.sleep(_RETRYING)
                continue
            guest = Guest(way_in, watched, page=_PAGE)
            ended = guest.start(threads)
            try:
                await _list_while(ended, reader, kinds, changed)
            finally:
                guest.stop()
                await asyncio.wait({ended})
            _log.warning("the watch of nodes ended (%s) and is started again", ended.exception() or "a list failed")
            await asyncio.sleep(_RESTARTING)


def _hearing(ledger: Ledger[Any, Any], changed: Callable[[], None]) -> Hear:
    loop = asyncio.get_running_loop()

    def take(version: Any, value: Any, deleted: bool) -> None:  # noqa: ANN401, FBT001 - whatever the ledger keeps
        if ledger.observe(version, value, deleted=deleted):
            changed()

    def hear(obj: Mapping[str, object], deleted: bool) -> None:  # noqa: FBT001 - as Hear
        # Reduced here, in the guest's thread: the whole object is not to wait for the other loop.
        read = ledger.read(obj)
        if read is not None:
            loop.call_soon_threadsafe(partial(take, *read, deleted))

    return hear


async def _list_while(
    ended: asyncio.Future[None], reader: Reader, kinds: tuple[Followed, ...], changed: Callable[[], None]
) -> None:
    """List now and then while kopf lives; return once it ended, or a list failed and it may have to begin anew."""
    while not ended.done():
        # Spreads the load of several replicas; hides nothing.
        await asyncio.wait({ended}, timeout=_LISTING * random.uniform(0.9, 1.1))  # noqa: S311
        if not await _list_all(reader, kinds, changed):
            return


async def _list_all(reader: Reader, kinds: tuple[Followed, ...], changed: Callable[[], None]) -> bool:
    try:
        for each in kinds:
            await each.ledger.fill(reader)
    except KubeError as error:
        _log.warning("could not list nodes and reports: %s", error)
        return False
    changed()
    return True
