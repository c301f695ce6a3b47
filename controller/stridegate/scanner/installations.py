"""How a node was installed, what it is for, and what it says of itself, from what stands on it."""

from __future__ import annotations

import re

from stridegate.model.nodes.nodes import Installation, Role
from stridegate.model.nodes.queries import Syntax
from stridegate.model.reports import NodeEntry
from stridegate.scanner.documents import document
from stridegate.scanner.errors import Barred, Missing
from stridegate.scanner.host_root import HostRoot
from stridegate.scanner.versions import version_of

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
_CNI = "/etc/cni/net.d"


def installation_of(host: HostRoot) -> Installation:
    """Return how a node was installed; generic where nothing tells."""
    by_system = _BY_SYSTEM.get(_system(host).get("ID", ""))
    if by_system is not None:
        return by_system
    for path, installation in _MARKS:
        if _is_there(host, path):
            return installation
    kubernetes = any(_is_there(host, path) for path in _KUBERNETES)
    if not kubernetes and any(_is_there(host, path) for path in _DOCKER):
        return Installation.DOCKER
    return Installation.GENERIC


def role_of(host: HostRoot) -> Role:
    """Return what a node is for: one that starts an API server is of the control plane."""
    return Role.CONTROL_PLANE if any(_is_there(host, path) for path in _CONTROL_PLANE) else Role.WORKER


def self_description(host: HostRoot) -> NodeEntry:
    """Return what a node says of itself, as far as it does."""
    system = _system(host)
    entry = NodeEntry(
        osImage=system.get("PRETTY_NAME", ""),
        distro=system.get("ID", ""),
        kernel=_text(host, "/proc/sys/kernel/osrelease"),
        kubelet=_version(host, "kubelet"),
        runtime=_runtime(host),
    )
    plugins = sorted({_plugin(name) for name in _names(host, _CNI) if re.search(r"\.(conf|conflist)$", name)})
    told: NodeEntry = {**entry, "cni": plugins}
    return told


def _runtime(host: HostRoot) -> str:
    for component in ("containerd", "crio", "docker"):
        version = _version(host, component)
        if version:
            return f"{component} {version}"
    return ""


def _version(host: HostRoot, component: str) -> str:
    try:
        return version_of(host, component)
    except (Missing, Barred):
        return ""


def _plugin(name: str) -> str:
    """Return the name of a network plugin from that of its file: 10-calico.conflist."""
    return re.sub(r"^\d+-|\.(conf|conflist)$", "", name)


def _system(host: HostRoot) -> dict[str, str]:
    """Return what os-release(5) says."""
    for path in ("/etc/os-release", "/usr/lib/os-release"):
        try:
            found = document(path, host.read(path).decode(errors="replace"), Syntax.ENVIRONMENT)
        except (Missing, Barred):
            continue
        return {key: value for key, value in found.items() if isinstance(value, str)} if isinstance(found, dict) else {}
    return {}


def _text(host: HostRoot, path: str) -> str:
    try:
        return host.read(path).decode(errors="replace").strip()
    except (Missing, Barred):
        return ""


def _names(host: HostRoot, path: str) -> list[str]:
    try:
        return host.names(path)
    except (Missing, Barred):
        return []


def _is_there(host: HostRoot, path: str) -> bool:
    try:
        host.status(path)
    except Missing:
        return False
    except Barred as barred:
        # What cannot be looked into because of its mode is there.
        return barred.reason.startswith("E")
    return True
