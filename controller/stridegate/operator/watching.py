"""Watching policies and namespaces: kopf as a guest, and lists that set right what a watch misses."""

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
from stridegate.kube.objects import ObjectList
from stridegate.kube.reader import WayIn
from stridegate.operator.mirrors import Mirror

_log = logging.getLogger(__name__)

# Seconds between lists, give or take a tenth so that replicas do not list together; between attempts while the API
# server or a kind is away; and before kopf is started again.
_LISTING, _RETRYING, _RESTARTING = 300.0, 2.0, 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A kind that is watched: how it is listed, and where it is kept."""

    group: str
    version: str
    plural: str
    listing: Callable[[], ObjectList]
    mirror: Mirror[Any]


async def keep_watching(way_in: WayIn, kinds: tuple[Watched, ...], changed: Callable[[], None]) -> None:
    """Watch and list for ever, and tell of every change.

    kopf is started once a list succeeded: it would take no notice of a kind that appears later.
    """
    watched = tuple(
        Kind(group=each.group, version=each.version, plural=each.plural, hear=_hearing(each.mirror, changed))
        for each in kinds
    )
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="kopf") as threads:
        while True:
            if not await _list_all(kinds, changed):
                await asyncio.sleep(_RETRYING)
                continue
            guest = Guest(way_in, watched)
            ended = guest.start(threads)
            try:
                await _list_while(ended, kinds, changed)
            finally:
                guest.stop()
                await asyncio.wait({ended})
            _log.warning("the watch ended (%s) and is started again", ended.exception() or "a list failed")
            await asyncio.sleep(_RESTARTING)


def _hearing(mirror: Mirror[Any], changed: Callable[[], None]) -> Hear:
    loop = asyncio.get_running_loop()

    def take(obj: Mapping[str, object], deleted: bool) -> None:  # noqa: FBT001 - as Hear
        mirror.observe(obj, deleted=deleted)
        changed()

    def hear(obj: Mapping[str, object], deleted: bool) -> None:  # noqa: FBT001 - as Hear
        loop.call_soon_threadsafe(partial(take, obj, deleted))

    return hear


async def _list_while(ended: asyncio.Future[None], kinds: tuple[Watched, ...], changed: Callable[[], None]) -> None:
    """List now and then while kopf lives; return once it ended, or a list failed and it may have to begin anew."""
    while not ended.done():
        # Spreads the load of several replicas; hides nothing.
        await asyncio.wait({ended}, timeout=_LISTING * random.uniform(0.9, 1.1))  # noqa: S311
        if not await _list_all(kinds, changed):
            return


async def _list_all(kinds: tuple[Watched, ...], changed: Callable[[], None]) -> bool:
    try:
        for each in kinds:
            each.mirror.replace(await asyncio.to_thread(each.listing))
    except KubeError as error:
        _log.warning("could not list: %s", error)
        return False
    changed()
    return True
