"""Rounds in which the servers take turns, and what comes of them."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.callers import LAP, Judge, calling
from bench.reviews import Scenario
from bench.servers import Launcher, Server, pinned

RATE = 1000  # reviews a second, and for how many seconds
_SECONDS = 5.0
# A round is so many laps, and what counts is the median lap: whatever else runs on the machine disturbs some of them. A lap
# is long enough not to see that the kernel tells of another process's time by its ticks.
_LAPS = 7
# kopf keeps what it needs to start watching for some seconds.
_SETTLED = 15.0


@dataclass(frozen=True, kw_only=True)
class Series:
    """One number per round."""

    values: Sequence[float]

    @property
    def median(self) -> float:
        """The one in the middle."""
        return statistics.median(self.values)

    def over(self, other: Series) -> Series:
        """Return the ratios, round by round."""
        return Series(values=[mine / theirs for mine, theirs in zip(self.values, other.values, strict=True)])

    def __str__(self) -> str:
        return f"{_short(self.median)} ({_short(min(self.values))} to {_short(max(self.values))})"


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def reviews_per_cpu_second(
    launcher: Launcher, servers: Mapping[Server, Judge], scenario: Scenario, rounds: int, *, alike: bool
) -> dict[str, Series]:
    """Return how many reviews of a scenario each server answers in a second of processor time, round by round."""
    speeds: dict[str, list[float]] = {server.name: [] for server in servers}
    for _ in range(rounds):
        for server, judge in servers.items():
            with pinned(1), calling(server.port, launcher.certificates, scenario, judge, alike=alike) as caller:
                readings = caller.press(_LAPS, server.cpu)
            seconds = [after - before for before, after in itertools.pairwise(readings)]
            speeds[server.name].append(LAP / statistics.median(seconds))
    return {name: Series(values=values) for name, values in speeds.items()}


def latencies(
    launcher: Launcher, server: Server, scenario: Scenario, judge: Judge, rounds: int
) -> tuple[Series, Series]:
    """Return the 50th and the 99th percentile, in milliseconds, of each round at a steady rate."""
    halves: list[float] = []
    tails: list[float] = []
    for _ in range(rounds):
        with pinned(1), calling(server.port, launcher.certificates, scenario, judge, alike=False) as caller:
            late = [seconds * 1000 for seconds in caller.pace(RATE, _SECONDS)]
        percentiles = statistics.quantiles(late, n=100)
        halves.append(percentiles[49])
        tails.append(percentiles[98])
    return Series(values=halves), Series(values=tails)


@dataclass(frozen=True, kw_only=True)
class Size:
    """What the webhook's process needs: seconds to be ready, and memory in MiB when it is ready, later, and at most."""

    seconds: Series
    at_first: Series
    later: float
    most: float


def size(launcher: Launcher, starts: int) -> Size:
    """Start the webhook several times and watch the last one for a while."""
    seconds: list[float] = []
    at_first: list[float] = []
    later = most = 0.0
    for start in range(starts):
        with launcher.webhook() as server:
            seconds.append(server.seconds_to_ready)
            at_first.append(server.memory("VmRSS"))
            if start == starts - 1:
                time.sleep(_SETTLED)
                later, most = server.memory("VmRSS"), server.memory("VmHWM")
    return Size(seconds=Series(values=seconds), at_first=Series(values=at_first), later=later, most=most)
