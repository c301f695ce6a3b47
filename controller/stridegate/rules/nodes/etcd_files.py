"""etcd's files: its data, and copies of them."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable

from stridegate.model.nodes.answers import FileKind, FileStatus, Process, Unreadable
from stridegate.model.nodes.etcd import data_directory
from stridegate.model.nodes.file_rules import MISCONFIGURED_HOST, GuardedFiles, permissions_rule
from stridegate.model.nodes.files import Limit, Owner, excess, judge_owners, listed
from stridegate.model.nodes.nodes import Circumstances, Node, Role
from stridegate.model.nodes.paths import K3S_SERVER, RKE2_SERVER
from stridegate.model.nodes.programs import component_processes
from stridegate.model.nodes.queries import FileStatusOf, FilesUnder
from stridegate.model.nodes.remedies import Remedy
from stridegate.model.nodes.rules import HostFile, NodeExample, NodeRule
from stridegate.model.nodes.verdicts import Evidence, Offender, Source, State, Verdict
from stridegate.model.references import CisKubernetes
from stridegate.model.vocabulary import Severity, Stride

_CONTROL_PLANE = Circumstances(role=Role.CONTROL_PLANE)
_DATA = "/var/lib/etcd"
_ETCD = Owner(user="etcd", group="etcd")


def _data(node: Node) -> Iterable[str]:
    return (data_directory(node),)


def _belongs_to_etcd(node: Node) -> Verdict:
    """Judge by the host's names; where etcd runs as root, or as a user of another name, that it can write there is no fault of its own."""
    verdict = judge_owners(node, _data(node), _ETCD)
    if verdict.state is State.PASS:
        return verdict
    owner = node[FileStatusOf(data_directory(node))]
    running = component_processes(node, "etcd", "k3s", "rke2")
    uid = running[0].uid if running else None
    if (owner.uid, owner.gid) == (0, 0) and uid == 0:
        note = "etcd runs as root here, as kubeadm and k3s start it, so that nobody else can own its data: run it as a user etcd."
    elif owner.uid and owner.uid == uid:
        note = "It belongs to the user that etcd runs as, who has another name on this host."
    else:
        return verdict
    return Verdict(
        state=State.WARN, observed=verdict.observed, evidence=verdict.evidence, offenders=verdict.offenders, note=note
    )


# Where backups of etcd are put, and how they are called there.
_BACKUPS = (
    "/var/lib/etcd-backup",
    "/var/lib/etcd-snapshots",
    f"{K3S_SERVER}/db/snapshots",
    f"{RKE2_SERVER}/db/snapshots",
)
# How snapshots, and copies of the log that etcd writes first, are called.
_ENDINGS = ("*.db", "*.db.*", "*.snap", "*.wal")
# Where snapshots lie among other files: only what has such a name is one.
_AMONG_OTHERS = (
    FilesUnder(_DATA, "*.db"),
    FilesUnder("/root", "*etcd*.db*"),
    FilesUnder("/root", "snapshot*.db*"),
)


def _snapshots(node: Node) -> Iterable[str]:
    named = FilesUnder("/opt", "*etcd*")
    everything = [FilesUnder(directory, "*", 4) for directory in _BACKUPS]
    node.look_at([named, *everything, *_AMONG_OTHERS])
    files, directories, hidden = _told_apart(node, node.get(named) or ())
    # Programs lie below such directories too.
    below = [FilesUnder(path, ending, 4) for path in directories for ending in _ENDINGS]
    node.look_at(below)
    queries = [*everything, *_AMONG_OTHERS, *below]
    paths = {path for each in queries for path in listed(node, each.directory, each.pattern, each.depth)}
    paths |= {path for path in files if any(fnmatch.fnmatchcase(path, ending) for ending in _ENDINGS)}
    files, _, unseen = _told_apart(node, sorted(paths))
    return (*files, *unseen, *hidden)


def _told_apart(node: Node, paths: Iterable[str]) -> tuple[list[str], list[str], list[str]]:
    """Return which paths are files, which are directories, and which could not be seen."""
    tried = list(paths)
    answers = list(zip(tried, node.look_at([FileStatusOf(path) for path in tried]), strict=True))
    statuses = [(path, each) for path, each in answers if isinstance(each, FileStatus)]
    return (
        [path for path, each in statuses if each.kind is not FileKind.DIRECTORY],
        [path for path, each in statuses if each.kind is FileKind.DIRECTORY],
        [path for path, each in answers if isinstance(each, Unreadable)],
    )


def _are_private(node: Node) -> Verdict:
    statuses = [node.get(FileStatusOf(path)) for path in _snapshots(node)]
    found = [status for status in statuses if status is not None]
    if not found:
        return Verdict(state=State.NOT_APPLICABLE, observed="no snapshot where they usually are")
    open_ones = [each for each in found if excess(each.mode, 0o600) or (each.uid, each.gid) != (0, 0)]
    if not open_ones:
        evidence = Evidence(source=Source.FILE, path=found[0].path)
        return Verdict(state=State.PASS, observed=f"{len(found)} snapshots, root's alone", evidence=evidence)
    seen = [f"{each.mode:04o} {each.uid}:{each.gid}" for each in open_ones]
    return Verdict(
        state=State.FAIL,
        observed=seen[0] if len(seen) == 1 else f"{len(seen)} of {len(found)} snapshots",
        evidence=Evidence(source=Source.FILE, path=open_ones[0].path),
        offenders=tuple(
            Offender(name=each.path, observed=f"{words}, at most 0600 and 0:0 wanted")
            for each, words in zip(open_ones, seen, strict=True)
        ),
    )


_DIRECTORY = GuardedFiles(
    what="etcd's data directory",
    find=_data,
    severity=Severity.HIGH,
    stride=Stride.INFORMATION_DISCLOSURE,
    threat="Everything that the cluster stores lies there, Secrets too: who reads it needs neither etcd nor the API server.",
    example=_DATA,
    kind=FileKind.DIRECTORY,
    circumstances=_CONTROL_PLANE,
    remedy=Remedy.ETCD_DIRECTORY,
    threats=frozenset({"etcd-disclosure", "etcd-config-tampering", "loose-etcd-file-permissions"}),
)
_ELSEWHERE = NodeExample(
    title="where etcd's flag says",
    state=State.FAIL,
    files={
        "/srv/etcd": HostFile(kind=FileKind.DIRECTORY, mode=0o755),
        _DATA: HostFile(kind=FileKind.DIRECTORY, mode=0o700),
    },
    processes=(
        Process(
            pid=60,
            comm="etcd",
            argv=("etcd", "-data-dir", "/srv/etcd"),
            cgroup="/system.slice/etcd.service",
            namespace_pids=(60,),
        ),
    ),
    circumstances=_CONTROL_PLANE,
)
_ACCOUNTS = {
    "/etc/passwd": HostFile(
        text="root:x:0:0:root:/root:/bin/sh\netcd:x:115:998:etcd:/var/lib/etcd:/bin/false\n", mode=0o644
    ),
    "/etc/group": HostFile(text="root:x:0:\netcd:x:998:\n", mode=0o644),
}


def _owned(title: str, state: State, owner: tuple[int, int], *processes: Process, path: str = _DATA) -> NodeExample:
    return NodeExample(
        title=title,
        state=state,
        files={**_ACCOUNTS, path: HostFile(kind=FileKind.DIRECTORY, mode=0o700, uid=owner[0], gid=owner[1])},
        processes=processes,
        circumstances=_CONTROL_PLANE,
    )


def _runs_as(uid: int) -> Process:
    """Return the process of an etcd in a static pod."""
    return Process(pid=61, comm="etcd", argv=("etcd",), uid=uid, pod_uid="2" * 32, static=True, namespace_pids=(61, 1))


_K3S = Process(pid=62, comm="k3s-server", argv=("/usr/local/bin/k3s", "server"), namespace_pids=(62,))


def _kept(title: str, state: State, path: str, mode: int = 0o600, uid: int = 0) -> NodeExample:
    return NodeExample(
        title=title, state=state, files={path: HostFile(mode=mode, uid=uid)}, circumstances=_CONTROL_PLANE
    )


RULES: tuple[NodeRule, ...] = (
    permissions_rule(
        "etcd-data-directory-permissions",
        _DIRECTORY,
        Limit(files=0o700),
        (CisKubernetes("1.1.11"),),
        more=(_ELSEWHERE,),
    ),
    NodeRule(
        slug="etcd-data-directory-ownership",
        severity=Severity.HIGH,
        stride=frozenset({Stride.TAMPERING}),
        references=(CisKubernetes("1.1.12"),),
        threats=frozenset({"etcd-config-tampering", MISCONFIGURED_HOST}),
        wrong="Somebody other than etcd owns etcd's data directory.",
        threat="Who owns it can put other data in its place: another cluster-admin, another pod.",
        wants="belong to etcd:etcd, by the host's own account files",
        fix=f"chown -R etcd:etcd {_DATA}, and run etcd as that user",
        remedy=Remedy.ETCD_DIRECTORY,
        judge=_belongs_to_etcd,
        examples=(
            _owned("etcd's numbers on this host", State.PASS, (115, 998)),
            _owned("a static pod that runs as root", State.WARN, (0, 0), _runs_as(0)),
            _owned("k3s, which runs as root", State.WARN, (0, 0), _K3S, path=f"{K3S_SERVER}/db/etcd"),
            _owned("the user that etcd runs as", State.WARN, (2000, 2000), _runs_as(2000)),
            _owned("root's, and etcd runs as etcd", State.FAIL, (0, 0), _runs_as(115)),
            _owned("root's, and no etcd runs", State.FAIL, (0, 0)),
            _owned("another user's", State.FAIL, (1000, 998), _runs_as(0)),
            _owned("another group's", State.FAIL, (115, 100)),
            NodeExample(title="absent", state=State.NOT_APPLICABLE, circumstances=_CONTROL_PLANE),
        ),
    ),
    NodeRule(
        slug="etcd-snapshot-file-permissions",
        severity=Severity.HIGH,
        stride=frozenset({Stride.INFORMATION_DISCLOSURE}),
        references=(),
        threats=frozenset({"etcd-disclosure", MISCONFIGURED_HOST}),
        wrong="Others than root can read a snapshot of etcd, or own it.",
        threat="A snapshot is the whole cluster in one file: whoever reads it has every Secret, and nobody notices.",
        wants="be at most 0600, and belong to user 0 and group 0",
        fix="chmod 600 and chown 0:0 the snapshots, and set umask 077 in what makes them",
        remedy=Remedy.FILE,
        judge=_are_private,
        examples=(
            _kept("root's alone", State.PASS, "/var/lib/etcd-backup/2026/snapshot.db"),
            _kept("others may read it", State.FAIL, "/var/lib/etcd-backup/snapshot.db", mode=0o644),
            _kept("beside the data", State.FAIL, f"{_DATA}/snapshot.db", mode=0o640),
            _kept("of k3s", State.FAIL, f"{K3S_SERVER}/db/snapshots/etcd-snapshot-a-1700000000", uid=1000),
            _kept("in /opt", State.FAIL, "/opt/etcd-backups/monday.db", mode=0o664),
            _kept("a copied log", State.FAIL, "/opt/my-etcd/member/wal/0-0.wal", mode=0o604),
            _kept("packed, at root's home", State.FAIL, "/root/etcd.db.gz", mode=0o644),
            _kept("a snapshot in /opt itself", State.FAIL, "/opt/etcd-monday.db", mode=0o644),
            _kept("an archive of the program", State.NOT_APPLICABLE, "/opt/etcd-v3.6.0-linux-amd64.tar.gz", mode=0o644),
            _kept("the program", State.NOT_APPLICABLE, "/opt/etcd/bin/etcdctl", mode=0o755),
            _kept("a database of something else", State.NOT_APPLICABLE, "/opt/shop/orders.db", mode=0o644),
            NodeExample(title="none", state=State.NOT_APPLICABLE),
        ),
    ),
)
