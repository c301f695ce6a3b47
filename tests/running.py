"""Hosts that run containers, for tests: processes in /proc and their control groups, written as the kernel would."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from hosts import BARE, put
from stridegate.model.nodes import queries
from stridegate.model.nodes.answers import RunningContainer
from stridegate.model.nodes.queries import Query
from stridegate.model.nodes.rules import HostFile
from stridegate.scanner.answering import HostAnswers
from stridegate.scanner.errors import Barred
from stridegate.scanner.file_answers import answer_from_files
from stridegate.scanner.host_root import HostRoot

UID = "1f0c6cf1-2d0b-4a4e-9c3f-0a1b2c3d4e5f"
ID = "ab" * 32
POD_GROUP = f"/kubepods.slice/kubepods-pod{UID.replace('-', '_')}.slice"
GROUP = f"{POD_GROUP}/cri-containerd-{ID}.scope"
MOUNTS = (
    "5 1 0:90 / / ro,relatime - overlay overlay rw\n6 5 8:1 /var/log /logs\\040here rw shared:3 - ext4 /dev/sda1 rw\n"
)
# As uid_map has it: the first number in the namespace, the first outside, how many.
HOST_USERS = "         0          0 4294967295\n"
POD_USERS = "         0     165536      65536\n"
POD: Mapping[str, object] = {
    "metadata": {
        "uid": UID,
        "name": "web-1",
        "namespace": "shop",
        "annotations": {"kubernetes.io/config.source": "api"},
    },
    "spec": {"containers": [{"name": "app"}]},
    "status": {"containerStatuses": [{"name": "app", "containerID": f"containerd://{ID}", "state": {"running": {}}}]},
}


def run(
    root: Path,
    pid: int,
    cgroup: str,
    *,
    comm: str = "app",
    argv: str = "/app\0",
    users: str = HOST_USERS,
    **status: str,
) -> None:
    """Let a process run on a host."""
    fields = {
        "Name": comm,
        "PPid": "1",
        "Uid": "7\t7\t7\t7",
        "Gid": "8\t8\t8\t8",
        "NSpid": f"{pid}\t1",
        "CapEff": "00000000a80425fb",
        "CapPrm": "00000000a80425fb",
        "CapBnd": "00000000a80425fb",
        "NoNewPrivs": "1",
        "Seccomp": "2",
        **status,
    }
    files = {
        "status": "".join(f"{key}:\t{value}\n" for key, value in fields.items()),
        "cmdline": argv,
        "cgroup": f"0::{cgroup}\n" if cgroup.startswith("/") else cgroup,
        "mountinfo": MOUNTS,
        "limits": "Limit                     Soft Limit           Hard Limit           Units     \n"
        "Max processes             unlimited            unlimited            processes \n"
        "Max open files            1048576              1048576              files     \n",
        "uid_map": users,
        "attr/current": "cri-containerd.apparmor.d (enforce)\n",
        "net/dev": "Inter-|\n face |\n    lo: 0\n  eth0: 0\n",
        "net/route": f"Iface\neth0 {pid}\n",
        "net/tcp": "  sl\n   0: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1\n",
    }
    for name, text in files.items():
        put(root, f"/proc/{pid}/{name}", HostFile(text=text))


def limit(root: Path, group: str, **limits: str) -> None:
    """Write a cgroup's files."""
    for name, text in limits.items():
        put(root, f"/sys/fs/cgroup{group}/{name.replace('_', '.')}", HostFile(text=f"{text}\n"))


def asked(
    root: Path, query: Query[object], pods: tuple[Mapping[str, object], ...] | None = (POD,), own_pod: str = ""
) -> object:
    """Return what is answered on a host whose kubelet serves these pods, or cannot be asked."""

    def served(_: object) -> object:
        if pods is None:
            raise Barred("kubelet /pods", "answered 403")
        return pods

    kernel = HostRoot(root)
    answers = HostAnswers(
        kernel, lambda asked: answer_from_files(kernel, asked), {queries.KubeletPods: served}, own_pod
    )
    return answers(frozenset({query}))[query]


def containers(root: Path, pods: tuple[Mapping[str, object], ...] | None = (POD,)) -> list[RunningContainer]:
    found = asked(root, queries.Containers(), pods)
    assert isinstance(found, tuple), found
    return list(found)


def idle_host(tmp_path: Path) -> Path:
    """Return a host that runs nothing but its first process."""
    for path, file in BARE.items():
        put(tmp_path, path, file)
    for name, text in {
        "status": "Name:\tsystemd\nUid:\t0\t0\nGid:\t0\t0\nNSpid:\t1\nCapBnd:\t000001fffeffffff\n",
        "cmdline": "/sbin/init\0",
        "uid_map": HOST_USERS,
        "cgroup": "0::/init.scope\n",
    }.items():
        put(tmp_path, f"/proc/1/{name}", HostFile(text=text))
    put(tmp_path, "/sys/fs/cgroup/cgroup.controllers", HostFile(text="cpu memory pids\n"))
    return tmp_path
