"""The files of a node that its components are configured by, and the state that they are in: mode, owner and contents."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from stridegate.model.nodes import paths
from stridegate.model.nodes.answers import Absent, FileKind, FileStatus, Unreadable
from stridegate.model.nodes.nodes import Node, NotReadable
from stridegate.model.nodes.queries import FileDigest, FileStatusOf, FilesUnder, Query
from stridegate.model.nodes.units import DIRECTORIES

T = TypeVar("T")

# As much of a state as a finding shows, and a person accepts; and what is shown of a file that is not there.
SHOWN = 16
ABSENT = "absent"

_WHEREABOUTS = (
    paths.KUBELET_CONFIGURATION,
    paths.KUBELET_KUBECONFIG,
    paths.KUBELET_UNIT,
    paths.ADMIN_KUBECONFIGS,
    paths.CONTROLLER_MANAGER_KUBECONFIG,
    paths.SCHEDULER_KUBECONFIG,
    paths.KUBE_PROXY_KUBECONFIG,
    paths.ETCD_CONFIGURATION,
    paths.ETCD_ENVIRONMENT,
    paths.ETCD_UNIT,
    paths.CONTAINERD_CONFIGURATION,
    paths.CRIO_CONFIGURATION,
    paths.DOCKER_CONFIGURATION,
)
_FILES = (
    "/etc/audit/audit.rules",
    "/etc/default/docker",
    "/etc/default/kubelet",
    "/etc/sysconfig/docker",
    "/etc/sysconfig/kubelet",
)
_UNITS = ("containerd.service", "crio.service", "docker.service", "docker.socket", "kubelet.service")
# Directories, the names in them, and how deep to look.
_TREES: tuple[tuple[paths.Whereabouts, tuple[str, ...], int], ...] = (
    (paths.STATIC_POD_DIRECTORIES, ("*",), 1),
    (paths.PKI, ("*.crt", "*.key", "*.pub"), 8),
    (paths.KUBELET_DROP_INS, ("*.conf",), 1),
    (paths.CRIO_DROP_INS, ("*.conf",), 1),
    (paths.Whereabouts(general=("/etc/audit/rules.d",)), ("*.rules",), 1),
    (paths.Whereabouts(general=("/etc/cni/net.d",)), ("*",), 1),
    (paths.Whereabouts(general=("/etc/docker/certs.d",)), ("*.crt", "*.cert", "*.key"), 2),
    (paths.Whereabouts(general=tuple(f"{each}/{unit}.d" for each in DIRECTORIES for unit in _UNITS)), ("*.conf",), 1),
)


def inspected(node: Node, further: Iterable[str] = ()) -> tuple[FileStatus, ...]:
    """Return what is there of the files that components are configured by, and of further paths. Raises NotReadable."""
    installation = node.circumstances.installation
    trees = [
        FilesUnder(directory, pattern, depth)
        for whereabouts, patterns, depth in _TREES
        for directory in whereabouts.on(installation)
        for pattern in patterns
    ]
    listed = [path for found in _read(node, trees) for path in found]
    fixed = [path for each in _WHEREABOUTS for path in each.on(installation)]
    units = [f"{directory}/{unit}" for directory in DIRECTORIES for unit in _UNITS]
    every = dict.fromkeys((*fixed, *_FILES, *units, *listed, *further))
    return tuple(_read(node, [FileStatusOf(path) for path in every]))


def states(node: Node, further: Iterable[str] = ()) -> Mapping[str, str]:
    """Return the state of each inspected file that is there, by path. Raises NotReadable."""
    files = [status for status in inspected(node, further) if status.kind is FileKind.FILE]
    answers = node.look_at([FileDigest(status.path) for status in files])
    found: dict[str, str] = {}
    for status, answer in zip(files, answers, strict=True):
        if isinstance(answer, Unreadable):
            raise NotReadable(answer)
        if not isinstance(answer, Absent):
            found[status.path] = state(status, answer)
    return found


def present_states(answers: Mapping[Query[object], object]) -> dict[str, str]:
    """Return the state of each file whose contents a scan took a digest of, by path: what is accepted where nothing was before."""
    found: dict[str, str] = {}
    for query, answer in answers.items():
        status = answers.get(FileStatusOf(query.path)) if isinstance(query, FileDigest) else None
        if isinstance(status, FileStatus) and isinstance(answer, str):
            found[status.path] = state(status, answer)
    return dict(sorted(found.items()))


def newly_accepted(words: Iterable[str], present: Mapping[str, str]) -> Mapping[str, str]:
    """Return what a person accepts of how files are now: their states by path, "absent" for one that is not there.

    Each word is a path, `=`, and the state that was seen: its first digits, as many as a finding shows, or "absent". What
    has changed again since, and a path alone, which would accept whatever comes, accept nothing.
    """
    found: dict[str, str] = {}
    for word in words:
        path, _, seen = word.rpartition("=")
        now = present.get(path, ABSENT)
        if path and (now == seen if ABSENT in {now, seen} else len(seen) >= SHOWN and now.startswith(seen)):
            found[path] = now
    return found


def state(status: FileStatus, digest: str) -> str:
    """Return the digest of a file's mode, owner and contents: the first half of a SHA-256, since a report holds many."""
    return hashlib.sha256(f"{status.mode:o} {status.uid} {status.gid} {digest}".encode()).hexdigest()[:32]


def _read(node: Node, queries: Sequence[Query[T]]) -> list[T]:
    """Return the answers that are there. Raises NotReadable."""
    found: list[T] = []
    for answer in node.look_at(queries):
        if isinstance(answer, Unreadable):
            raise NotReadable(answer)
        if not isinstance(answer, Absent):
            found.append(answer)
    return found
