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
from typing import TypeVar

import msgspec

from stridegate.kube.errors import KubeError, NotFound
from stridegate.kube.guests import Guest, Kind
from stridegate.kube.objects import Metadata
from stridegate.kube.reader import Reader, WayIn
from stridegate.kube.rosters import Version
from stridegate.kube.shapes import UNDECODABLE
from stridegate.webhook.granted import ListedExemption
from stridegate.webhook.live import ListedNamespace, ListedPolicy, LivePolicySet

T = TypeVar("T", bound=msgspec.Struct)

_log = logging.getLogger(__name__)

_POLICIES = "/apis/stridegate.dev/v1alpha1/hardeningpolicies"
_NAMESPACES = "/api/v1/namespaces"
_EXEMPTIONS = "/apis/stridegate.dev/v1alpha1/hardeningexemptions"

# Seconds between listings, give or take a tenth so that replicas do not list together; and after failures, doubling
# from the least to the most. A watch that fails for one kind alone, which kopf retries without a word, costs no more
# than this until a change is noticed.
_INTERVAL = 60.0
_LEAST_PAUSE, _MOST_PAUSE = 0.5, 5.0
# And while the cluster does not know of exemptions: they may come with the rest of an upgrade.
_UNSERVED_INTERVAL = 10.0


class _Object(msgspec.Struct, frozen=True, kw_only=True):
    metadata: Metadata


class _Stamped(Metadata, frozen=True, kw_only=True, rename="camel"):
    creation_timestamp: str | None = None


class _Exemption(msgspec.Struct, frozen=True, kw_only=True):
    metadata: _Stamped


class _ListedExemption(_Exemption, frozen=True, kw_only=True):
    spec: msgspec.Raw = msgspec.Raw(b"null")


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
        # Whether the cluster knows of exemptions; where it does not, there are none.
        self.exemptions_served = True

    async def list(self) -> None:
        """List at the start, then every minute and whenever the watch had a gap, for ever."""
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
            interval = (_INTERVAL if self.exemptions_served else _UNSERVED_INTERVAL) * random.uniform(0.9, 1.1)  # noqa: S311 - spreads load, hides nothing
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(interval):
                    await self._wanted.wait()

    async def _list_once(self) -> None:
        """List every kind and take it over.

        Exemptions come first: a replica that has never read them would refuse what is exempted, and is not ready. Later
        nothing that goes wrong with them holds back what the policies forbid.
        """
        policies = await self._reader.list(_POLICIES, dict[str, object])
        namespaces = await self._reader.list(_NAMESPACES, _Object)
        failure: KubeError | None = None
        try:
            await self._list_exemptions(namespaces.revision)
        except KubeError as problem:
            if not self._policies.synced:
                raise
            failure = problem
        self._policies.replace(
            [listed for body in policies.items if (listed := _policy(body)) is not None],
            [_namespace(each) for each in namespaces.items],
            (policies.revision, namespaces.revision),
        )
        if failure is not None:
            raise failure

    async def _list_exemptions(self, revision: int) -> None:
        """Take over every exemption; none, as of a revision, where the cluster does not know the kind (yet, or any more)."""
        try:
            listing = await self._reader.list(_EXEMPTIONS, _ListedExemption)
        except NotFound as problem:
            if self.exemptions_served:
                _log.warning("no exemption holds: the cluster does not know the kind", extra={"problem": str(problem)})
            self.exemptions_served = False
            self._policies.replace_exemptions([], revision)
            return
        self._unserved = self._unserved or not self.exemptions_served
        self.exemptions_served = True
        self._policies.replace_exemptions(
            [_exemption(each.metadata, each.spec) for each in listing.items], listing.revision
        )

    def _failed(self, problem: KubeError) -> None:
        if str(problem) != self.problem:
            _log.warning("policies, namespaces and exemptions not listed", extra={"problem": str(problem)})
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

        def exemption(body: Mapping[str, object], deleted: bool) -> None:  # noqa: FBT001 - as Hear
            self._loop.call_soon_threadsafe(self._hear_exemption, body, deleted)

        return (
            Kind(group="stridegate.dev", version="v1alpha1", plural="hardeningpolicies", hear=policy),
            Kind(group="", version="v1", plural="namespaces", hear=namespace),
            Kind(group="stridegate.dev", version="v1alpha1", plural="hardeningexemptions", hear=exemption),
        )

    def _hear_policy(self, body: Mapping[str, object], deleted: bool) -> None:  # noqa: FBT001 - as Hear
        listed = _policy(body)
        if listed is not None:
            self._policies.observe_policy(listed, deleted=deleted)

    def _hear_namespace(self, body: Mapping[str, object], deleted: bool) -> None:  # noqa: FBT001 - as Hear
        namespace = _converted(body, _Object)
        if namespace is not None:
            self._policies.observe_namespace(_namespace(namespace), deleted=deleted)

    def _hear_exemption(self, body: Mapping[str, object], deleted: bool) -> None:  # noqa: FBT001 - as Hear
        found = _converted(body, _Exemption)
        if found is not None:
            self._policies.observe_exemption(_exemption(found.metadata, body.get("spec")), deleted=deleted)


def _policy(body: Mapping[str, object]) -> ListedPolicy | None:
    found = _converted(body, _Object)
    return ListedPolicy(found.metadata.version, body) if found is not None else None


def _namespace(found: _Object) -> ListedNamespace:
    return ListedNamespace(found.metadata.version, found.metadata.labels or {})


def _exemption(metadata: _Stamped, spec: object) -> ListedExemption:
    version = Version(
        name=f"{metadata.namespace}/{metadata.name}", uid=metadata.uid, revision=metadata.version.revision
    )
    return ListedExemption(version, metadata.namespace, metadata.name, metadata.creation_timestamp, spec)


def _converted(body: Mapping[str, object], kind: type[T]) -> T | None:
    """Return what identifies an object; None where it has no metadata, which nothing in a cluster lacks."""
    try:
        return msgspec.convert(dict(body), kind)
    except UNDECODABLE:
        return None
