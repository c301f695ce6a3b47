"""The process `stridegate scanner`: what it is made of and how it starts and ends. A plain loop, without kopf."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import zlib
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import disable_created_metrics

from stridegate.kube.own_reports import own_report
from stridegate.kube.reader import WayIn, find_way_in
from stridegate.scanner.clusters import Api, Credentials
from stridegate.scanner.host_root import HostRoot
from stridegate.scanner.messages import LENGTH
from stridegate.scanner.metadata_services import endpoints, nowhere
from stridegate.scanner.metrics import Metrics
from stridegate.scanner.reading import WATCHING
from stridegate.scanner.rounds import Rounds
from stridegate.scanner.scans import CATALOGUE, NodeScanner
from stridegate.scanner.workers import Looks, Workers
from stridegate.vitals.probes import Probes
from stridegate.vitals.pulses import Pulse

_log = logging.getLogger(__name__)

# What of the host is mounted for this container.
KERNEL = ("/proc", "/run", "/sys")
# Seconds until the reader is asked again for changes, once it has gone.
_AGAIN = 10.0
# A scan never takes the processor from what runs on the node.
_NICE = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the scanner is told: its node, the node's address and its own pod's uid (downward API), and where things are."""

    node: str
    address: str
    pod_uid: str
    root: Path
    reader: Path
    # Empty for every address, IPv4 and IPv6.
    bind: str = ""
    probe_port: int = 9090
    kubelet_port: int = 10250
    # Whether it is tried if the cloud's metadata service answers pods.
    instance_metadata: bool = False
    kubeconfig: Path | None = None


def run(options: Options) -> None:
    """Scan and report until SIGTERM or SIGINT. Raises NoAccess, and OSError where the host is not mounted."""
    os.nice(_NICE)
    # The library would add a series to each counter that says when it began.
    disable_created_metrics()  # type: ignore[no-untyped-call] # the library types only a part of itself
    way_in = find_way_in(options.kubeconfig)
    with HostRoot(options.root, KERNEL) as root, Workers(root) as kernel:
        asyncio.run(_serve(options, way_in, kernel))


async def _serve(options: Options, way_in: WayIn, kernel: Looks) -> None:
    metrics, stopped, loop = Metrics(CATALOGUE), asyncio.Event(), asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stopped.set)
    pulse = Pulse(loop)
    scanner = NodeScanner(
        kernel=kernel,
        reader=options.reader,
        api=Api(server=way_in.server, credentials=_credentials(way_in)),
        address=options.address,
        own_pod=options.pod_uid,
        kubelet_port=options.kubelet_port,
        metadata=endpoints if options.instance_metadata else nowhere,
    )
    async with own_report(way_in, options.node) as own:
        rounds = Rounds(own, scanner.scan, metrics, jitter(options.node))
        probes = Probes(rounds.missing, pulse, metrics.registry)
        await probes.listen(options.bind, options.probe_port)
        try:
            await _until(stopped, rounds, options.reader)
        finally:
            await probes.close()
            pulse.stop()


async def _until(stopped: asyncio.Event, rounds: Rounds, reader: Path) -> None:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(rounds.repeat()), group.create_task(listen_for_changes(reader, rounds))]
        await stopped.wait()
        for task in tasks:
            task.cancel()


def jitter(node: str) -> float:
    """Return a number from 0 to 1 that differs by node and stays the same."""
    return zlib.crc32(node.encode()) / 0xFFFFFFFF


def _credentials(way_in: WayIn) -> Credentials:
    chain = f"{way_in.certificate}\n{way_in.key}" if way_in.certificate and way_in.key else ""
    return Credentials(
        token_file=way_in.token_file, token=way_in.token or "", chain=chain, authority=way_in.authority or ""
    )


async def listen_for_changes(reader: Path, rounds: Rounds) -> None:
    """Tell the rounds of every change that the reader tells, for ever."""
    while True:
        try:
            incoming, outgoing = await asyncio.open_unix_connection(reader)
            try:
                outgoing.write(WATCHING.to_bytes(LENGTH, "big"))
                while await incoming.read(1):
                    rounds.node_changed()
            finally:
                outgoing.close()
        except OSError as error:
            _log.debug("the reader tells no changes: %s", error)
        await asyncio.sleep(_AGAIN)
