"""The configuration of container networks, and the addresses they gave out."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

from stridegate.model.nodes import containerd, crio
from stridegate.model.nodes.answers import FileKind, FileStatus
from stridegate.model.nodes.components import on_control_plane
from stridegate.model.nodes.fields import Field
from stridegate.model.nodes.file_rules import GuardedFiles, ownership_rule, permissions_rule
from stridegate.model.nodes.files import Limit, listed
from stridegate.model.nodes.nodes import Circumstances, Node, NotThere, Role
from stridegate.model.nodes.paths import base_name
from stridegate.model.nodes.queries import FileStatusOf, FilesUnder, HostProcesses
from stridegate.model.nodes.readings import Text
from stridegate.model.nodes.rules import HostFile, NodeExample, NodeRule
from stridegate.model.nodes.verdicts import State
from stridegate.model.references import CisKubernetes
from stridegate.model.vocabulary import Severity, Stride

_DEFAULT = "/etc/cni/net.d"
_ALLOCATIONS = "/var/lib/cni/networks"
_OF_CONTAINERD = Field(at="cni.conf_dir", reading=Text(), default=_DEFAULT)
_OF_CRIO = Field(at="crio.network.network_dir", reading=Text(), default=_DEFAULT, flag="cni-config-dir")
_CONTROL_PLANE = Circumstances(role=Role.CONTROL_PLANE)


def _directories(node: Node) -> Iterable[str]:
    """Yield where runtimes read network configuration, as they are configured, and where they do otherwise."""
    # What both runtimes ask for anyway: a round of answers less.
    node.look_at([HostProcesses(), FileStatusOf(crio.CONFIGURATION), FilesUnder(crio.DROP_INS)])
    with contextlib.suppress(NotThere):
        yield containerd.containerd(node).setting(containerd.Part.RUNTIME, _OF_CONTAINERD).value
    with contextlib.suppress(NotThere):
        yield crio.crio(node).setting(_OF_CRIO).value
    yield _DEFAULT


def _files(node: Node) -> Iterable[str]:
    on_control_plane(node)
    directories = tuple(dict.fromkeys(each.rstrip("/") or "/" for each in _directories(node)))
    node.look_at([FilesUnder(each, "*", 3) for each in (*directories, _ALLOCATIONS)])
    paths = [path for each in (*directories, _ALLOCATIONS) for path in listed(node, each, "*", 3)]
    answers = node.look_at([FileStatusOf(path) for path in paths])
    # The directories themselves, and the lock beside the addresses, say nothing about networks.
    return [
        path
        for path, answer in zip(paths, answers, strict=True)
        if not (isinstance(answer, FileStatus) and answer.kind is FileKind.DIRECTORY) and base_name(path) != "lock"
    ]


_NETWORKS = GuardedFiles(
    what="a container network's configuration",
    find=_files,
    severity=Severity.MEDIUM,
    stride=Stride.TAMPERING,
    threat=(
        "Whoever can write it names the program that root starts for every pod, and decides which network a pod gets. "
        "Some plugins keep a key for the API server there."
    ),
    example=f"{_DEFAULT}/10-bridge.conflist",
    circumstances=_CONTROL_PLANE,
)
_ELSEWHERE = {
    "/etc/containerd/config.toml": HostFile(
        text='version = 2\n[plugins."io.containerd.grpc.v1.cri".cni]\nconf_dir = "/opt/cni/net.d"\n'
    ),
    "/opt/cni/net.d/10-own.conf": HostFile(mode=0o644, uid=1000),
}
_IMPORTED = {
    "/etc/containerd/config.toml": HostFile(text='version = 3\nimports = ["/etc/containerd/conf.d/*.toml"]\n'),
    "/etc/containerd/conf.d/net.toml": HostFile(
        text='version = 3\n[plugins."io.containerd.cri.v1.runtime".cni]\nconf_dir = "/opt/cni/net.d"\n'
    ),
    "/opt/cni/net.d/10-own.conf": HostFile(mode=0o644, uid=1000),
}
_CRIO_ELSEWHERE = {
    "/etc/crio/crio.conf.d/10-net.conf": HostFile(text='[crio.network]\nnetwork_dir = "/opt/cni/crio/"\n'),
    "/opt/cni/crio/10-own.conf": HostFile(mode=0o644, uid=1000),
}
_MORE = (
    NodeExample(
        title="in containerd's own directory", state=State.FAIL, files=_ELSEWHERE, circumstances=_CONTROL_PLANE
    ),
    NodeExample(
        title="in a directory that an imported file names",
        state=State.FAIL,
        files=_IMPORTED,
        circumstances=_CONTROL_PLANE,
    ),
    NodeExample(
        title="in CRI-O's own directory", state=State.FAIL, files=_CRIO_ELSEWHERE, circumstances=_CONTROL_PLANE
    ),
    NodeExample(
        title="an address given out",
        state=State.FAIL,
        files={f"{_ALLOCATIONS}/cbr0/10.0.0.2": HostFile(mode=0o644, gid=7)},
        circumstances=_CONTROL_PLANE,
    ),
    NodeExample(
        title="a lock alone",
        state=State.NOT_APPLICABLE,
        files={f"{_ALLOCATIONS}/cbr0/lock": HostFile(mode=0o644, gid=7)},
        circumstances=_CONTROL_PLANE,
    ),
)

RULES: tuple[NodeRule, ...] = (
    permissions_rule(
        "cni-config-file-permissions", _NETWORKS, Limit(files=0o600), (CisKubernetes("1.1.9"),), more=_MORE
    ),
    ownership_rule("cni-config-file-ownership", _NETWORKS, (CisKubernetes("1.1.10"),), more=_MORE),
)
