"""The leaf certificates of a node: those in its files, and those that its listeners show."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from stridegate.model.nodes.addresses import Reach, reach
from stridegate.model.nodes.answers import Absent, Certificate, SocketState, Unreadable
from stridegate.model.nodes.docker import daemon_if_any
from stridegate.model.nodes.nodes import Node, NotReadable, NotThere
from stridegate.model.nodes.paths import (
    ADMIN_KUBECONFIGS,
    CONTROLLER_MANAGER_KUBECONFIG,
    KUBE_PROXY_KUBECONFIG,
    KUBELET_KUBECONFIG,
    PKI,
    SCHEDULER_KUBECONFIG,
)
from stridegate.model.nodes.queries import CertificatesIn, FilesUnder, HostSockets, TlsHandshake
from stridegate.model.nodes.verdicts import Source

# Where a node's own components speak TLS. What an application's pod listens on is not asked.
TLS_PORTS = {
    2376: "dockerd",
    2379: "etcd",
    2380: "etcd peers",
    6443: "kube-apiserver",
    8443: "kube-apiserver",
    10250: "kubelet",
    10257: "kube-controller-manager",
    10259: "kube-scheduler",
}
# etcd's own directory where it is no static pod, and what Docker shows to registries.
_FURTHER = (FilesUnder("/etc/etcd", "*.crt", depth=3), FilesUnder("/etc/docker/certs.d", "*.cert", depth=2))
_DOCKER_CLIENT = "/root/.docker/cert.pem"
_KUBECONFIGS = (
    ADMIN_KUBECONFIGS,
    CONTROLLER_MANAGER_KUBECONFIG,
    SCHEDULER_KUBECONFIG,
    KUBELET_KUBECONFIG,
    KUBE_PROXY_KUBECONFIG,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A leaf certificate, and where it was seen: a file's path, or `address:port (component)`."""

    certificate: Certificate
    place: str
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Sightings:
    """The leaf certificates of a node, each once, and what could not be read."""

    leaves: tuple[Seen, ...]
    hidden: tuple[Unreadable, ...]


def tls_listeners(node: Node) -> tuple[tuple[str, int], ...]:
    """Return addresses and ports of the node's own components that can be reached from outside it and may speak TLS."""
    listening = {
        (socket.local_address, socket.local_port)
        for socket in node[HostSockets()]
        if socket.state is SocketState.LISTEN
        and socket.local_port in TLS_PORTS
        and reach(socket.local_address) is not Reach.LOOPBACK
    }
    return tuple(sorted(listening, key=lambda each: (each[1], each[0])))


def leaves(node: Node) -> Sightings:
    """Return the leaf certificates of a node. Raises NotThere where it has none at all, NotReadable where none could be read.

    The kubelet's own files are left out, since they hold its key: its serving certificate comes from the wire.
    """
    paths = _paths(node)
    listeners = tls_listeners(node)
    files = node.look_at([CertificatesIn(path) for path in paths])
    shown = node.look_at([TlsHandshake(address, port) for address, port in listeners])
    found: dict[str, Seen] = {}
    hidden: list[Unreadable] = []
    for path, answer in zip(paths, files, strict=True):
        if isinstance(answer, Unreadable):
            hidden.append(answer)
        elif not isinstance(answer, Absent):
            _add(found, answer, path, Source.FILE)
    for (address, port), handshake in zip(listeners, shown, strict=True):
        if isinstance(handshake, Unreadable):
            hidden.append(handshake)
        elif not isinstance(handshake, Absent):
            place = f"{address}:{port} ({TLS_PORTS[port]})"
            _add(found, handshake.certificates[:1], place, Source.PROBE)
    if not found and hidden:
        raise NotReadable(hidden[0])
    if not found:
        raise NotThere(Absent("certificates"))
    return Sightings(leaves=tuple(found.values()), hidden=tuple(hidden))


def _add(found: dict[str, Seen], certificates: Iterable[Certificate], place: str, source: Source) -> None:
    for certificate in certificates:
        if not certificate.authority:
            found.setdefault(certificate.digest, Seen(certificate=certificate, place=place, source=source))


def _paths(node: Node) -> tuple[str, ...]:
    installation = node.circumstances.installation
    trees = [FilesUnder(root, "*.crt", depth=8) for root in PKI.on(installation)]
    listed = node.look_at([*trees, *_FURTHER])
    found: list[str] = []
    for answer in listed:
        if isinstance(answer, Unreadable):
            raise NotReadable(answer)
        found += () if isinstance(answer, Absent) else answer
    kubeconfigs = [path for each in _KUBECONFIGS for path in each.on(installation)]
    return tuple(dict.fromkeys((*found, *kubeconfigs, _DOCKER_CLIENT, *_of_docker(node))))


def _of_docker(node: Node) -> Iterable[str]:
    docker = daemon_if_any(node)
    named = docker.text("tlscert", "").value if docker else ""
    return (named,) if named else ()
