"""kopf as a guest: it watches some kinds in a thread and a loop of its own, and tells of every event.

It may end at any time (a bad event on a watch is enough) without hurting its host. It writes nothing to the cluster: its
handlers return nothing, and it posts no events, adds no finalizer and no annotation, and looks for no peers.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import functools
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import kopf

from stridegate.kube.reader import WayIn

# Called in the guest's thread with an object and whether it was deleted.
Hear = Callable[[Mapping[str, object], bool], None]

# A pod's token is renewed in its file every hour, some time before it expires.
_TOKEN_AGE = dt.timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind to watch in the whole cluster, and who hears of its objects."""

    group: str
    version: str
    plural: str
    hear: Hear


class Guest:
    """kopf, from when it is started until it ends."""

    def __init__(self, way_in: WayIn, kinds: tuple[Kind, ...], *, page: int = 500) -> None:
        """Prepare to watch some kinds; `page` is how many objects of a list are in memory at a time."""
        self._way_in = way_in
        self._kinds = kinds
        self._page = page
        self._stopping = False
        self._end: Callable[[], object] | None = None

    def start(self, threads: ThreadPoolExecutor) -> asyncio.Future[None]:
        """Let kopf run; the future is done when it has ended, with the error that ended it."""
        return asyncio.get_running_loop().run_in_executor(threads, self._run)

    def stop(self) -> None:
        """Ask kopf to end."""
        self._stopping = True
        if self._end is not None:
            # Its loop may have been closed a moment ago.
            with contextlib.suppress(RuntimeError):
                self._end()

    def _run(self) -> None:
        asyncio.run(self._operate())

    async def _operate(self) -> None:
        # An event of this loop: for one of threads, kopf would let a thread wait that nothing ends when kopf does.
        stop = asyncio.Event()
        self._end = functools.partial(asyncio.get_running_loop().call_soon_threadsafe, stop.set)
        if self._stopping:
            stop.set()
        await kopf.operator(
            registry=_registry(self._way_in, self._kinds),
            settings=_settings(self._page),
            standalone=True,
            clusterwide=True,
            stop_flag=stop,
        )


def _settings(page: int) -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    # Else it would kill the process that it ends too slowly in.
    settings.process.ultimate_exiting_timeout = None
    settings.scanning.disabled = True
    settings.watching.server_timeout = 240
    settings.watching.chunk_size = page
    settings.persistence.finalizer = "stridegate.dev/never-added"
    settings.queueing.error_delays = [1, 5]
    # For each object of a listing kopf keeps a task with its queue for so long (seconds) after its last event: with the
    # default of 5, all of 5,000 namespaces at once.
    settings.queueing.idle_timeout = 0.1
    return settings


def _registry(way_in: WayIn, kinds: tuple[Kind, ...]) -> kopf.OperatorRegistry:
    registry = kopf.OperatorRegistry()

    @kopf.on.login(registry=registry)
    async def login(**_: object) -> kopf.ConnectionInfo:
        token = way_in.bearer()
        return kopf.ConnectionInfo(
            server=way_in.server,
            ca_data=way_in.authority,
            certificate_data=way_in.certificate,
            private_key_data=way_in.key,
            token=token,
            expiration=dt.datetime.now(dt.UTC) + _TOKEN_AGE if token else None,
        )

    for kind in kinds:
        _watch(registry, kind)
    return registry


def _watch(registry: kopf.OperatorRegistry, kind: Kind) -> None:
    @kopf.on.event(kind.group, kind.version, kind.plural, registry=registry)
    async def heard(event: kopf.RawEvent, **_: object) -> None:
        kind.hear(event["object"], event["type"] == "DELETED")
