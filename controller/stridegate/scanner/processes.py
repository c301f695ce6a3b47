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
    first = host.read("/proc/1/cgroup", _MOST_BYTES)
    # Told relative to this process, where it is in a cgroup namespace of its own.
    own = own_cgroup(host) if b"::/.." in first else ""
    # A host may be a container itself, as nodes of kind are: what its first process stands in is then its root.
    bases = {name: path.removesuffix("/init.scope").rstrip("/") for name, path in _paths(first, own).items()}
    seen = (_sight(host, number, own, bases) for number in numbers)
    return tuple(each for each in seen if each is not None)


def _paths(content: bytes, own: str) -> dict[str, str]:
    """Return the paths of a cgroup file by their controllers (cgroups(7)), made whole."""
    lines = (line.split(":", 2) for line in _lines(content))
    return {fields[1]: absolute(fields[2], own) for fields in lines if len(fields) == 3}


def _below(path: str, base: str) -> str:
    return path[len(base) :] or "/" if path == base or path.startswith(f"{base}/") else path


def _sight(host: HostRoot, number: int, own: str, bases: Mapping[str, str]) -> Sight | None:
    """Return a process, or None for one of the kernel and one that is gone by now."""
    try:
        status = _status(host.read(f"/proc/{number}/status", _MOST_BYTES))
        arguments = host.read(f"/proc/{number}/cmdline", _MOST_BYTES)
        if not arguments and (number == 2 or status.get("PPid") == "2"):
            return None
        groups = _paths(host.read(f"/proc/{number}/cgroup", _MOST_BYTES), own)
    except Missing:
        return None
    paths = {name: _below(path, bases.get(name, "")) for name, path in groups.items()}
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
