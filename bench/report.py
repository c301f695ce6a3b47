"""Measuring everything in one run, and telling what came of it."""

from __future__ import annotations

import argparse
import itertools
import os
import platform
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from bench.answers import check_catalogue, judge, judge_constant
from bench.checkers import measure
from bench.clusters import NAMESPACES, POLICIES, populate, prepare
from bench.engine import EXEMPTED, microseconds_by_containers, microseconds_by_policy
from bench.measurements import RATE, Series, latencies, reviews_per_cpu_second, size
from bench.reviews import Scenario
from bench.servers import Launcher
from localkube.api_server import ApiServer

_STARTS = 5


def main() -> None:
    """Measure and print."""
    parts: dict[str, Callable[[ApiServer, Launcher, int], None]] = {
        "speed": _speed,
        "latency": _latency,
        "size": _size,
        "engine": _engine,
        "check": _check,
    }
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", choices=parts, action="append", help="measure one part; may be given again")
    parser.add_argument("--rounds", type=int, default=5, help="how often each server takes its turn (default: 5)")
    given = parser.parse_args()
    check_catalogue()
    print(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()};",
        end=" ",
    )
    print(
        f"load {', '.join(f'{each:.1f}' for each in os.getloadavg())}; median (least to most) of {given.rounds} rounds"
    )
    with tempfile.TemporaryDirectory(prefix="stridegate-bench-") as directory:
        folder = Path(directory)
        with ApiServer(state_dir=folder / "api-server") as server:
            prepare(server)
            launcher = Launcher(folder, server.kubeconfig)
            for part in given.only or parts:
                parts[part](server, launcher, given.rounds)


def _speed(_: ApiServer, launcher: Launcher, rounds: int) -> None:
    print("\nReviews per second of processor time")
    with ExitStack() as running:
        ours, empty, kopf = (
            running.enter_context(start()) for start in (launcher.webhook, launcher.empty, launcher.kopf)
        )
        servers = {ours: judge, empty: judge_constant, kopf: judge}
        for scenario, alike in itertools.product(Scenario, (True, False)):
            speeds = reviews_per_cpu_second(launcher, servers, scenario, rounds, alike=alike)
            print(f"  {scenario.title}, {'a replica like those before it' if alike else 'unlike any before it'}")
            for name, speed in speeds.items():
                print(f"    {name:<22} {speed}; {1e6 / speed.median:,.0f} µs each")
            mine = speeds[ours.name]
            print(f"    ours / empty handler   {mine.over(speeds[empty.name])}")
            print(f"    ours / kopf            {mine.over(speeds[kopf.name])}")


def _latency(_: ApiServer, launcher: Launcher, rounds: int) -> None:
    print(
        f"\nLatency in milliseconds at {RATE:,} reviews per second of pods unlike any before, from the moment each was due"
    )
    with launcher.webhook() as ours, launcher.empty() as empty:
        for scenario in Scenario:
            print(f"  {scenario.title}")
            for server, right in ((ours, judge), (empty, judge_constant)):
                half, tail = latencies(launcher, server, scenario, right, rounds)
                print(f"    {server.name:<22} p50 {half}; p99 {tail}")


def _size(server: ApiServer, launcher: Launcher, _: int) -> None:
    for title, fill in (("one policy", lambda _: None), (f"{POLICIES} policies, {NAMESPACES:,} namespaces", populate)):
        fill(server)
        found = size(launcher, _STARTS)
        print(f"\nThe webhook's process with {title}")
        print(f"  seconds from start to ready  {found.seconds}")
        print(f"  MiB of memory when ready     {found.at_first}")
        print(f"  MiB of memory 15 s later     {found.later:.0f}; the most so far {found.most:.0f}")


def _check(_: ApiServer, __: Launcher, rounds: int) -> None:
    measure(rounds)


def _engine(_: ApiServer, __: Launcher, rounds: int) -> None:
    print("\nOne review in process, from bytes to bytes: microseconds of processor time for a well-kept pod")
    by_policy = {title: Series(values=values) for title, values in microseconds_by_policy(rounds).items()}
    for title, taken in by_policy.items():
        print(f"  {title:<40} {taken}")
    for suffix in ("", ", advice audited"):
        ratio = by_policy[f"hardened{suffix}"].over(by_policy[f"restricted{suffix}"])
        print(f"  {'hardened / restricted' + suffix:<40} {ratio}")
    exempted = by_policy[EXEMPTED[0]].over(by_policy["restricted, advice audited"])
    print(f"  {'the last / restricted, advice audited':<40} {exempted}")
    by_containers = {count: Series(values=values) for count, values in microseconds_by_containers(rounds).items()}
    for count, taken in by_containers.items():
        print(f"  {count:>3} containers, hardened: {taken}; {taken.median / count:,.0f} for each")
