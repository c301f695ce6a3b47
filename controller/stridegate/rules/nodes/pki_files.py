"""The control plane's keys and certificates on the disk."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator

from stridegate.model.nodes.answers import FileKind, FileStatus, Unreadable
from stridegate.model.nodes.components import Started, component, on_control_plane
from stridegate.model.nodes.file_rules import GuardedFiles, ownership_rule, permissions_rule
from stridegate.model.nodes.files import Finder, Limit, tree_of
from stridegate.model.nodes.flag_rules import manifest_text
from stridegate.model.nodes.nodes import Circumstances, Node, NotReadable, NotThere, Role
from stridegate.model.nodes.paths import PKI, Whereabouts, parent
from stridegate.model.nodes.queries import FileStatusOf, HoldsPrivateKey
from stridegate.model.nodes.rules import HostFile, NodeExample, NodeRule
from stridegate.model.nodes.verdicts import State
from stridegate.model.references import CisKubernetes
from stridegate.model.vocabulary import Severity, Stride

_CONTROL_PLANE = Circumstances(role=Role.CONTROL_PLANE)
_PKI = "/etc/kubernetes/pki"

# Flags of the API server that name files of the tree, in whose directories the others are.
_NAMING = ("client-ca-file", "tls-cert-file", "service-account-key-file", "etcd-cafile")
# Where other programs keep files as well, certificates that everybody trusts among them.
_SHARED = ("/etc/ssl", "/etc/pki", "/usr", "/run", "/proc")


def _here(find: Finder) -> Finder:
    """Return what finds the same on nodes of the control plane alone: others have a CA's certificate in that place, and no keys."""

    def found(node: Node) -> Iterable[str]:
        on_control_plane(node)
        return find(node)

    return found


def _roots(node: Node) -> Whereabouts:
    """Return the directories of keys and certificates: where they usually are, and where the API server's flags say."""
    roots = list(PKI.on(node.circumstances.installation))
    with contextlib.suppress(NotThere):
        server = component(node, "kube-apiserver")
        for directory in _named_directories(server):
            if not any(f"{directory}/".startswith(f"{root}/") for root in (*roots, *_SHARED)):
                roots.append(directory)
    return Whereabouts(general=tuple(roots))


def _named_directories(server: Started) -> Iterator[str]:
    for flag in _NAMING:
        path = server.flags.text(flag) or ""
        with contextlib.suppress(NotReadable):  # inside its image, which is no file of the node
            directory = parent(server.on_host(path))
            if directory.count("/") > 1:  # never all of /etc or /var
                yield directory


def _everything(node: Node) -> Iterable[str]:
    """Return the tree itself and all that is in it."""
    roots = _roots(node)
    return (*roots.general, *tree_of(roots, "*")(node))


def _certificates(node: Node) -> Iterable[str]:
    return tree_of(_roots(node), "*.crt")(node)


def _keys(node: Node) -> Iterable[str]:
    """Return the files named as keys, and those that hold one under the ending that certificates have as well."""
    named = list(tree_of(_roots(node), "*.key", "*.pem")(node))
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
    find=_here(_certificates),
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
                title="where the API server's flags say",
                state=State.FAIL,
                files={
                    "/etc/kubernetes/manifests/kube-apiserver.yaml": HostFile(
                        text=manifest_text("kube-apiserver", "--tls-cert-file=/var/lib/minikube/certs/apiserver.crt")
                    ),
                    "/var/lib/minikube/certs/apiserver.key": HostFile(mode=0o644),
                },
                circumstances=_CONTROL_PLANE,
            ),
            NodeExample(
                title="a flag names a file that is not of the node",
                state=State.PASS,
                files={
                    "/etc/kubernetes/manifests/kube-apiserver.yaml": HostFile(
                        text=manifest_text(
                            "kube-apiserver", "--client-ca-file=/image/ca.crt", "--tls-cert-file=/etc/apiserver.crt"
                        )
                    ),
                    f"{_PKI}/ca.key": HostFile(),
                    "/etc/other/app.key": HostFile(mode=0o644),
                },
                circumstances=_CONTROL_PLANE,
            ),
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
