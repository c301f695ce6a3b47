"""Watching policies and namespaces: kopf as a guest in a thread of its own, and lists that set right what a watch misses.

kopf ends itself on a bad watch event; here it is started again. Its handlers write nothing and return nothing, and it
posts no events, adds no finalizer and no annotation.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import random
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import kopf

from stridegate.kube.cluster import Cluster
from stridegate.kube.errors import KubeError
from stridegate.kube.objects import Json, ObjectList
from stridegate.operator.mirrors import Mirror

_log = logging.getLogger(__name__)

Hear = Callable[[str, Json, bool], None]

# Seconds between lists, give or take a tenth; between attempts while the API server or a kind is away.
_LISTING = 300.0
_RETRYING = 2.0
# Seconds before kopf is started again.
_RESTARTING = 2.0
_TOKEN_AGE = dt.timedelta(minutes=10)


class Watched:
    """The kinds that are watched, by plural: how each is listed, where it is kept, and who is told that something came."""

    def __init__(
        self,
        lists: Mapping[str, Callable[[], ObjectList]],
        mirrors: Mapping[str, Mirror[Any]],
        changed: Callable[[], None],
    ) -> None:
        self._lists = lists
        self._mirrors = mirrors
        self._changed = changed

    def hear(self, plural: str, obj: Json, deleted: bool) -> None:  # noqa: FBT001 - handed over between threads by position
        """Take in one event."""
        self._mirrors[plural].observe(obj, deleted=deleted)
        self._changed()

    async def list_all(self) -> None:
        """List every kind anew. Raises KubeError where one cannot be listed; the others may then be new."""
        for plural, list_kind in self._lists.items():
            self._mirrors[plural].replace(await asyncio.to_thread(list_kind))
        self._changed()


async def keep_watching(cluster: Cluster, watched: Watched) -> None:
    """Watch and list for ever. kopf is started once a list succeeded: it would take no notice of a kind that appears later."""
    loop = asyncio.get_running_loop()

    def hear(plural: str, obj: Json, deleted: bool) -> None:  # noqa: FBT001 - as Watched.hear
        loop.call_soon_threadsafe(watched.hear, plural, obj, deleted)

    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="kopf") as threads:
        while True:
            await _list_until_done(watched)
            stop = threading.Event()
            guest = loop.run_in_executor(threads, _run_kopf, _registry(cluster, hear), stop)
            try:
                await _list_while(watched, guest)
            finally:
                stop.set()
                await asyncio.wait({guest})
            _log.warning("the watch ended (%s) and is started again", guest.exception() or "a list failed")
            await asyncio.sleep(_RESTARTING)


async def _list_until_done(watched: Watched) -> None:
    while True:
        try:
            await watched.list_all()
        except KubeError as error:
            _log.warning("could not list: %s", error)
            await asyncio.sleep(_RETRYING)
        else:
            return


async def _list_while(watched: Watched, guest: asyncio.Future[None]) -> None:
    """List now and then while the guest lives; return once it ended, or a list failed and it may have to begin anew."""
    while not guest.done():
        # Spreads the load of several replicas; hides nothing.
        await asyncio.wait({guest}, timeout=_LISTING * random.uniform(0.9, 1.1))  # noqa: S311
        try:
            await watched.list_all()
        except KubeError as error:
            _log.warning("could not list: %s", error)
            return


def _run_kopf(registry: kopf.OperatorRegistry, stop: threading.Event) -> None:
    asyncio.run(
        kopf.operator(registry=registry, settings=_settings(), standalone=True, clusterwide=True, stop_flag=stop)
    )


def _settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.watching.server_timeout = 240
    settings.persistence.finalizer = "operator.stridegate.dev/kopf"
    settings.queueing.error_delays = [1, 5]
    return settings


def _registry(cluster: Cluster, hear: Hear) -> kopf.OperatorRegistry:
    registry = kopf.OperatorRegistry()

    @kopf.on.login(registry=registry)
    def login(**_: object) -> kopf.ConnectionInfo:
        access = cluster.access()
        return kopf.ConnectionInfo(
            server=access.server,
            ca_path=access.ca_file,
            insecure=not access.verify,
            certificate_path=access.certificate_file,
            private_key_path=access.key_file,
            scheme="Bearer" if access.token else None,
            token=access.token,
            # A pod's token is renewed in its file every hour.
            expiration=dt.datetime.now(dt.UTC) + _TOKEN_AGE if access.token else None,
        )

    @kopf.on.event("stridegate.dev", "v1alpha1", "hardeningpolicies", registry=registry)
    async def policy(event: kopf.RawEvent, **_: object) -> None:
        hear("hardeningpolicies", dict(event["object"]), event["type"] == "DELETED")

    @kopf.on.event("", "v1", "namespaces", registry=registry)
    async def namespace(event: kopf.RawEvent, **_: object) -> None:
        hear("namespaces", dict(event["object"]), event["type"] == "DELETED")

    return registry
