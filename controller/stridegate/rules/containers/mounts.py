"""What a running container has mounted, as the kernel has it."""

from __future__ import annotations

from dataclasses import replace

from stridegate.model.host_paths import socket_at
from stridegate.model.nodes.answers import Mount, RunningContainer
from stridegate.model.nodes.container_specimens import HOST_ROOT, HOST_RUN, ROOT, bound, shown
from stridegate.model.nodes.containers import concluded, host_paths, needed
from stridegate.model.nodes.nodes import Node
from stridegate.model.nodes.queries import HostMounts
from stridegate.model.nodes.remedies import Remedy
from stridegate.model.nodes.rules import ContainerRule
from stridegate.model.nodes.verdicts import State, Verdict
from stridegate.model.paths import resolve
from stridegate.model.references import CisDocker, CisKubernetes
from stridegate.model.vocabulary import Severity, Stride

_PATH = "mountinfo"
_ANSWERS = {HostMounts(): (HOST_ROOT, HOST_RUN)}
_SHARED = ("shared:1",)


def _writable_root(container: RunningContainer, _: Node) -> Verdict:
    needed(container, "mounts")
    return concluded(container, "" if container.root_read_only else "/ is mounted rw", "/ is mounted ro", _PATH)


def _host_path(container: RunningContainer, node: Node) -> Verdict:
    needed(container, "mounts")
    found = host_paths(container, node[HostMounts()])
    wrong = ", ".join(f"{each.path} at {each.point}{' (rw)' if each.writable else ''}" for each in found)
    return concluded(container, wrong, "no path of the host", _PATH)


def _runtime_socket(container: RunningContainer, node: Node) -> Verdict:
    needed(container, "mounts")
    found = [(each, socket_at(resolve(each.path) or ())) for each in host_paths(container, node[HostMounts()])]
    wrong = ", ".join(f"{each.path} at {each.point} ({socket})" for each, socket in found if socket)
    return concluded(container, wrong, "no socket of a runtime", _PATH)


def _shared_propagation(container: RunningContainer, _: Node) -> Verdict:
    needed(container, "mounts")
    shared = [each.point for each in container.mounts if any(tag.startswith("shared:") for tag in each.propagation)]
    return concluded(container, ", ".join(shared), "no mount is shared", _PATH)


def _with(*mounts: Mount) -> tuple[Mount, ...]:
    return (ROOT, *mounts)


RULES = (
    ContainerRule(
        slug="running-writable-root",
        severity=Severity.MEDIUM,
        stride=frozenset({Stride.TAMPERING}),
        references=(CisDocker("5.13", before_1_6="5.12"),),
        threats=frozenset({"writable-golden-image", "missing-read-only-flag"}),
        wrong="A container can write its root file system.",
        threat="An intruder drops tools, changes the application and stays until the next restart.",
        wants="have its root file system mounted read-only",
        fix="Set readOnlyRootFilesystem: true, with an emptyDir where it must write.",
        remedy=Remedy.POD,
        judge=_writable_root,
        examples=(
            shown("writable", State.FAIL, root_read_only=False),
            shown("read-only", State.PASS),
            shown("unreadable", State.UNKNOWN, gaps=("mounts: EACCES",), root_read_only=False),
        ),
    ),
    ContainerRule(
        slug="running-host-path-mount",
        severity=Severity.HIGH,
        stride=frozenset({Stride.INFORMATION_DISCLOSURE}),
        references=(CisDocker("5.6", before_1_6="5.5"), CisKubernetes("5.2.11")),
        threats=frozenset({"host-filesystem-exposure"}),
        wrong="A container has a path of the host mounted.",
        threat="It reads what the node keeps there: keys, logs, other pods' volumes; written, it changes the node.",
        wants="have no path of the host but what kubelet and runtime prepare for it",
        fix="Use a PersistentVolumeClaim, a ConfigMap or an emptyDir in place of hostPath.",
        remedy=Remedy.POD,
        judge=_host_path,
        examples=(
            shown("a directory", State.FAIL, mounts=_with(bound("/logs", "/var/log")), answers=_ANSWERS),
            shown("the whole host", State.FAIL, mounts=_with(bound("/host", "/")), answers=_ANSWERS),
            shown(
                "the host's root as its own",
                State.FAIL,
                mounts=(replace(ROOT, device=HOST_ROOT.device, root="/"),),
                answers=_ANSWERS,
            ),
            shown(
                "its own volumes",
                State.PASS,
                mounts=_with(
                    bound("/data", "/var/lib/kubelet/pods/1f0c6cf1-2d0b-4a4e-9c3f-0a1b2c3d4e5f/volumes/x"),
                    bound("/etc/hosts", f"/var/lib/docker/containers/{'d' * 64}/hosts"),
                ),
                answers=_ANSWERS,
            ),
            shown(
                "another container's files",
                State.FAIL,
                mounts=_with(bound("/x", f"/var/lib/docker/overlay2/{'d' * 64}/merged")),
                answers=_ANSWERS,
            ),
            shown(
                "another pod's volumes",
                State.FAIL,
                mounts=_with(bound("/data", "/var/lib/kubelet/pods/9f0c6cf1-2d0b-4a4e-9c3f-0a1b2c3d4e5f/volumes/x")),
                answers=_ANSWERS,
            ),
            shown("none", State.PASS, answers=_ANSWERS),
        ),
    ),
    ContainerRule(
        slug="running-runtime-socket-mount",
        severity=Severity.CRITICAL,
        stride=frozenset({Stride.ELEVATION}),
        references=(CisDocker("5.32", before_1_6="5.31"),),
        threats=frozenset({"docker-socket-too-open"}),
        wrong="A container has the socket of a container runtime.",
        threat="Whoever talks to the socket starts a privileged container, and so owns the node.",
        wants="have no mount of a runtime's socket, nor of a directory that holds one",
        fix="Take the mount out; build images with a rootless builder, read metrics from the kubelet.",
        remedy=Remedy.POD,
        judge=_runtime_socket,
        examples=(
            shown(
                "Docker's",
                State.FAIL,
                mounts=_with(bound("/var/run/docker.sock", "/docker.sock", device=HOST_RUN.device)),
                answers=_ANSWERS,
            ),
            shown(
                "a directory that holds containerd's, read-only",
                State.FAIL,
                mounts=_with(bound("/x", "/containerd", device=HOST_RUN.device, options=("ro",))),
                answers=_ANSWERS,
            ),
            shown(
                "another socket",
                State.PASS,
                mounts=_with(bound("/x", "/dbus/system_bus_socket", device=HOST_RUN.device)),
                answers=_ANSWERS,
            ),
        ),
    ),
    ContainerRule(
        slug="running-shared-mount-propagation",
        severity=Severity.MEDIUM,
        stride=frozenset({Stride.ELEVATION}),
        references=(CisDocker("5.20", before_1_6="5.19"),),
        threats=frozenset({"container-escape"}),
        wrong="What a container mounts appears on the host.",
        threat="With shared propagation it puts mounts over the node's own directories.",
        wants="have no mount with shared propagation",
        fix="Set mountPropagation: None or HostToContainer.",
        remedy=Remedy.POD,
        judge=_shared_propagation,
        examples=(
            shown("shared", State.FAIL, mounts=_with(replace(bound("/x", "/x"), propagation=_SHARED))),
            shown(
                "from the host alone", State.PASS, mounts=_with(replace(bound("/x", "/x"), propagation=("master:1",)))
            ),
        ),
    ),
)
