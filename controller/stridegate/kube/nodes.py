"""Nodes as the API server lists them, reduced to what reports and cluster rules need of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from msgspec import Struct

from stridegate.kube.rosters import Version
from stridegate.kube.words import shared
from stridegate.model.nodes.nodes import Installation, Role

NODES = "/api/v1/nodes"

_CONTROL_PLANE = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")
# What installers and clouds call the pool that a node belongs to: nodes of one pool are made alike.
_POOLS = (
    "stridegate.dev/pool",
    "eks.amazonaws.com/nodegroup",
    "cloud.google.com/gke-nodepool",
    "kubernetes.azure.com/agentpool",
    "karpenter.sh/nodepool",
    "kops.k8s.io/instancegroup",
    "machine.openshift.io/machine-set",
    "node.kubernetes.io/instancegroup",
)


class NodeMetadata(Struct, frozen=True, kw_only=True, rename="camel"):
    """metav1.ObjectMeta."""

    name: str = ""
    uid: str = ""
    resource_version: str = ""
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None

    @property
    def version(self) -> Version:
        """Which object this is, and in which state."""
        revision = self.resource_version
        return Version(name=self.name, uid=self.uid, revision=int(revision) if revision.isdecimal() else 0)


class NodeSpec(Struct, frozen=True, kw_only=True):
    """v1.NodeSpec."""

    providerID: str | None = None  # noqa: N815 - as the API writes it


class NodeCondition(Struct, frozen=True, kw_only=True):
    """v1.NodeCondition."""

    type: str = ""
    status: str = ""


class NodeAddress(Struct, frozen=True, kw_only=True):
    """v1.NodeAddress."""

    type: str = ""
    address: str = ""


class NodeSystemInfo(Struct, frozen=True, kw_only=True, rename="camel"):
    """v1.NodeSystemInfo."""

    os_image: str = ""
    kubelet_version: str = ""
    operating_system: str = ""
    container_runtime_version: str = ""


class NodeStatus(Struct, frozen=True, kw_only=True, rename="camel"):
    """v1.NodeStatus."""

    conditions: list[NodeCondition] | None = None
    addresses: list[NodeAddress] | None = None
    node_info: NodeSystemInfo | None = None


class ListedNode(Struct, frozen=True, kw_only=True):
    """v1.Node."""

    metadata: NodeMetadata
    spec: NodeSpec | None = None
    status: NodeStatus | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What is known of a node. `pool` is empty for one that belongs to none."""

    name: str
    uid: str
    labels: Mapping[str, str]
    ready: bool
    windows: bool
    docker: bool
    installation: Installation
    role: Role
    pool: str
    internal: tuple[str, ...]
    external: tuple[str, ...]
    # Of the kubelet and the container runtime, by the names of the programs.
    versions: Mapping[str, str]


def machine_of(node: ListedNode) -> Machine:
    """Return what is known of a node."""
    labels = shared(node.metadata.labels)
    status = node.status or NodeStatus()
    info = status.node_info or NodeSystemInfo()
    addresses = status.addresses or ()
    return Machine(
        name=node.metadata.name,
        uid=node.metadata.uid,
        labels=labels,
        ready=any((each.type, each.status) == ("Ready", "True") for each in status.conditions or ()),
        windows="windows" in {info.operating_system, labels.get("kubernetes.io/os")},
        docker=info.container_runtime_version.startswith("docker://"),
        installation=installation_of(node),
        role=Role.CONTROL_PLANE if any(each in labels for each in _CONTROL_PLANE) else Role.WORKER,
        pool=next((labels[each] for each in _POOLS if labels.get(each)), ""),
        internal=tuple(sorted(each.address for each in addresses if each.type == "InternalIP")),
        external=tuple(sorted(each.address for each in addresses if each.type == "ExternalIP")),
        versions=_versions(info),
    )


_RUNTIMES = {"containerd": "containerd", "cri-o": "crio", "docker": "docker"}
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+~-]{0,63}", re.ASCII)


def _versions(info: NodeSystemInfo) -> dict[str, str]:
    runtime, _, version = info.container_runtime_version.partition("://")
    told = {"kubelet": info.kubelet_version.removeprefix("v"), _RUNTIMES.get(runtime, ""): version.removeprefix("v")}
    return {program: version for program, version in told.items() if program and _VERSION.fullmatch(version)}


@dataclass(frozen=True, slots=True)
class _Traces:
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    version: str
    image: str
    provider: str

    def labelled(self, *prefixes: str) -> bool:
        return any(label.startswith(prefixes) for label in self.labels)


# What an installer leaves on a Node object, the most telling first: an immutable image says more than the cloud it runs in,
# and that more than the tool that made the cluster.
_TELLTALES: tuple[tuple[Installation, Callable[[_Traces], bool]], ...] = (
    (Installation.TALOS, lambda traces: traces.image.startswith("Talos")),
    (Installation.BOTTLEROCKET, lambda traces: traces.image.startswith("Bottlerocket")),
    (
        Installation.OPENSHIFT,
        lambda traces: (
            traces.labelled("node.openshift.io/")
            or (
                "CoreOS" in traces.image
                and any(each.startswith("machineconfiguration.openshift.io/") for each in traces.annotations)
            )
        ),
    ),
    (Installation.K3S, lambda traces: "+k3s" in traces.version),
    (Installation.RKE2, lambda traces: "+rke2" in traces.version),
    (Installation.K0S, lambda traces: "+k0s" in traces.version),
    (Installation.MICROK8S, lambda traces: traces.labelled("microk8s.io/", "node.kubernetes.io/microk8s-")),
    (Installation.TKGI, lambda traces: traces.labelled("bosh.", "pks-system/")),
    (Installation.EKS, lambda traces: "-eks-" in traces.version or traces.labelled("eks.amazonaws.com/")),
    (Installation.GKE, lambda traces: "-gke." in traces.version or traces.labelled("cloud.google.com/gke-")),
    (
        Installation.AKS,
        lambda traces: traces.labelled("kubernetes.azure.com/") and traces.provider.startswith("azure://"),
    ),
    (Installation.KUBEADM, lambda traces: "kubeadm.alpha.kubernetes.io/cri-socket" in traces.annotations),
)


def installation_of(node: ListedNode) -> Installation:
    """Return how a node was installed, as far as its object tells; GENERIC where it does not."""
    info = (node.status or NodeStatus()).node_info or NodeSystemInfo()
    traces = _Traces(
        labels=node.metadata.labels or {},
        annotations=node.metadata.annotations or {},
        version=info.kubelet_version,
        image=info.os_image,
        provider=(node.spec or NodeSpec()).providerID or "",
    )
    return next((found for found, tells in _TELLTALES if tells(traces)), Installation.GENERIC)
