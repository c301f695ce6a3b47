"""What thousands of nodes with their reports cost the operator: memory for what it keeps, and time for a round that finds nothing to do.

`PYTHONPATH=.:controller python -m bench.fleets 5000` prints it, without an API server: pages are made as they are asked for.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from collections.abc import AsyncIterator
from typing import Any, cast

import msgspec

from stridegate.engine.clusters import judge_cluster
from stridegate.engine.node_catalogue import CLUSTER_RULES, CONTAINER_RULES, NODE_RULES
from stridegate.engine.reports import Scan, report
from stridegate.engine.survey import NodeFinding, ScannedRule
from stridegate.kube.reader import Listing, Reader
from stridegate.model.clusters.views import Cluster, Kind
from stridegate.model.nodes.verdicts import Evidence, Offender, Source, State, Verdict
from stridegate.operator.assignments import Settings, node_report, stands
from stridegate.operator.cluster_reports import standings
from stridegate.operator.node_reports import Ledgers
from stridegate.operator.occurrences import Occurrences

_IMAGES = 50
_NOW = 1_800_000_000.0


def _node(number: int) -> dict[str, Any]:
    """Return a node with as many images and labels as real ones have: some ten kilobytes."""
    names = [f"registry.example/team-{each}/some-service@sha256:{each:064}" for each in range(_IMAGES)]
    return {
        "metadata": {
            "name": f"node-{number:05}",
            "uid": f"00000000-0000-0000-0000-{number:012}",
            "resourceVersion": str(number + 1),
            "labels": {f"feature.example/label-{each}": f"value-{number % 50}" for each in range(20)},
            "annotations": {"kubeadm.alpha.kubernetes.io/cri-socket": "unix:///run/containerd/containerd.sock"},
        },
        "status": {
            "conditions": [{"type": "Ready", "status": "True", "message": "kubelet is posting ready status"}],
            "addresses": [{"type": "InternalIP", "address": f"10.0.{number // 250}.{number % 250}"}],
            "nodeInfo": {"kubeletVersion": "v1.36.3", "osImage": "Debian GNU/Linux 13", "operatingSystem": "linux"},
            "images": [{"names": [each, each.partition("@")[0] + ":v1"], "sizeBytes": 1} for each in names],
        },
    }


def _status(number: int) -> dict[str, Any]:
    """Return a status in which a third of the rules fail; every tenth node differs from the others in one of them."""
    rules: tuple[ScannedRule, ...] = (*NODE_RULES.values(), *CONTAINER_RULES.values())
    evidence = Evidence(source=Source.FILE, path="/etc/kubernetes/some/path")
    offenders = tuple(Offender(name=f"/etc/kubernetes/file-{each}", observed="644") for each in range(4))
    findings = [
        NodeFinding(
            rule=rule,
            verdict=Verdict(
                state=State.FAIL if place % 3 == 0 or (number % 10 == 0 and place == number % 100) else State.PASS,
                observed="an observation of ordinary length",
                wanted="what is wanted instead",
                evidence=evidence,
                offenders=offenders,
            ),
        )
        for place, rule in enumerate(rules)
    ]
    scan = Scan(findings=findings, now=_NOW, duration=0.3, version="0.1.0", catalogue="0", generation=1)
    return dict(report(scan, None))


class _Pages:
    """Nodes and their reports, a page at a time."""

    def __init__(self, nodes: int) -> None:
        self._nodes = nodes
        # Made once for each look that a node can have.
        self._statuses = [_status(number) for number in range(100)]
        self.bytes = 0

    async def portions(self, path: str, item: type, *, size: int) -> AsyncIterator[Listing[Any]]:
        """Yield what is asked for, decoded as the reader decodes it."""
        decoder = msgspec.json.Decoder(list[item])  # type: ignore[valid-type] # made at run time
        for first in range(0, self._nodes, size):
            numbers = range(first, min(first + size, self._nodes))
            made = [self._report(each) if path.endswith("reports") else _node(each) for each in numbers]
            body = json.dumps(made).encode()
            self.bytes += len(body)
            yield Listing(items=decoder.decode(body), revision=self._nodes + 1)

    def _report(self, number: int) -> dict[str, Any]:
        node = _node(number)["metadata"]
        metadata = {
            "name": node["name"], "uid": f"r{number}", "resourceVersion": str(number + 1), "generation": 1,
            "labels": {"stridegate.dev/role": "worker", "stridegate.dev/profile": "kubeadm"},
            "ownerReferences": [{"uid": node["uid"]}],
        }  # fmt: skip
        spec = {
            "nodeName": node["name"], "profile": "kubeadm", "role": "worker", "interval": "600s",
            "benchmarks": [{"benchmark": "cis-kubernetes", "version": "1.12"}],
        }  # fmt: skip
        return {"metadata": metadata, "spec": spec, "status": self._statuses[number % 100]}


def _memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Print what so many nodes cost."""
    nodes = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    pages, ledgers = _Pages(nodes), Ledgers()
    before, began = _memory(), time.process_time()
    for ledger in (ledgers.nodes, ledgers.reports):
        asyncio.run(ledger.fill(cast("Reader", pages)))
    print(
        f"{nodes} nodes, {pages.bytes / 2**20:.0f} MiB of JSON: listed in {time.process_time() - began:.1f} s, making included"
    )
    print(f"memory {before:.0f} MiB before, at most {_memory():.0f} MiB after")

    occurrences, began = Occurrences(), time.process_time()
    machines, reports = ledgers.nodes.values(), ledgers.reports.values()
    occurrences.news(reports)
    changed = sum(
        not stands(reports[name], node_report(machine, Settings(), (), ())) for name, machine in machines.items()
    )
    told = len(occurrences.news(reports))
    print(f"a round: {(time.process_time() - began) * 1000:.0f} ms, {changed} reports to write, {told} events")

    began = time.process_time()
    cluster = Cluster(objects=dict.fromkeys(Kind, ()), nodes=standings(machines.values(), reports))
    judge_cluster(CLUSTER_RULES.values(), cluster)
    print(f"rules over all nodes: {(time.process_time() - began) * 1000:.0f} ms; memory at most {_memory():.0f} MiB")


if __name__ == "__main__":
    main()
