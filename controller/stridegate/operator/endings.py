"""Keeping the exemptions' statuses: when one changed, when an audit found more out, and when one ends by the clock.

An exemption ends in the webhook without this: each replica compares it with its own clock.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import NoReturn

from stridegate.kube.cluster import Cluster
from stridegate.kube.errors import Conflict, KubeError, NotFound
from stridegate.kube.objects import Json, Metadata
from stridegate.model.exemptions import Exemption
from stridegate.operator.errors import NotActive
from stridegate.operator.exemptions import (
    Read,
    Reason,
    Terms,
    Usage,
    conditions,
    last_used,
    read,
    seconds_to_next_end,
    status_to_apply,
)
from stridegate.operator.leases import Leadership
from stridegate.operator.metrics import Metrics
from stridegate.operator.mirrors import Mirror
from stridegate.operator.pauses import pause_until

_log = logging.getLogger(__name__)

# Seconds for which changes are gathered before statuses are written, until a failed write is tried again, and the most
# between two looks at the clock, which may have been set meanwhile.
_GATHERING, _RETRYING, _LONGEST = 0.3, 5.0, 300.0


@dataclass(frozen=True, slots=True)
class _Standing:
    """An exemption, why it exempts or does not, and the status to be written, if any."""

    metadata: Metadata
    exemption: Read
    reason: str
    status: Json | None


class Endings:
    """The statuses of the exemptions. `used` says what an audit found of one, by its uid."""

    def __init__(
        self,
        *,
        cluster: Cluster,
        leadership: Leadership,
        exemptions: Mirror[Mapping[str, object]],
        terms: Terms,
        used: Callable[[str], Usage | None],
        metrics: Metrics,
    ) -> None:
        self._cluster = cluster
        self._leadership = leadership
        self._exemptions = exemptions
        self._terms = terms
        self._used = used
        self._metrics = metrics
        self._due = asyncio.Event()

    def wake(self) -> None:
        """Take note that exemptions or their use are not what they were, or that this replica has become the active one."""
        self._due.set()

    async def keep(self) -> NoReturn:
        """Write the statuses over and over; a standby only counts."""
        while True:
            await pause_until(self._due, await self._tend())
            await asyncio.sleep(_GATHERING)
            self._due.clear()

    async def _tend(self) -> float:
        """Write what is to be written; return the seconds until the next exemption ends, or a write is tried again."""
        if not self._exemptions.synced:
            return _LONGEST
        now = dt.datetime.now(dt.UTC)
        standings = [self._stand(metadata, obj, now) for metadata, obj in self._exemptions.items()]
        active = Reason.ACTIVE.value
        ends = [
            each.exemption.expires
            for each in standings
            if each.reason == active and isinstance(each.exemption, Exemption)
        ]
        self._metrics.note_exemptions(Counter(each.reason for each in standings), ends)
        try:
            await self._write(standings)
        except NotActive:
            return _LONGEST
        except KubeError as error:
            _log.warning("could not write the exemptions' statuses: %s", error)
            return _RETRYING
        return seconds_to_next_end((each.exemption for each in standings), now, _LONGEST)

    def _stand(self, metadata: Metadata, obj: Mapping[str, object], now: dt.datetime) -> _Standing:
        exemption, used = read(obj), self._used(metadata.uid)
        if used is not None and used.last is None:
            used = replace(used, last=last_used(obj))
        active, *further = conditions(exemption, now, used, self._terms)
        status = status_to_apply(obj, (active, *further), used, now)
        return _Standing(metadata, exemption, str(active.reason.value), status)

    async def _write(self, standings: list[_Standing]) -> None:
        for each in standings:
            if each.status is None:
                continue
            self._leadership.require()
            try:
                answer = await asyncio.to_thread(self._cluster.apply_exemption_status, each.metadata, each.status)
            except (NotFound, Conflict) as error:
                _log.info("an exemption was deleted or made anew meanwhile: %s", error)
                continue
            self._exemptions.observe(answer)
