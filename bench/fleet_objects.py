"""A fleet that is objects alone: nodes as kubelets register them, scanners' pods, and reports as scanners write them."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from stridegate.engine.node_catalogue import CONTAINER_RULES, NODE_RULES
from stridegate.engine.reports import Scan, report
from stridegate.engine.survey import NodeFinding, ScannedRule
from stridegate.model.nodes.verdicts import Evidence, Offender, Source, State, Verdict
from stridegate.model.times import write_time

Object = dict[str, Any]

NODES = "/api/v1/nodes"
REPORTS = "/apis/stridegate.dev/v1alpha1/hardeningreports"
SCANNERS = "/api/v1/namespaces/stridegate-scanner/pods"
_SCANNER = "system:serviceaccount:stridegate-scanner:stridegate-scanner"
_JSON, _MERGE, _APPLY = "application/json", "application/merge-patch+json", "application/apply-patch+yaml"
# As many names of images as a kubelet tells, and how many looks nodes can have.
_IMAGES, _LOOKS = 50, 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One write."""

    method: str
    path: str
    body: Object = field(default_factory=dict)
    content: str = _JSON
    headers: Mapping[str, str] = field(default_factory=dict)


def name_of(number: int) -> str:
    """Return the name of a node."""
    return f"node-{number:05}"


def registrations(numbers: range) -> Iterator[Request]:
    """Yield what kubelets send as their nodes join."""
    return (Request(method="POST", path=NODES, body=_node(number)) for number in numbers)


def departures(numbers: range) -> Iterator[Request]:
    """Yield what takes nodes away."""
    return (Request(method="DELETE", path=f"{NODES}/{name_of(number)}") for number in numbers)


def heartbeats(numbers: range, now: float) -> Iterator[Request]:
    """Yield what each kubelet sends every five minutes while nothing happens."""
    for number in numbers:
        conditions = [_condition("Ready", lastHeartbeatTime=write_time(now))]
        path = f"{NODES}/{name_of(number)}/status"
        yield Request(method="PATCH", path=path, body={"status": {"conditions": conditions}}, content=_MERGE)


def scanners(numbers: range, template: Object) -> Iterator[Request]:
    """Yield what brings about the scanners' pods, from the template of their DaemonSet."""
    for number in numbers:
        pod: Object = {"apiVersion": "v1", "kind": "Pod", **copy.deepcopy(template)}
        pod["metadata"]["name"] = f"stridegate-scanner-{number:05}"
        pod["spec"]["nodeName"] = name_of(number)
        yield Request(method="POST", path=SCANNERS, body=pod)


def readiness(numbers: range) -> Iterator[Request]:
    """Yield what kubelets tell of the scanners' pods once these have scanned."""
    status = {"phase": "Running", "conditions": [_condition("Ready")]}
    for number in numbers:
        path = f"{SCANNERS}/stridegate-scanner-{number:05}/status"
        yield Request(method="PATCH", path=path, body={"status": status}, content=_MERGE)


def scans(numbers: range, now: float) -> Iterator[Request]:
    """Yield what the scanners write; the API server is told in which node's pod each of them runs, as by its token."""
    looks = [_status(look, now) for look in range(_LOOKS)]
    for number in numbers:
        name = name_of(number)
        yield Request(
            method="PATCH",
            path=f"{REPORTS}/{name}/status?fieldManager=stridegate-scanner&force=true",
            body={
                "apiVersion": "stridegate.dev/v1alpha1", "kind": "HardeningReport", "metadata": {"name": name},
                "status": looks[number % _LOOKS],
            },
            content=_APPLY,
            headers={
                "Impersonate-User": _SCANNER,
                "Impersonate-Extra-Authentication.kubernetes.io%2Fnode-Name": name,
            },
        )  # fmt: skip


def _condition(kind: str, **more: str) -> Object:
    return {
        "type": kind,
        "status": "True",
        "reason": "KubeletReady",
        "message": "kubelet is posting ready status",
        **more,
    }


def _node(number: int) -> Object:
    """Return a node with as many images and labels as real ones have: some ten kilobytes."""
    names = [f"registry.example/team-{each}/some-service@sha256:{each:064}" for each in range(_IMAGES)]
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name_of(number),
            "labels": {f"feature.example/label-{each}": f"value-{number % 50}" for each in range(20)},
            "annotations": {"kubeadm.alpha.kubernetes.io/cri-socket": "unix:///run/containerd/containerd.sock"},
        },
        "status": {
            "conditions": [_condition("Ready")],
            "addresses": [{"type": "InternalIP", "address": f"10.0.{number // 250}.{number % 250}"}],
            "nodeInfo": {
                "kubeletVersion": "v1.36.3", "osImage": "Debian GNU/Linux 13", "operatingSystem": "linux",
                "architecture": "amd64", "kernelVersion": "6.12.1", "containerRuntimeVersion": "containerd://2.2.0",
                "machineID": f"{number:032}", "systemUUID": "", "bootID": "", "kubeProxyVersion": "",
            },
            "images": [{"names": [each, each.partition("@")[0] + ":v1"], "sizeBytes": 1} for each in names],
        },
    }  # fmt: skip


def _status(look: int, now: float) -> Object:
    """Return a status in which an eighth of the rules fail, as on a node of kubeadm; every tenth look has one more."""
    rules: tuple[ScannedRule, ...] = (*NODE_RULES.values(), *CONTAINER_RULES.values())
    evidence = Evidence(source=Source.FILE, path="/etc/kubernetes/some/path")
    offenders = tuple(Offender(name=f"/etc/kubernetes/file-{each}", observed="644") for each in range(4))
    findings = [
        NodeFinding(
            rule=rule,
            verdict=Verdict(
                state=State.FAIL if place % 8 == 0 or (look % 10 == 0 and place == look) else State.PASS,
                observed="an observation of ordinary length",
                wanted="what is wanted instead",
                evidence=evidence,
                offenders=offenders,
            ),
        )
        for place, rule in enumerate(rules)
    ]
    scan = Scan(findings=findings, now=now, duration=0.3, version="0.1.0", catalogue="0", generation=1)
    return dict(report(scan, None))
