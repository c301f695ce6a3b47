"""Control groups: whose a process is, and what limits it, in both versions of the hierarchy (cgroups(7))."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from pathlib import Path

from stridegate.scanner.errors import Barred, Missing, ScannerError
from stridegate.scanner.host_root import HostRoot

_TREE = "/sys/fs/cgroup"

# How a pod's uid stands in the name of its cgroup: `/kubepods/burstable/pod<uid>` with the cgroupfs driver,
# `kubepods-burstable-pod<uid>.slice` with systemd's, where `-` of the uid became `_`. A static pod's uid is the MD5 of
# its manifest, without dashes: 32 hexadecimal digits, which the API server gives to no pod.
_POD = re.compile(
    r"(?:/|-)pod([0-9a-f]{8}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{12}|[0-9a-f]{32})(?=[./:]|$)"
)
_KUBEPODS = re.compile(r"(?:^|/)(?:kubelet-)?kubepods(?:[-.:/]|$)")
_STATIC = re.compile(r"[0-9a-f]{32}\Z")
# What runtimes call the cgroup of a container: containerd (CRI, nerdctl), CRI-O, Docker, Podman (`-payload` below a
# service of systemd's); `:` is runc's own form.
_CONTAINER = re.compile(
    r"(?:/|:)(?:(?P<runtime>cri-containerd|crio|docker|libpod|nerdctl)(?:-payload)?[-:])?(?P<id>[0-9a-f]{64})(?:\.scope)?(?=/|$)"
)
# A container's monitor stands beside it in a cgroup of its own, and is the host's.
_MONITOR = re.compile(r"/(?:crio-conmon|libpod-conmon)-")
# Limits of cgroup v1 that mean none are the largest number of pages (PAGE_COUNTER_MAX).
_ENDLESS = 1 << 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Belonging:
    """The container that a process is in: its pod's uid, its own id, and the path of its cgroup without anything below."""

    pod_uid: str
    container_id: str
    runtime: str
    path: str


def pod_in(cgroup: str) -> str:
    """Return the uid of the pod that a cgroup belongs to, as the API server writes it; empty for a cgroup of the host."""
    found = _POD.search(cgroup)
    # A path that begins with `..` is told from inside another cgroup namespace, where what is above is left out.
    return found[1].replace("_", "-") if found and (_KUBEPODS.search(cgroup) or cgroup.startswith("/..")) else ""


def looks_static(pod_uid: str) -> bool:
    """Tell whether a pod's uid is the hash of a manifest, which only static pods have."""
    return _STATIC.match(pod_uid) is not None


def belonging(cgroup: str, *, own_namespace: bool) -> Belonging | None:
    """Return the container that a cgroup is of, or None for the host's; `own_namespace` says that the process has pids of its own."""
    pod_uid = pod_in(cgroup)
    start = found.start() if pod_uid and (found := _POD.search(cgroup)) else 0
    named = _CONTAINER.search(cgroup, start)
    if _MONITOR.search(cgroup):
        return None
    if named:
        runtime = named["runtime"] or ("docker" if not pod_uid and "/docker/" in cgroup[: named.start() + 1] else "")
        return Belonging(pod_uid=pod_uid, container_id=named["id"], runtime=runtime, path=cgroup[: named.end()])
    # Some other runtime's: `ctr` calls containers as people like. A service or a login of systemd's is none.
    foreign = own_namespace and not re.search(r"\.service(?:/|$)|^/user\.slice/|^/$|^/init\.scope$", cgroup)
    if pod_uid or foreign:
        return Belonging(pod_uid=pod_uid, container_id=cgroup.rsplit("/", 1)[-1], runtime="", path=cgroup)
    return None


def own_cgroup(host: HostRoot, mine: Path = Path(_TREE)) -> str:
    """Return where this process stands in the host's tree, or an empty string where that cannot be told.

    In a cgroup namespace /proc/PID/cgroup tells paths relative to this process (cgroup_namespaces(7)), and what is
    mounted here as the whole tree is only its own part: the same directory in the host's tree has the same inode.
    """
    try:
        wanted = mine.stat()
        for path in _groups_with_pods(host):
            with host.at(path) as place:
                if (place.metadata.st_dev, place.metadata.st_ino) == (wanted.st_dev, wanted.st_ino):
                    return path.removeprefix(_TREE)
    except (OSError, ScannerError):
        return ""
    return ""


def _groups_with_pods(host: HostRoot) -> list[str]:
    with host.at(_TREE) as top:
        waiting = [top.target]
    found: list[str] = []
    while waiting and len(found) < 10_000:
        directory = waiting.pop()
        found.append(directory)
        if directory.count("/") < 12:
            waiting += [path for path in host.below(directory, "*", 1) if _may_hold_pods(path, host)]
    return found


def _may_hold_pods(path: str, host: HostRoot) -> bool:
    name = path.rsplit("/", 1)[-1]
    listed = "kubepods" in name or pod_in(path) or _CONTAINER.search(path) or name in {"kubelet.slice", "kubelet"}
    return bool(listed) and host.status(path).kind.value == "directory"


def absolute(cgroup: str, own: str) -> str:
    """Return a cgroup's path in the host's tree, where it was told relative to `own`."""
    if not own or not (cgroup.startswith("/..") or cgroup == "/"):
        return cgroup
    return posixpath.normpath(f"{own}/{cgroup.lstrip('/')}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What limits a container; `gaps` says what could not be read."""

    memory: int | None
    pids: int | None
    cpu: bool
    gaps: tuple[str, ...]


def limits_of(host: HostRoot, belongs: Belonging) -> Limits:
    """Return the tightest limits of a container's cgroup and its pod's; those of all pods together limit no single one."""
    gaps: list[str] = []
    unified = _exists(host, f"{_TREE}/cgroup.controllers")
    path = belongs.path
    paths = _upwards(path)
    memory = _least(host, paths, "memory.max" if unified else "memory/memory.limit_in_bytes", "memory_limit", gaps)
    pids = _least(host, paths, "pids.max" if unified else "pids/pids.max", "pids_limit", gaps)
    cpu = _cpu(host, path, gaps, unified=unified)
    return Limits(memory=memory, pids=pids, cpu=cpu, gaps=tuple(gaps))


def _upwards(path: str) -> list[str]:
    """Return a container's cgroup, and its pod's where it is in one."""
    pod = _POD.search(path)
    if pod is None:
        return [path]
    end = path.find("/", pod.end())
    return [path, path[:end]] if end > 0 else [path]


def _least(host: HostRoot, paths: list[str], file: str, field: str, gaps: list[str]) -> int | None:
    """Return the least number in a file of several cgroups, None where all say that there is no limit."""
    controller, _, name = file.rpartition("/")
    found: list[int] = []
    for path in paths:
        try:
            text = host.read(f"{_TREE}/{controller}{path}/{name}").decode(errors="replace").strip()
        except (Missing, Barred) as error:
            gaps.append(f"{field}: {error}")
            continue
        if text.isdecimal() and int(text) < _ENDLESS:
            found.append(int(text))
    return min(found, default=None)


def _cpu(host: HostRoot, path: str, gaps: list[str], *, unified: bool) -> bool:
    at = f"{_TREE}{path}" if unified else f"{_TREE}/cpu{path}"
    weight, quota = ("cpu.weight", "cpu.max") if unified else ("cpu.shares", "cpu.cfs_quota_us")
    usual = ("100", "max") if unified else ("1024", "-1")
    try:
        seen = [host.read(f"{at}/{name}").decode(errors="replace").split()[:1] for name in (weight, quota)]
    except (Missing, Barred) as error:
        gaps.append(f"cpu_limited: {error}")
        return False
    return seen != [[usual[0]], [usual[1]]]


def _exists(host: HostRoot, path: str) -> bool:
    try:
        host.status(path)
    except (Missing, Barred):
        return False
    return True
