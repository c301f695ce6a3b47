"""Rounds in which the servers take turns, and what comes of them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.callers import Caller, Judge, calling
from bench.reviews import Scenario
from bench.servers import Launcher, Server, pinned

RATE = 1000  # reviews a second, and for how many seconds
_SECONDS = 10.0
# How long a server is to work in one round, in seconds of processor time, and what is sent to find out how many reviews
# that takes.
_WORK = 1.0
_TRIAL = 500
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
    launcher: Launcher, servers: Mapping[Server, Judge], scenario: Scenario, rounds: int
) -> dict[str, Series]:
    """Return how many reviews of a scenario each server answers in a second of processor time, round by round."""
    counts = {server: _enough(launcher, server, scenario, judge) for server, judge in servers.items()}
    speeds: dict[str, list[float]] = {server.name: [] for server in servers}
    for _ in range(rounds):
        for server, judge in servers.items():
            with pinned(1), calling(server.port, launcher.certificates, scenario, judge) as caller:
                speeds[server.name].append(counts[server] / _work(server, caller, counts[server]))
    return {name: Series(values=values) for name, values in speeds.items()}


def _enough(launcher: Launcher, server: Server, scenario: Scenario, judge: Judge) -> int:
    with pinned(1), calling(server.port, launcher.certificates, scenario, judge) as caller:
        caller.press(_TRIAL)
        return max(_TRIAL, round(_WORK / _work(server, caller, _TRIAL) * _TRIAL))


def _work(server: Server, caller: Caller, count: int) -> float:
    before = server.cpu
    caller.press(count)
    return server.cpu - before


def latencies(
    launcher: Launcher, server: Server, scenario: Scenario, judge: Judge, rounds: int
) -> tuple[Series, Series]:
    """Return the 50th and the 99th percentile, in milliseconds, of each round at a steady rate."""
    halves: list[float] = []
    tails: list[float] = []
    for _ in range(rounds):
        with pinned(1), calling(server.port, launcher.certificates, scenario, judge) as caller:
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
