"""Processes of a host, from its /proc, as a reader in another pid namespace may see them (proc_pid_status(5))."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stridegate.model.nodes.answers import Process
from stridegate.scanner.cgroups import absolute, looks_static, own_cgroup, pod_in
from stridegate.scanner.errors import Barred, Missing
from stridegate.scanner.host_root import HostRoot
from stridegate.scanner.secrets import redacted_arguments

# The most processes that are looked at, and bytes of a file of one.
_MOST_PROCESSES = 32_768
_MOST_BYTES = 128 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """A process, and the rest of its status file."""

    process: Process
    status: Mapping[str, str]


def processes_of(host: HostRoot) -> tuple[Sight, ...]:
    """Return every process but the kernel's own, with cgroups as the host knows them.

    Raises Missing and Barred, also where /proc hides other users' processes.
    """
    numbers = sorted(int(name) for name in host.names("/proc") if name.isdecimal())
    if len(numbers) > _MOST_PROCESSES:
        raise Barred("/proc", f"has more than {_MOST_PROCESSES} processes")
    if 1 not in numbers:
        raise Barred("/proc", "does not show process 1: it is mounted with hidepid, or is another's")
    # Told relative to this process, where it is in a cgroup namespace of its own.
    relative = b"::/.." in host.read("/proc/1/cgroup", _MOST_BYTES)
    own = own_cgroup(host) if relative else ""
    seen = (_sight(host, number, own) for number in numbers)
    return tuple(each for each in seen if each is not None)


def _sight(host: HostRoot, number: int, own: str) -> Sight | None:
    """Return a process, or None for one of the kernel and one that is gone by now."""
    try:
        status = _status(host.read(f"/proc/{number}/status", _MOST_BYTES))
        arguments = host.read(f"/proc/{number}/cmdline", _MOST_BYTES)
        if not arguments and (number == 2 or status.get("PPid") == "2"):
            return None
        groups = _lines(host.read(f"/proc/{number}/cgroup", _MOST_BYTES))
    except Missing:
        return None
    paths = {fields[1]: absolute(fields[2], own) for line in groups if len(fields := line.split(":", 2)) == 3}
    # That of the unified hierarchy, which says nothing where version 1 rules; then that of the memory or any controller.
    cgroup = next(
        filter(pod_in, paths.values()), paths.get("memory") or paths.get("") or next(iter(paths.values()), "/")
    )
    pod_uid = pod_in(cgroup)
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
    return Sight(process=process, status=status)


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
