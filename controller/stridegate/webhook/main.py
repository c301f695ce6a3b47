"""The webhook's process: what it is made of, and how it starts and ends."""

from __future__ import annotations

import asyncio
import gc
import signal
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from pathlib import Path

import uvloop
from prometheus_client import CollectorRegistry

from stridegate.admission.kinds import Embedder, kinds_with
from stridegate.admission.recall import Recall
from stridegate.engine.catalogue import RULES, digest
from stridegate.kube.reader import Reader, WayIn, find_way_in, reading
from stridegate.vitals.probes import Probes
from stridegate.vitals.pulses import Pulse
from stridegate.webhook.admission import Admission
from stridegate.webhook.callers import Admitted, Callers
from stridegate.webhook.certificates import CertificateStore
from stridegate.webhook.connections import Limits
from stridegate.webhook.feeds import Feed
from stridegate.webhook.journals import Journal
from stridegate.webhook.live import LivePolicySet
from stridegate.webhook.metrics import ProcessMetrics
from stridegate.webhook.pod_index import PodIndex
from stridegate.webhook.readiness import Readiness, SelfTest
from stridegate.webhook.receptions import allow_files
from stridegate.webhook.server import Server

# Files that are open beside callers' connections: probes and scrapes, the API server, certificates, libraries.
_OTHER_FILES = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the webhook is told. Without a kubeconfig it reads the cluster that its pod runs in; the drain delay is in seconds."""

    tls_directory: Path
    server_name: str
    # Empty for every address, IPv4 and IPv6.
    bind: str = ""
    port: int = 9443
    probe_port: int = 9090
    drain_delay: float = 5.0
    # Whether exec and attach are judged by what the very pod holds, for which every pod is watched.
    exact_exec: bool = False
    # What embeds the templates of pods beside the kinds that always do.
    embedders: tuple[Embedder, ...] = ()
    # Who may call; without it, anybody.
    admitted: Admitted | None = None
    kubeconfig: Path | None = None
    # How many lines of the log were dropped.
    lines_dropped: Callable[[], int] = int


def run(options: Options) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises NoAccess where no cluster is named that could be read, and BadEmbedder.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(options, find_way_in(options.kubeconfig)))


async def _serve(options: Options, way_in: WayIn) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stopping.set)
    async with reading(way_in) as reader:
        process = _Process(options, way_in, reader)
        await process.start()
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(each) for each in process.duties()]
            await stopping.wait()
            await process.drain()
            for task in running:
                task.cancel()
        await process.close()


def _limits() -> Limits:
    """Return the limits, with no more connections than this process may have files open."""
    limits = Limits()
    allowed = allow_files(limits.connections + limits.handshakes + _OTHER_FILES)
    return replace(limits, connections=min(limits.connections, max(1, allowed - limits.handshakes - _OTHER_FILES)))


class _Process:
    """The parts of the webhook, and who knows whom."""

    def __init__(self, options: Options, way_in: WayIn, reader: Reader) -> None:
        loop = asyncio.get_running_loop()
        self._options = options
        self._policies = LivePolicySet(RULES)
        self._feed = Feed(way_in, reader, self._policies)
        authority = options.admitted.authority if options.admitted else None
        self._certificates = CertificateStore(options.tls_directory, options.server_name, authority)
        callers = Callers(options.admitted)
        self._pulse = Pulse(loop)
        journal = Journal()
        self._index = PodIndex(reader) if options.exact_exec else None
        kinds = kinds_with(options.embedders, self._index.hold if self._index else None)
        recall = Recall()
        admission = Admission(self._policies, journal, time.monotonic, kinds, recall=recall)
        routes = {"/validate": admission.validate, "/mutate": admission.mutate}
        shortcuts = {"/validate": admission.validate_at_once, "/mutate": admission.mutate_at_once}
        self._server = Server(routes, shortcuts, self._pulse, _limits(), journal.shed, callers)
        self._test = SelfTest(self._certificates, self._server, options.server_name)
        readiness = Readiness(self._policies, self._feed, self._certificates, self._test, self._server, self._index)
        registry = CollectorRegistry()
        registry.register(journal)
        registry.register(
            ProcessMetrics(
                digest(RULES.values()),
                self._policies,
                self._feed,
                self._certificates,
                self._server,
                self._pulse,
                recall,
                options.lines_dropped,
                readiness.missing,
            )
        )
        self._probes = Probes(readiness.missing, self._pulse, registry)

    async def start(self) -> None:
        """Listen: live, and not ready before everything else is there."""
        self._certificates.refresh()
        await self._probes.listen(self._options.bind, self._options.probe_port)
        self._server.listen(self._options.bind, self._options.port, self._certificates.context)

    def duties(self) -> tuple[Coroutine[None, None, None], ...]:
        """Return what has to go on as long as the process serves."""
        return (
            self._feed.list(),
            self._feed.watch(),
            *([self._index.keep()] if self._index else ()),
            self._certificates.watch(),
            self._test.repeat(),
            self._server.receive(),
            self._server.sweep(),
            self._freeze(),
        )

    async def drain(self) -> None:
        """Stop to serve, without losing a review."""
        await self._server.drain(self._options.drain_delay)

    async def close(self) -> None:
        """End what is left."""
        self._pulse.stop()
        await self._probes.close()

    async def _freeze(self) -> None:
        """Take what the process starts with out of the garbage collector's rounds, once the policies are there."""
        await self._feed.synced.wait()
        gc.collect()
        gc.freeze()
