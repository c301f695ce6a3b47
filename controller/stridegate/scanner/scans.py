"""One scan of the node that this pod runs on: questions to the host, the kubelet and the ports, and what a report is made of."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from stridegate import __version__
from stridegate.engine.node_catalogue import CONTAINER_RULES, NODE_RULES
from stridegate.engine.reports import Scan, accepted, catalogue_digest
from stridegate.engine.survey import ScannedRule, Survey, survey
from stridegate.kube.reports import Task
from stridegate.model.nodes import queries
from stridegate.model.nodes.answers import Unreadable
from stridegate.model.nodes.inspected import present_states
from stridegate.model.nodes.nodes import Installation
from stridegate.model.nodes.queries import Query
from stridegate.model.reports import NodeEntry
from stridegate.scanner.answering import HostAnswers
from stridegate.scanner.asking import AskedReader
from stridegate.scanner.clusters import Api
from stridegate.scanner.errors import Barred, Missing
from stridegate.scanner.host_root import HostRoot
from stridegate.scanner.installations import self_description
from stridegate.scanner.kernel_tables import addresses_in, sockets_in
from stridegate.scanner.kubelets import Kubelet
from stridegate.scanner.metadata_services import Endpoint, nowhere, reach
from stridegate.scanner.probes import Probes
from stridegate.scanner.workers import Looks

RULES: tuple[ScannedRule, ...] = (*NODE_RULES.values(), *CONTAINER_RULES.values())
CATALOGUE = catalogue_digest(RULES)
Further = Mapping[type[Query[Any]], Callable[[Any], object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeScanner:
    """What a scan needs: the kernel's files of the host, the reader's socket, and the way to kubelet and API server.

    `address` is the node's, as its pods reach it, and `own_pod` the uid of this process' pod. `metadata` tells where
    the node's cloud may answer.
    """

    kernel: Looks
    reader: Path
    api: Api
    address: str
    own_pod: str
    kubelet_port: int = 10250
    metadata: Callable[[HostRoot], tuple[Endpoint, ...]] = nowhere

    def scan(self, task: Task) -> Scan:
        """Scan, and return what a report is made of. It takes a second or so, and more where something does not answer."""
        started = time.monotonic()
        addresses = self.kernel.run(own_addresses) | {self.address}
        files = AskedReader(self.reader)
        versions = task.circumstances.versions
        told: Mapping[Query[Any], object] = {queries.ComponentVersion(each): versions[each] for each in versions}
        answers = HostAnswers(self.kernel, files, self._further(addresses), self.own_pod, told)
        node = self_description(answers)
        circumstances = replace(
            task.circumstances,
            installation=_installation(task.circumstances.installation, node),
            addresses=tuple(sorted(addresses)),
            now=time.time(),
            accepted_files=accepted(task.live, {}),
            accepting=task.accept,
        )
        found = survey(RULES, answers, circumstances)
        return Scan(
            findings=found.findings,
            now=circumstances.now,
            duration=time.monotonic() - started,
            version=__version__,
            catalogue=CATALOGUE,
            generation=task.generation,
            node=self._described(node),
            exemptions=task.exemptions,
            files=accepted(task.live, present_states(found.answers), task.accept),
            gaps=tuple(gaps(found, files.problem)),
        )

    def _described(self, node: NodeEntry) -> NodeEntry:
        """Return what a node says of itself, and whether its cloud's metadata service answers pods, where that can be told."""
        told = reach(self.kernel.run(self.metadata))
        return node if told is None else NodeEntry(**node, instanceMetadata=told.value)

    def _further(self, addresses: frozenset[str]) -> Further:
        probes = Probes(addresses=addresses, loopback=False)
        kubelet = Kubelet(
            address=self.address,
            port=self.kubelet_port,
            credentials=self.api.credentials,
            is_the_hosts=lambda port: self.kernel.run(is_roots, port),
        )
        return {
            queries.TlsHandshake: probes.handshake,
            queries.HttpGet: probes.get,
            queries.KubeletPods: lambda _: kubelet.pods(),
            queries.KubeletConfigz: lambda _: kubelet.configz(),
            queries.ConfigMapEntry: self.api.config_map_entry,
        }


def _installation(told: Installation, node: NodeEntry) -> Installation:
    """Return how a node was installed: as its report says, and where that says nothing, as it was found to be."""
    return told if told is not Installation.GENERIC else Installation(node["distro"])


def gaps(found: Survey, problem: str) -> Iterable[str]:
    """Yield what a scan as a whole could not see, in words."""
    if problem:
        yield f"the reader gave no answers: {problem}"
    for query in (queries.KubeletPods(), queries.HostProcesses(), queries.Containers()):
        answer = found.answers.get(query)
        if isinstance(answer, Unreadable):
            yield f"{answer.what}: {answer.reason}"


def own_addresses(host: HostRoot) -> frozenset[str]:
    """Return the addresses of a host's own network namespace, but those of loopback."""
    return addresses_in(*(_table(host, name) for name in ("fib_trie", "if_inet6")))


def is_roots(host: HostRoot, port: int) -> bool:
    """Tell whether root listens on a port of the host."""
    listening = [each for name in ("tcp", "tcp6") for each in sockets_in(_table(host, name)) if not each.remote_port]
    return any(each.local_port == port and each.uid == 0 for each in listening)


def _table(host: HostRoot, name: str) -> bytes:
    try:
        return host.read(f"/proc/1/net/{name}", 8 * 1024 * 1024)
    except (Missing, Barred):
        return b""
