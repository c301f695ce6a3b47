"""The operator's process: how it starts, what runs in it, and how it ends."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from prometheus_client import disable_created_metrics

from stridegate.kube.cluster import Cluster
from stridegate.kube.errors import KubeError
from stridegate.kube.reader import WayIn, find_way_in, reading
from stridegate.operator.following import keep_following
from stridegate.operator.leases import keep_renewing
from stridegate.operator.options import Options, Wanted
from stridegate.operator.replicas import Replica, kinds, wire
from stridegate.operator.watching import keep_watching
from stridegate.vitals.probes import Probes
from stridegate.vitals.pulses import Pulse


def run(options: Options) -> None:
    """Run the operator until SIGTERM or SIGINT. Raises BadWebhooksFile, BadGuardFile and NoAccess where it cannot start."""
    wanted = Wanted.read(options)
    cluster, way_in = Cluster.connect(options.kubeconfig), find_way_in(options.kubeconfig)
    # The library would add a series to each counter that says when it began.
    disable_created_metrics()  # type: ignore[no-untyped-call] # the library types only a part of itself
    asyncio.run(_serve(options, wanted, cluster, way_in))


async def _serve(options: Options, wanted: Wanted, cluster: Cluster, way_in: WayIn) -> None:
    stopping = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, stopping.set)
    replica = wire(options, wanted, cluster)
    async with (
        reading(way_in) as reader,
        _answering_probes(options, replica),
        asyncio.TaskGroup() as tasks,
    ):
        loops = (
            keep_renewing(replica.leadership, replica.wake),
            replica.duties.keep_installation(),
            replica.duties.keep_canary(),
            replica.duties.keep_guard(),
            replica.duties.keep_statuses(),
            replica.endings.keep(),
            replica.rounds.keep(reader, replica.audited),
            replica.node_reports.keep(reader),
            replica.report_guard.keep(),
            replica.cluster_reports.keep(reader),
            keep_following(way_in, reader, replica.ledgers.kinds, replica.reports_changed),
            keep_watching(way_in, kinds(cluster, replica.mirrors), replica.changed),
            *((replica.open_reports.keep(reader),) if replica.open_reports is not None else ()),
        )
        running = [tasks.create_task(each) for each in loops]
        await stopping.wait()
        for task in running:
            task.cancel()
    with suppress(KubeError):
        await asyncio.to_thread(replica.leadership.release)


@asynccontextmanager
async def _answering_probes(options: Options, replica: Replica) -> AsyncIterator[None]:
    pulse = Pulse(asyncio.get_running_loop())
    replica.metrics.tell_lag(lambda: pulse.lag)
    probes = Probes(replica.missing, pulse, replica.metrics.registry)
    await probes.listen(options.bind, options.probe_port)
    try:
        yield
    finally:
        await probes.close()
        pulse.stop()
