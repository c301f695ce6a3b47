"""Looking whether the guard of reports stands, over and over."""

from __future__ import annotations

import asyncio
import logging
from typing import NoReturn

from stridegate.kube.cluster import Cluster
from stridegate.kube.errors import KubeError
from stridegate.operator.guards import REPORT_GUARD, Guard, find_gap
from stridegate.operator.leases import Leadership
from stridegate.operator.metrics import Metrics
from stridegate.operator.pauses import pause_until

_log = logging.getLogger(__name__)

# Seconds between looks, and until one is made again where the guard does not guard.
_STEADY, _DOUBT = 30.0, 5.0


class ReportGuard:
    """Knows whether only a node's own scanner may write its report."""

    def __init__(self, cluster: Cluster, leadership: Leadership, wanted: Guard, metrics: Metrics) -> None:
        self._cluster = cluster
        self._leadership = leadership
        self._wanted = wanted
        self._metrics = metrics
        self._due = asyncio.Event()
        # Why the guard does not guard, None where it does or nobody has looked.
        self.gap: str | None = None

    def wake(self) -> None:
        """Look at once: this replica has become the active one."""
        self._due.set()

    async def keep(self) -> NoReturn:
        """Look every half minute, and again soon where the guard does not guard; a standby only waits."""
        while True:
            if self._leadership.active:
                await self._look()
            else:
                self.gap = None
                self._metrics.forget_report_guard()
            await pause_until(self._due, _DOUBT if self.gap else _STEADY)

    async def _look(self) -> None:
        try:
            gap = await asyncio.to_thread(find_gap, self._cluster, self._wanted, REPORT_GUARD)
        except KubeError as error:
            _log.warning("could not look after the guard of reports: %s", error)
            return
        if gap is not None and gap != self.gap:
            _log.error("reports can be forged: %s", gap)
        self.gap = gap
        self._metrics.note_report_guard(REPORT_GUARD, guards=gap is None)
