"""Processes of a host, from its /proc, as a reader in another pid namespace may see them (proc_pid_status(5))."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from stridegate.model.nodes.answers import Process
from stridegate.scanner.errors import Barred, Missing
from stridegate.scanner.host_root import HostRoot
from stridegate.scanner.secrets import redacted_arguments

# The most processes that are looked at, and bytes of a file of one.
_MOST_PROCESSES = 32_768
_MOST_BYTES = 128 * 1024

# How a pod's uid stands in the name of its cgroup: `/kubepods/burstable/pod<uid>` with the cgroupfs driver,
# `kubepods-burstable-pod<uid>.slice` with systemd's, where `-` of the uid became `_`. A static pod's uid is the MD5 of
# its manifest, without dashes: 32 hexadecimal digits, which the API server gives to no pod.
_POD = re.compile(
    r"(?:/|-)pod([0-9a-f]{8}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{12}|[0-9a-f]{32})(?=[./]|$)"
)
_KUBEPODS = re.compile(r"(?:^|/)kubepods?(?:-[a-z-]+)?(?:\.slice)?(?=[/:-]|$)|(?:^|/)kubelet-kubepods")
_STATIC = re.compile(r"[0-9a-f]{32}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """A process, and the rest of its status file."""

    process: Process
    status: Mapping[str, str]
    cgroups: tuple[str, ...]


def pod_in(cgroup: str) -> str:
    """Return the uid of the pod that a cgroup belongs to, as the API server writes it; empty for a cgroup of the host."""
    found = _POD.search(cgroup)
    return found[1].replace("_", "-") if found and _KUBEPODS.search(cgroup) else ""


def looks_static(pod_uid: str) -> bool:
    """Tell whether a pod's uid is the hash of a manifest, which only static pods have."""
    return _STATIC.match(pod_uid) is not None


def processes_of(host: HostRoot) -> tuple[Sight, ...]:
    """Return every process but the kernel's own. Raises Missing and Barred, also where /proc hides other users' processes."""
    numbers = sorted(int(name) for name in host.names("/proc") if name.isdecimal())
    if len(numbers) > _MOST_PROCESSES:
        raise Barred("/proc", f"has more than {_MOST_PROCESSES} processes")
    if 1 not in numbers:
        raise Barred("/proc", "does not show process 1: it is mounted with hidepid, or is another's")
    seen = (_sight(host, number) for number in numbers)
    return tuple(each for each in seen if each is not None)


def _sight(host: HostRoot, number: int) -> Sight | None:
    """Return a process, or None for one of the kernel and one that is gone by now."""
    try:
        status = _status(host.read(f"/proc/{number}/status", _MOST_BYTES))
        arguments = host.read(f"/proc/{number}/cmdline", _MOST_BYTES)
        if not arguments and (number == 2 or status.get("PPid") == "2"):
            return None
        groups = tuple(_lines(host.read(f"/proc/{number}/cgroup", _MOST_BYTES)))
    except Missing:
        return None
    cgroup = _cgroup(groups)
    pod_uid = next((uid for uid in map(pod_in, (line.split(":", 2)[-1] for line in groups)) if uid), "")
    process = Process(
        pid=number,
        comm=status.get("Name", ""),
        argv=redacted_arguments(_arguments(arguments)),
        uid=_number(status, "Uid", 1),
        gid=_number(status, "Gid", 1),
        cgroup=cgroup,
        namespace_pids=tuple(int(each) for each in status.get("NSpid", "").split() if each.isdecimal()),
        pod_uid=pod_uid,
        static=looks_static(pod_uid),
    )
    return Sight(process=process, status=status, cgroups=groups)


def _status(content: bytes) -> dict[str, str]:
    pairs = (line.partition(":") for line in _lines(content))
    return {name: value.strip() for name, given, value in pairs if given}


def _lines(content: bytes) -> list[str]:
    # Names of processes and cgroups are bytes: what is no UTF-8 must not end the scan.
    return content.decode(errors="replace").split("\n")


def _arguments(content: bytes) -> tuple[str, ...]:
    text = content.decode(errors="replace").removesuffix("\0")
    return tuple(text.split("\0")) if text else ()


def _number(status: Mapping[str, str], name: str, column: int) -> int:
    fields = status.get(name, "").split()
    return int(fields[column]) if len(fields) > column and fields[column].isdecimal() else 0


def _cgroup(lines: tuple[str, ...]) -> str:
    """Return the path of the unified hierarchy, else that of the memory or of any controller (cgroups(7))."""
    paths = {fields[1]: fields[2] for line in lines if len(fields := line.split(":", 2)) == 3}
    return paths.get("") or paths.get("memory") or next(iter(paths.values()), "/")
