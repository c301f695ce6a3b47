"""How a node was installed, what it is for, and what it says of itself, from what stands on it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from stridegate.model.nodes.answers import Absent, Unreadable
from stridegate.model.nodes.nodes import Installation, Role
from stridegate.model.nodes.queries import ComponentVersion, Document, FileStatusOf, FilesUnder, FileText, Query, Syntax
from stridegate.model.reports import NodeEntry

Ask = Callable[[frozenset[Query[object]]], Mapping[Query[object], object]]

# The first that is there decides: distributions before kubeadm, whose files some of them have too.
_MARKS: tuple[tuple[str, Installation], ...] = (
    ("/system/secrets", Installation.TALOS),
    ("/var/lib/rancher/rke2", Installation.RKE2),
    ("/var/lib/rancher/k3s", Installation.K3S),
    ("/var/lib/k0s", Installation.K0S),
    ("/var/snap/microk8s", Installation.MICROK8S),
    ("/etc/eks", Installation.EKS),
    ("/etc/kubernetes/kubelet/kubelet-config.json", Installation.EKS),
    ("/home/kubernetes/kubelet-config.yaml", Installation.GKE),
    ("/etc/kubernetes/azure.json", Installation.AKS),
    ("/var/vcap/jobs/kubelet", Installation.TKGI),
    ("/var/lib/kubelet/kubeadm-flags.env", Installation.KUBEADM),
    ("/etc/kubernetes/admin.conf", Installation.KUBEADM),
)
_BY_SYSTEM = {
    "talos": Installation.TALOS,
    "bottlerocket": Installation.BOTTLEROCKET,
    "rhcos": Installation.OPENSHIFT,
    "scos": Installation.OPENSHIFT,
}
_KUBERNETES = ("/var/lib/kubelet", "/etc/kubernetes")
_DOCKER = ("/run/docker.sock", "/etc/docker", "/var/lib/docker", "/usr/bin/dockerd")
_CONTROL_PLANE = (
    *(f"/etc/kubernetes/manifests/kube-apiserver.{suffix}" for suffix in ("yaml", "yml", "manifest")),
    "/var/lib/rancher/k3s/server",
    "/var/lib/rancher/rke2/server",
    "/var/snap/microk8s/current/args/kube-apiserver",
)
_SYSTEMS = tuple(Document(path, Syntax.ENVIRONMENT) for path in ("/etc/os-release", "/usr/lib/os-release"))
_KERNEL = FileText("/proc/sys/kernel/osrelease")
_NETWORKS = FilesUnder("/etc/cni/net.d")
_RUNTIMES = tuple(map(ComponentVersion, ("containerd", "crio", "docker")))
_KUBELET = ComponentVersion("kubelet")


def installation_and_role(ask: Ask) -> tuple[Installation, Role]:
    """Return how a node was installed, generic where nothing tells, and what it is for: one that starts an API server is of the control plane."""
    paths = (*(path for path, _ in _MARKS), *_KUBERNETES, *_DOCKER, *_CONTROL_PLANE)
    told = ask(frozenset({*map(FileStatusOf, paths), *_SYSTEMS}))
    there = {path for path in paths if _is_there(told[FileStatusOf(path)])}
    role = Role.CONTROL_PLANE if there & set(_CONTROL_PLANE) else Role.WORKER
    by_system = _BY_SYSTEM.get(_system(told).get("ID", ""))
    marked = next((installation for path, installation in _MARKS if path in there), None)
    if by_system or marked:
        return by_system or marked or Installation.GENERIC, role
    docker = there & set(_DOCKER) and not there & set(_KUBERNETES)
    return Installation.DOCKER if docker else Installation.GENERIC, role


def _is_there(answer: object) -> bool:
    """Tell whether something is there. What may not be looked at is; what is not mounted is no mark of anything."""
    if isinstance(answer, Unreadable):
        return answer.reason.startswith("EACCES")
    return not isinstance(answer, Absent)


def self_description(ask: Ask) -> NodeEntry:
    """Return what a node says of itself, as far as it does."""
    told = ask(frozenset({*_SYSTEMS, _KERNEL, _NETWORKS, *_RUNTIMES, _KUBELET}))
    system = _system(told)
    runtimes = [f"{each.component} {version}" for each in _RUNTIMES if (version := _text(told[each]))]
    networks = told[_NETWORKS]
    return NodeEntry(
        osImage=system.get("PRETTY_NAME", ""),
        distro=installation_and_role(ask)[0].value,
        kernel=_text(told[_KERNEL]),
        kubelet=_text(told[_KUBELET]),
        runtime=runtimes[0] if runtimes else "",
        cni=sorted({_plugin(path) for path in networks if re.search(r"\.(conf|conflist)$", path)})
        if isinstance(networks, tuple)
        else [],
    )


def _plugin(path: str) -> str:
    """Return the name of a network plugin from that of its file: 10-calico.conflist."""
    return re.sub(r"^\d+-|\.(conf|conflist)$", "", path.rsplit("/", 1)[-1])


def _system(told: Mapping[Query[object], object]) -> dict[str, str]:
    """Return what os-release(5) says."""
    found = next((told[each] for each in _SYSTEMS if isinstance(told[each], dict)), None)
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}


def _text(answer: object) -> str:
    return "" if isinstance(answer, Absent | Unreadable) else str(answer).strip()
