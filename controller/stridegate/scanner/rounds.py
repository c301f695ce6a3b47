"""When a node is scanned, and when its report is written: rarely, and at once when there is a reason."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from stridegate.engine.reports import Scan, heartbeat_due, report, says_something_new
from stridegate.kube.errors import KubeError, NotFound
from stridegate.kube.objects import Json
from stridegate.kube.reports import DEFAULT_INTERVAL, Task, read_task, status_to_apply
from stridegate.model.reports import ACCEPT_ANNOTATION, RESCAN_ANNOTATION
from stridegate.scanner.metrics import Metrics

_log = logging.getLogger(__name__)

# Seconds between looks at the report's metadata, where a person asks for something; between tries while there is no
# report yet, and after an error; and between scans at the least, however much changes on the node.
_LOOK = 60.0
_RETRY = 10.0
_CALM = 30.0
# Scans come this much earlier or later than the interval, so that the nodes of a cluster do not scan together.
_SPREAD = 0.1
# Intervals without a scan after which this process counts as not ready.
_STALE = 2


class Report(Protocol):
    """The report of this node, wherever it is kept."""

    async def metadata(self) -> Mapping[str, object]:
        """Return its metadata alone."""

    async def read(self) -> Mapping[str, object]:
        """Return all of it."""

    async def apply(self, body: Json) -> Mapping[str, object]:
        """Write the scanner's part of its status."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the report asked for when it was scanned last: anything else is a reason for another scan."""

    uid: object
    generation: object
    rescan: object
    accept: object

    @classmethod
    def by(cls, metadata: Mapping[str, object]) -> _Asked:
        annotations = metadata.get("annotations")
        known = annotations if isinstance(annotations, Mapping) else {}
        return cls(
            metadata.get("uid"), metadata.get("generation"), known.get(RESCAN_ANNOTATION), known.get(ACCEPT_ANNOTATION)
        )


class Rounds:
    """Scans by the clock, by what the report asks, and by what changes on the node, and writes what is new."""

    def __init__(
        self,
        own: Report,
        scan: Callable[[Task], Scan],
        metrics: Metrics,
        jitter: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the report, what scans (in a thread of its own), and a number from 0 to 1 that differs by node."""
        self._own = own
        self._scan = scan
        self._metrics = metrics
        self._jitter = jitter
        self._clock = clock
        self._changed = asyncio.Event()
        self._asked: _Asked | None = None
        self._interval = DEFAULT_INTERVAL
        self._due = 0.0
        self._began = float("-inf")
        # When the last scan was done whose result the report has, and why there is none since.
        self._scanned: float | None = None
        self._problem = "no scan yet"

    def node_changed(self) -> None:
        """Take note that something on the node is not what it was."""
        self._changed.set()

    def missing(self) -> list[str]:
        """Return, in words, what this process lacks to be of use: a complete scan that is recent enough."""
        if self._scanned is None:
            return [self._problem]
        age = self._clock() - self._scanned
        if age > _STALE * self._interval:
            return [f"the last complete scan is {age:.0f} s old: {self._problem or 'the next one takes long'}"]
        return []

    async def repeat(self) -> None:
        """Scan again and again, for ever."""
        while True:
            pause = await self.turn()
            try:
                async with asyncio.timeout(pause):
                    await self._changed.wait()
                    # What keeps changing is not followed step by step.
                    await asyncio.sleep(max(0.0, self._began + _CALM - self._clock()))
            except TimeoutError:
                pass

    async def turn(self) -> float:
        """Scan if there is a reason to, and return after how many seconds to look again."""
        try:
            asked = _Asked.by(await self._own.metadata())
            if self._has_reason(asked):
                await self._round(asked)
        except NotFound:
            self._fail("there is no report for this node yet: the operator makes it")
            return _RETRY
        except KubeError as error:
            self._fail(str(error))
            return _RETRY
        return max(0.0, min(_LOOK * (1 + _SPREAD * self._jitter), self._due - self._clock()))

    def _has_reason(self, asked: _Asked) -> bool:
        now = self._clock()
        changed = self._changed.is_set() and now - self._began >= _CALM
        return asked != self._asked or now >= self._due or changed

    async def _round(self, asked: _Asked) -> None:
        self._changed.clear()
        self._began = self._clock()
        task = read_task(await self._own.read(), time.time())
        self._interval = task.interval
        before = time.process_time()
        done = await asyncio.to_thread(self._scan, task)
        self._metrics.scanned(done, time.process_time() - before)
        status = report(done, task.live or None)
        if says_something_new(status, task.live) or heartbeat_due(task.live, done.now, self._jitter):
            await self._own.apply(status_to_apply(task, status))
            self._metrics.written()
        # Only now: a scan whose report could not be written is done again.
        self._asked = asked
        self._scanned = self._clock()
        self._problem = ""
        self._due = self._scanned + self._interval * (1 + random.uniform(-_SPREAD, _SPREAD))  # noqa: S311 - spreads load
        _log.info("scanned", extra={"seconds": round(done.duration, 2), **status["summary"]})

    def _fail(self, problem: str) -> None:
        if problem != self._problem:
            _log.warning("%s", problem)
        self._problem = problem
