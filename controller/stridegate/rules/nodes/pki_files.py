"""The control plane's keys and certificates on the disk."""

from __future__ import annotations

from collections.abc import Iterable

from stridegate.model.nodes.answers import FileKind, FileStatus, Unreadable
from stridegate.model.nodes.components import on_control_plane
from stridegate.model.nodes.file_rules import GuardedFiles, ownership_rule, permissions_rule
from stridegate.model.nodes.files import Finder, Limit, tree_of
from stridegate.model.nodes.nodes import Circumstances, Node, Role
from stridegate.model.nodes.paths import PKI
from stridegate.model.nodes.queries import FileStatusOf, HoldsPrivateKey
from stridegate.model.nodes.rules import HostFile, NodeExample, NodeRule
from stridegate.model.nodes.verdicts import State
from stridegate.model.references import CisKubernetes
from stridegate.model.vocabulary import Severity, Stride

_CONTROL_PLANE = Circumstances(role=Role.CONTROL_PLANE)
_PKI = "/etc/kubernetes/pki"


def _here(find: Finder) -> Finder:
    """Return what finds the same on nodes of the control plane alone: others have a CA's certificate in that place, and no keys."""

    def found(node: Node) -> Iterable[str]:
        on_control_plane(node)
        return find(node)

    return found


def _everything(node: Node) -> Iterable[str]:
    """Return the tree itself and all that is in it."""
    return (*PKI.on(node.circumstances.installation), *tree_of(PKI, "*")(node))


def _keys(node: Node) -> Iterable[str]:
    """Return the files named as keys, and those that hold one under the ending that certificates have as well."""
    named = list(tree_of(PKI, "*.key", "*.pem")(node))
    answers = node.look_at([FileStatusOf(path) for path in named])
    directories = {each.path for each in answers if isinstance(each, FileStatus) and each.kind is FileKind.DIRECTORY}
    hidden = {path for path, each in zip(named, answers, strict=True) if isinstance(each, Unreadable)}
    either = [path for path in named if path.endswith(".pem") and path not in directories | hidden]
    holds = node.look_at([HoldsPrivateKey(path) for path in either])
    # What could not be looked into counts as a key: that is the stricter reading.
    certificates = {path for path, held in zip(either, holds, strict=True) if held is False}
    return [path for path in named if path not in directories | certificates]


_TREE = GuardedFiles(
    what="the control plane's keys and certificates",
    find=_here(_everything),
    severity=Severity.HIGH,
    stride=Stride.TAMPERING,
    threat="Who owns these files or their directories can put another CA in their place, and is then whoever he wants to be.",
    example=f"{_PKI}/ca.crt",
    circumstances=_CONTROL_PLANE,
)
_CERTIFICATES = GuardedFiles(
    what="a certificate of the control plane",
    find=_here(tree_of(PKI, "*.crt")),
    severity=Severity.HIGH,
    stride=Stride.TAMPERING,
    threat="Who can write a CA's certificate decides whom the components trust.",
    example=f"{_PKI}/ca.crt",
    circumstances=_CONTROL_PLANE,
)
_KEYS = GuardedFiles(
    what="a private key of the control plane",
    find=_here(_keys),
    severity=Severity.HIGH,
    stride=Stride.INFORMATION_DISCLOSURE,
    threat="With the CA's key anybody makes himself cluster-admin, with sa.key any service account.",
    example=f"{_PKI}/ca.key",
    circumstances=_CONTROL_PLANE,
)
_WORKER = NodeExample(
    title="a worker's CA certificate",
    state=State.NOT_APPLICABLE,
    files={f"{_PKI}/ca.crt": HostFile(mode=0o666, uid=7)},
)

RULES: tuple[NodeRule, ...] = (
    ownership_rule(
        "pki-ownership",
        _TREE,
        (CisKubernetes("1.1.19"),),
        more=(
            _WORKER,
            NodeExample(
                title="a key behind a link to a directory",
                state=State.FAIL,
                files={
                    f"{_PKI}/ca.crt": HostFile(),
                    f"{_PKI}/etcd": HostFile(link="/data/etcd-pki"),
                    "/data/etcd-pki/server.key": HostFile(uid=52),
                },
                circumstances=_CONTROL_PLANE,
            ),
            NodeExample(
                title="a key in a directory below",
                state=State.FAIL,
                files={f"{_PKI}/ca.crt": HostFile(), f"{_PKI}/etcd/server.key": HostFile(uid=52)},
                circumstances=_CONTROL_PLANE,
            ),
        ),
    ),
    # 0600 in editions for Kubernetes 1.24 to 1.30, 0644 again since.
    permissions_rule(
        "pki-certificate-file-permissions",
        _CERTIFICATES,
        Limit(files=0o644),
        (CisKubernetes("1.1.20"),),
        more=(_WORKER,),
    ),
    permissions_rule(
        "pki-key-file-permissions",
        _KEYS,
        Limit(files=0o600),
        (CisKubernetes("1.1.21"),),
        more=(
            NodeExample(
                title="a key under another ending",
                state=State.FAIL,
                files={f"{_PKI}/ca.key": HostFile(), f"{_PKI}/etcd/peer.pem": HostFile(mode=0o644)},
                answers={HoldsPrivateKey(f"{_PKI}/etcd/peer.pem"): True},
                circumstances=_CONTROL_PLANE,
            ),
            NodeExample(
                title="a certificate under that ending",
                state=State.PASS,
                files={f"{_PKI}/ca.key": HostFile(), f"{_PKI}/etcd/peer.pem": HostFile(mode=0o644)},
                answers={HoldsPrivateKey(f"{_PKI}/etcd/peer.pem"): False},
                circumstances=_CONTROL_PLANE,
            ),
        ),
    ),
)
