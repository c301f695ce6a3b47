"""What feeds the live policy set: complete listings, and between them what kopf sees on its watches.

The policy set outlives both. A listing that fails, and a kopf that ends, leave everything in force as it was.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import msgspec

from stridegate.kube.errors import KubeError, NotFound
from stridegate.kube.guests import Guest, Kind
from stridegate.kube.objects import Metadata
from stridegate.kube.reader import UNDECODABLE, Reader, WayIn
from stridegate.webhook.live import ListedNamespace, ListedPolicy, LivePolicySet

_log = logging.getLogger(__name__)

_POLICIES = "/apis/stridegate.dev/v1alpha1/hardeningpolicies"
_NAMESPACES = "/api/v1/namespaces"

# Seconds between listings, give or take a tenth so that replicas do not list together; and after failures, doubling
# from the least to the most.
_INTERVAL = 300.0
_LEAST_PAUSE, _MOST_PAUSE = 0.5, 5.0


class _Object(msgspec.Struct, frozen=True, kw_only=True):
    metadata: Metadata


class Feed:
    """Keeps the live policy set current."""

    def __init__(self, way_in: WayIn, reader: Reader, policies: LivePolicySet) -> None:
        self._loop = asyncio.get_running_loop()
        self._way_in = way_in
        self._reader = reader
        self._policies = policies
        # Why the last listing failed; empty while it did not.
        self.problem = "nothing has been listed yet"
        self.restarts = 0
        self._wanted = asyncio.Event()
        # Set by the first complete listing.
        self.synced = asyncio.Event()
        self._guest: Guest | None = None
        self._unserved = False

    async def list(self) -> None:
        """List at the start, then every five minutes and whenever the watch had a gap, for ever."""
        pause = _LEAST_PAUSE
        while True:
            self._wanted.clear()
            try:
                await self._list_once()
            except KubeError as problem:
                self._failed(problem)
                await asyncio.sleep(pause)
                pause = min(pause * 2, _MOST_PAUSE)
                continue
            pause = _LEAST_PAUSE
            self._succeeded()
            interval = _INTERVAL * random.uniform(0.9, 1.1)  # noqa: S311 - spreads load, hides nothing
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(interval):
                    await self._wanted.wait()

    async def _list_once(self) -> None:
        policies = await self._reader.list(_POLICIES, dict[str, object])
        namespaces = await self._reader.list(_NAMESPACES, _Object)
        self._policies.replace(
            [listed for body in policies.items if (listed := _policy(body)) is not None],
            [_namespace(each) for each in namespaces.items],
            (policies.revision, namespaces.revision),
        )

    def _failed(self, problem: KubeError) -> None:
        if str(problem) != self.problem:
            _log.warning("policies and namespaces not listed", extra={"problem": str(problem)})
        self.problem = str(problem)
        self._unserved = self._unserved or isinstance(problem, NotFound)

    def _succeeded(self) -> None:
        self.problem = ""
        self.synced.set()
        if self._unserved and self._guest is not None:
            # kopf takes no notice of a kind that appears after it started.
            self._guest.stop()
        self._unserved = False

    async def watch(self) -> None:
        """Have kopf watch, from the first complete listing on, and start it again whenever it ends, for ever."""
        await self.synced.wait()
        pause = _LEAST_PAUSE
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="kopf") as threads:
            while True:
                self._guest = Guest(self._way_in, self._kinds())
                started = self._loop.time()
                ended = self._guest.start(threads)
                try:
                    await asyncio.wait({ended})
                finally:
                    self._guest.stop()
                    await asyncio.wait({ended})
                _log.warning("the watch ended and is started again", extra={"problem": repr(ended.exception())})
                self.restarts += 1
                # What was deleted while nobody watched is not told afterwards.
                self._wanted.set()
                pause = _LEAST_PAUSE if self._loop.time() - started > _INTERVAL else min(pause * 2, _MOST_PAUSE)
                await asyncio.sleep(pause)

    def _kinds(self) -> tuple[Kind, ...]:
        def policy(body: Mapping[str, object], deleted: bool) -> None:  # noqa: FBT001 - as Hear
            self._loop.call_soon_threadsafe(self._hear_policy, body, deleted)

        def namespace(body: Mapping[str, object], deleted: bool) -> None:  # noqa: FBT001 - as Hear
            self._loop.call_soon_threadsafe(self._hear_namespace, body, deleted)

        return (
            Kind(group="stridegate.dev", version="v1alpha1", plural="hardeningpolicies", hear=policy),
            Kind(group="", version="v1", plural="namespaces", hear=namespace),
        )

    def _hear_policy(self, body: Mapping[str, object], deleted: bool) -> None:  # noqa: FBT001 - as Hear
        listed = _policy(body)
        if listed is not None:
            self._policies.observe_policy(listed, deleted=deleted)

    def _hear_namespace(self, body: Mapping[str, object], deleted: bool) -> None:  # noqa: FBT001 - as Hear
        namespace = _identified(body)
        if namespace is not None:
            self._policies.observe_namespace(_namespace(namespace), deleted=deleted)


def _policy(body: Mapping[str, object]) -> ListedPolicy | None:
    found = _identified(body)
    return ListedPolicy(found.metadata.version, body) if found is not None else None


def _namespace(found: _Object) -> ListedNamespace:
    return ListedNamespace(found.metadata.version, found.metadata.labels or {})


def _identified(body: Mapping[str, object]) -> _Object | None:
    """Return what identifies an object; None where it has no metadata, which nothing in a cluster lacks."""
    try:
        return msgspec.convert(dict(body), _Object)
    except UNDECODABLE:
        return None
