"""Where a scanner is Ready: the pods of the DaemonSets in Stridegate's namespace for them, listed once and then watched."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing
from typing import NoReturn

import msgspec
from msgspec import Struct

from stridegate.kube.errors import KubeError
from stridegate.kube.reader import Reader
from stridegate.kube.shapes import UNDECODABLE
from stridegate.kube.watches import Change, changes

_log = logging.getLogger(__name__)

NAMESPACE = "stridegate-scanner"
_PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
_LABELS = {"app.kubernetes.io/name": "stridegate", "app.kubernetes.io/component": "scanner"}
# Pods of a page, and seconds from a failure until all are listed anew.
_PAGE, _RETRYING = 250, 5.0


class _Metadata(Struct, frozen=True, kw_only=True):
    name: str = ""
    labels: dict[str, str] | None = None


class _Spec(Struct, frozen=True, kw_only=True, rename="camel"):
    node_name: str = ""


class _Condition(Struct, frozen=True, kw_only=True):
    type: str = ""
    status: str = ""


class _Status(Struct, frozen=True, kw_only=True):
    conditions: list[_Condition] | None = None


class _Pod(Struct, frozen=True, kw_only=True):
    metadata: _Metadata
    spec: _Spec | None = None
    status: _Status | None = None

    @property
    def scans(self) -> bool:
        """Whether it is a scanner that is Ready."""
        conditions = (self.status.conditions if self.status else None) or ()
        labels = self.metadata.labels or {}
        ready = any((each.type, each.status) == ("Ready", "True") for each in conditions)
        return ready and labels.items() >= _LABELS.items()


class Scanners:
    """On which nodes a scanner is Ready."""

    def __init__(self) -> None:
        # The node of every pod that scans, by the pod's name.
        self._nodes: dict[str, str] = {}
        # Whether the pods have been listed, and are followed since.
        self.current = False

    def nodes(self) -> frozenset[str]:
        """Return the names of the nodes on which a scanner is Ready, as far as is known while that is not current."""
        return frozenset(self._nodes.values())

    async def keep(self, reader: Reader, changed: Callable[[], None]) -> NoReturn:
        """List, then follow what changes and tell of it, and begin again whenever that ends, for ever."""
        told = ""
        while True:
            try:
                revision = await self._list(reader)
                changed()
                await self._follow(reader, revision, changed)
            except (KubeError, *UNDECODABLE) as problem:
                self.current = False
                if str(problem) != told:
                    _log.warning("nobody knows which scanners are Ready: %s", problem)
                told = str(problem)
                await asyncio.sleep(_RETRYING)

    async def _list(self, reader: Reader) -> str:
        """Take over every pod, and return a revision before which nothing is missing."""
        # What changes while the pages are read is followed afterwards, a second time where a page had it already.
        revision = await reader.revision(_PODS)
        nodes: dict[str, str] = {}
        async for page in reader.pages(_PODS, _Pod, size=_PAGE):
            nodes.update((pod.metadata.name, pod.spec.node_name) for pod in page if pod.scans and pod.spec)
        self._nodes, self.current = nodes, True
        return revision

    async def _follow(self, reader: Reader, revision: str, changed: Callable[[], None]) -> None:
        async with aclosing(changes(reader, _PODS, revision)) as events:
            async for change, raw in events:
                if self._take(change, msgspec.json.decode(raw, type=_Pod)):
                    changed()

    def _take(self, change: Change, pod: _Pod) -> bool:
        """Take in a pod as it is now; return whether that says something new."""
        scanned = pod.spec.node_name if pod.spec and pod.scans and change is not Change.DELETED else None
        if scanned == self._nodes.get(pod.metadata.name):
            return False
        if scanned is None:
            del self._nodes[pod.metadata.name]
        else:
            self._nodes[pod.metadata.name] = scanned
        return True
