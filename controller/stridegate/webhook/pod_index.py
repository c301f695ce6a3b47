"""Which running pods hold more than themselves: an index that is kept current, so that no review has to ask for a pod.

It is for `exec` and `attach`, whose reviews carry the options of the connection and not the pod, and is kept only where
that is wanted: every pod of the cluster is listed and watched for it. Of a pod one bit is kept.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import aclosing

import msgspec

from stridegate.engine.evaluate import Fault, contained
from stridegate.engine.holds import hold_of
from stridegate.kube.errors import KubeError
from stridegate.kube.pods import PODS, identity_of, read_pod
from stridegate.kube.reader import Reader
from stridegate.kube.shapes import UNDECODABLE
from stridegate.kube.watches import Change, changes
from stridegate.model.objects import Hold
from stridegate.model.settings import Setting
from stridegate.model.views import PodView

_log = logging.getLogger(__name__)

# Pods a page: reviews wait while one is judged, a few milliseconds.
_PAGE = 100
# Seconds after a failure until all is listed anew, doubling from the least to the most.
_LEAST_PAUSE, _MOST_PAUSE = 0.5, 30.0
# And how long listing and following must have gone well for the least to do again.
_LASTING = 60.0

# By the hash of namespace and name, which nobody can choose: Python salts it.
_Holds = dict[int, Hold]


class PodIndex:
    """What each pod of the cluster holds. What is not in it, or cannot be read, is unknown, and never a pod like any other."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._holds: _Holds | None = None
        # Why the index is not current; empty while it is.
        self.problem = "pods have not been listed yet"

    @property
    def synced(self) -> bool:
        """Whether all pods have been listed once; afterwards the last known state stays in force."""
        return self._holds is not None

    def hold(self, namespace: str, name: str) -> Hold:
        """Return what getting into a pod gets hold of."""
        return Hold.UNKNOWN if self._holds is None else self._holds.get(hash((namespace, name)), Hold.UNKNOWN)

    async def keep(self) -> None:
        """List, then follow what changes, and begin again whenever that ends, for ever."""
        pause = _LEAST_PAUSE
        while True:
            begun = time.monotonic()
            try:
                await self._follow(await self._list())
            except (KubeError, *UNDECODABLE) as problem:
                if time.monotonic() - begun > _LASTING:
                    # A watch that ends at once, for want of the right to watch say, is no reason to list every pod again and again.
                    pause = _LEAST_PAUSE
                if str(problem) != self.problem:
                    _log.warning("the index of pods is not current", extra={"problem": str(problem)})
                self.problem = str(problem)
                await asyncio.sleep(pause)
                pause = min(pause * 2, _MOST_PAUSE)

    async def _list(self) -> str:
        """Take over every pod, and return a revision before which nothing is missing."""
        # What changes while the pages are read is followed afterwards, a second time where a page had it already.
        revision = await self._reader.revision(PODS)
        holds: _Holds = {}
        async for page in self._reader.pages(PODS, msgspec.Raw, size=_PAGE):
            holds.update(_judged(raw) for raw in page)
            await asyncio.sleep(0)
        self._holds, self.problem = holds, ""
        return revision

    async def _follow(self, revision: str) -> None:
        holds = self._holds
        if holds is None:
            return
        async with aclosing(changes(self._reader, PODS, revision)) as changed:
            async for change, raw in changed:
                key, hold = _judged(raw)
                if change is Change.DELETED:
                    holds.pop(key, None)
                else:
                    holds[key] = hold


def _judged(raw: msgspec.Raw) -> tuple[int, Hold]:
    """Return a pod's key, and what it holds; unknown where it cannot be read or judged."""
    namespace, name = identity_of(raw)
    judged = contained(_hold, raw)
    return hash((namespace, name)), Hold.UNKNOWN if isinstance(judged, Fault) else judged


def _hold(raw: msgspec.Raw) -> Hold:
    pod = read_pod(raw)
    return hold_of(PodView(pod, (), Setting(namespace=(pod.metadata and pod.metadata.namespace) or "", creating=False)))
