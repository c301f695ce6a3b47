"""Hosts for tests: an example laid out under a directory as real files and a fake /proc, then read and judged as a real host is."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stridegate.engine.survey import ScannedRule, Survey, survey
from stridegate.model.nodes import queries
from stridegate.model.nodes.answers import Absent, FileKind, Process, Unreadable
from stridegate.model.nodes.nodes import Circumstances
from stridegate.model.nodes.queries import Query
from stridegate.model.nodes.rules import HostFile, NodeExample
from stridegate.scanner.answering import HostAnswers
from stridegate.scanner.cgroups import pod_in
from stridegate.scanner.file_answers import answer_from_files
from stridegate.scanner.host_root import HostRoot

# A host that runs nothing: what every /proc/1 has.
BARE: Mapping[str, HostFile] = {
    "/proc/1/mountinfo": HostFile(text="1 0 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"),
    "/proc/1/net/tcp": HostFile(text="  sl  local_address rem_address   st\n"),
    "/proc/1/net/tcp6": HostFile(text="  sl  local_address rem_address   st\n"),
    "/proc/1/net/dev": HostFile(text="Inter-|\n face |\n    lo: 0 0\n  eth0: 0 0\n"),
    "/etc/passwd": HostFile(text="root:x:0:0:root:/root:/bin/bash\n", mode=0o644),
    "/etc/group": HostFile(text="root:x:0:\n", mode=0o644),
}
_INIT = Process(pid=1, comm="systemd", argv=("/sbin/init",), cgroup="/init.scope", namespace_pids=(1,))


@dataclass(frozen=True, slots=True)
class Told:
    """Answers as an example gives them, the host's own for the rest; what was asked is kept."""

    given: Mapping[Query[object], object]
    host: Callable[[frozenset[Query[object]]], Mapping[Query[object], object]]

    def __call__(self, asked: frozenset[Query[object]]) -> Mapping[Query[object], object]:
        return {
            **self.host(asked - self.given.keys()),
            **{each: self.given[each] for each in asked & self.given.keys()},
        }


def lay_out(example: NodeExample, root: Path) -> None:
    """Write an example's files and processes below a directory, owned as it says."""
    if os.geteuid() != 0:
        raise PermissionError("the hosts of examples have files of other users: run these tests as root")
    for process in {_INIT.pid: _INIT, **{each.pid: each for each in example.processes}}.values():
        for name, text in process_files(process).items():
            put(root, f"/proc/{process.pid}/{name}", HostFile(text=text, mode=0o444))
    for path, file in {**BARE, **example.files}.items():
        # /var/run is a link to /run, which a directory below which nothing may lead out cannot have.
        put(root, path.removeprefix("/var") if path.startswith("/var/run/") else path, file)


def put(root: Path, path: str, file: HostFile) -> None:
    """Write one file below a directory; what leads to it is root's, 0755."""
    at = root / path.lstrip("/")
    at.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    if at.is_symlink() or (at.exists() and not at.is_dir()):
        at.unlink()
    if file.link:
        at.symlink_to(file.link)
        os.lchown(at, file.uid, file.gid)
        return
    match file.kind:
        case FileKind.FILE:
            at.write_bytes(file.text.encode(errors="surrogateescape"))
        case FileKind.DIRECTORY:
            at.mkdir(exist_ok=True)
        case FileKind.SOCKET:
            # Bound sockets have a bound on their path's length (unix(7)), made ones have not.
            os.mknod(at, stat.S_IFSOCK | 0o600)
        case FileKind.OTHER:
            os.mkfifo(at)
    os.chown(at, file.uid, file.gid)
    at.chmod(file.mode)  # after chown, which takes setuid and setgid away


def process_files(process: Process) -> dict[str, str]:
    """Return what /proc shows of a process. Its cgroup follows from its pod, where it names none."""
    numbers = "\t".join(map(str, process.namespace_pids or (process.pid,)))
    cgroup = process.cgroup
    if process.pod_uid and pod_in(cgroup) != process.pod_uid:
        cgroup = f"/kubepods.slice/kubepods-pod{process.pod_uid.replace('-', '_')}.slice/cri-containerd-{process.pid:064x}.scope"
        wanted = "32 hexadecimal digits (static) or a UUID, as kubelets have them"
        assert pod_in(cgroup) == process.pod_uid, f"wanted a pod_uid of {wanted}, got {process.pod_uid!r}"
    uids, gids = (f"{each}\t" * 4 for each in (process.uid, process.gid))
    return {
        "status": f"Name:\t{process.comm}\nPid:\t{process.pid}\nPPid:\t1\nUid:\t{uids}\nGid:\t{gids}\nNSpid:\t{numbers}\n",
        "cmdline": "".join(f"{each}\0" for each in process.argv),
        "cgroup": f"0::{cgroup}\n",
    }


def answers_of(example: NodeExample, root: Path) -> Told:
    """Return what answers for an example's host once it is laid out: what cannot be laid out and is not given is absent."""
    host = HostRoot(root)
    nobody: dict[type[Query[Any]], Callable[[Any], object]] = {
        kind: lambda query: Absent(str(query))
        for kind in (
            queries.TlsHandshake,
            queries.HttpGet,
            queries.KubeletConfigz,
            queries.ConfigMapEntry,
        )
    }
    pods = example.answers.get(queries.KubeletPods()) or served(example.processes) or Absent("kubelet")
    nobody[queries.KubeletPods] = lambda _: pods
    return Told(example.answers, HostAnswers(host, lambda asked: answer_from_files(host, asked), nobody))


def served(processes: tuple[Process, ...]) -> tuple[Mapping[str, object], ...]:
    """Return the pods that a kubelet serves for the static ones among processes."""
    return tuple(
        {
            "metadata": {
                "uid": uid,
                "name": f"{name}-node1",
                "namespace": "kube-system",
                "annotations": {"kubernetes.io/config.source": "file", "kubernetes.io/config.hash": uid},
            },
            "spec": {"containers": []},
        }
        for uid, name in {each.pod_uid: each.comm for each in processes if each.static}.items()
    )


def surveyed(example: NodeExample, rules: list[ScannedRule], root: Path) -> Survey:
    """Return what rules find on an example's host."""
    lay_out(example, root)
    return survey(rules, answers_of(example, root), example.circumstances)


def again_without(
    found: Survey, rules: list[ScannedRule], hidden: Query[object], circumstances: Circumstances
) -> Survey:
    """Return what rules find when one thing that they asked could not be read, and nothing is known that was not asked before."""
    answers = {**found.answers, hidden: Unreadable(str(hidden), "EACCES Permission denied")}
    return survey(
        rules,
        lambda asked: {each: answers.get(each, Unreadable(str(each), "not recorded")) for each in asked},
        circumstances,
    )
