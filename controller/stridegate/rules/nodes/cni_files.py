"""The configuration of container networks, and the addresses they gave out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from stridegate.model.nodes.answers import FileKind, FileStatus
from stridegate.model.nodes.components import on_control_plane
from stridegate.model.nodes.file_rules import GuardedFiles, ownership_rule, permissions_rule
from stridegate.model.nodes.files import Limit, listed
from stridegate.model.nodes.nodes import Circumstances, Node, Role
from stridegate.model.nodes.paths import CONTAINERD_CONFIGURATION, CRIO_CONFIGURATION, CRIO_DROP_INS, base_name
from stridegate.model.nodes.queries import Document, FileStatusOf, FilesUnder, Syntax
from stridegate.model.nodes.rules import HostFile, NodeExample, NodeRule
from stridegate.model.nodes.verdicts import State
from stridegate.model.references import CisKubernetes
from stridegate.model.vocabulary import Severity, Stride

_DEFAULT = "/etc/cni/net.d"
_ALLOCATIONS = "/var/lib/cni/networks"
_CONTROL_PLANE = Circumstances(role=Role.CONTROL_PLANE)


def _directories(node: Node) -> Iterable[str]:
    """Return where runtimes read network configuration, as they are configured, and where they do otherwise."""
    installation = node.circumstances.installation
    drop_ins = [path for where in CRIO_DROP_INS.on(installation) for path in listed(node, where, "*.conf")]
    paths = (*CONTAINERD_CONFIGURATION.on(installation), *CRIO_CONFIGURATION.on(installation), *drop_ins)
    node.look_at([Document(path, Syntax.TOML) for path in paths])
    for path in paths:
        document = node.get(Document(path, Syntax.TOML))
        plugins = _table(document, "plugins")
        for named in (
            # Version 2 and version 3 of containerd's configuration, and CRI-O's.
            _table(plugins, "io.containerd.grpc.v1.cri", "cni").get("conf_dir"),
            _table(plugins, "io.containerd.cri.v1.runtime", "cni").get("conf_dir"),
            _table(document, "crio", "network").get("network_dir"),
        ):
            if isinstance(named, str) and named:
                yield named.rstrip("/") or "/"
    yield _DEFAULT


def _table(value: object, *keys: str) -> Mapping[str, object]:
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def _files(node: Node) -> Iterable[str]:
    on_control_plane(node)
    directories = tuple(dict.fromkeys(_directories(node)))
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
_CRIO_ELSEWHERE = {
    "/etc/crio/crio.conf.d/10-net.conf": HostFile(text='[crio.network]\nnetwork_dir = "/opt/cni/crio/"\n'),
    "/opt/cni/crio/10-own.conf": HostFile(mode=0o644, uid=1000),
}
_MORE = (
    NodeExample(
        title="in containerd's own directory", state=State.FAIL, files=_ELSEWHERE, circumstances=_CONTROL_PLANE
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
