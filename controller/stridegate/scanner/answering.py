"""Answers to every query there is, for one host: from its files, its /proc, its kubelet and its ports.

What a rule asks is answered as it is when it asks; what many rules ask about, the processes, is read once a scan.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cached_property, partial
from typing import Any, cast

from stridegate.model.nodes import queries
from stridegate.model.nodes.answers import Absent, Process, Socket, Unreadable
from stridegate.model.nodes.queries import Query
from stridegate.scanner.containers import Served, containers_of
from stridegate.scanner.errors import Missing
from stridegate.scanner.file_answers import FILE_ANSWERS, looked_up, settled
from stridegate.scanner.host_root import HostRoot
from stridegate.scanner.kernel_tables import interfaces_in, mounts_in, sockets_in
from stridegate.scanner.processes import Sight, processes_of
from stridegate.scanner.served_pods import is_static
from stridegate.scanner.workers import Looks

# Answers the queries about files: in this process, or in the container that reads.
Files = Callable[[Iterable[Query[object]]], Mapping[Query[object], object]]

# What is the kernel's and the runtimes', and not on a disk.
_KERNEL = ("/proc", "/sys", "/run", "/var/run")
# The most bytes of a table of the kernel: a line of net/tcp has 150, and a busy node some ten thousand connections.
_MOST_TABLE = 8 * 1024 * 1024


class HostAnswers:
    """What is asked in one scan of one host. Make a new one for each scan."""

    def __init__(
        self,
        kernel: Looks,
        files: Files,
        further: Mapping[type[Query[Any]], Callable[[Any], object]],
        own_pod: str = "",
        told: Mapping[Query[Any], object] | None = None,
    ) -> None:
        """Take who knows what: `kernel` shows /proc, /sys and /run, `files` answers what is asked of files, `further` the rest.

        The pod with the uid `own_pod` is this process' own, and not judged. What is `told` already is not asked again.
        """
        self._told = told or {}
        self._own_pod = own_pod
        self._kernel = kernel
        self._files = files
        self._further = further

    def __call__(self, asked: frozenset[Query[object]]) -> Mapping[Query[object], object]:
        """Return an answer to every query."""
        known = {query: self._told[query] for query in asked if query in self._told}
        asked -= known.keys()
        about_files = {query for query in asked if type(query) in FILE_ANSWERS and type(query) not in self._further}
        of_kernel = [query for query in about_files if is_of_kernel(query)]
        of_files = [query for query in about_files if not is_of_kernel(query)]
        rest = asked - about_files
        plain = {query: _plainly(query) for query in of_kernel}
        of_kernel_told = looked_up(self._kernel, plain.values())
        return {
            **known,
            **{query: of_kernel_told[each] for query, each in plain.items()},
            **(self._files(of_files) if of_files else {}),
            **{query: settled(query, partial(self._answer, query)) for query in rest},
        }

    def _answer(self, query: Query[object]) -> object:
        match query:
            case queries.HostProcesses():
                return self._processes
            case queries.HostMounts():
                return mounts_in(self._table("mountinfo"))
            case queries.HostSockets():
                return self._sockets()
            case queries.HostInterfaces():
                return interfaces_in(self._table("net/dev"))
            case queries.Containers():
                return self._kernel.run(containers_of, self._sights, self._served, self._own_pod)
        further = self._further.get(type(query))
        return Unreadable(type(query).__name__, "cannot be asked here") if further is None else further(query)

    @cached_property
    def _sights(self) -> tuple[Sight, ...]:
        return self._kernel.run(processes_of)

    @cached_property
    def _served(self) -> Served:
        """The pods that the kubelet serves; asked once a scan."""
        ask = self._further.get(queries.KubeletPods)
        pods = settled(queries.KubeletPods(), partial(ask, queries.KubeletPods())) if ask else None
        if pods is None or isinstance(pods, Absent | Unreadable):
            return Served()
        return Served.of(cast("tuple[Mapping[str, object], ...]", pods))

    @cached_property
    def _processes(self) -> tuple[Process, ...]:
        # First, so that a pod that starts meanwhile is known to the kubelet.
        sights = self._sights
        pods = self._served.pods
        if pods is None:
            return tuple(each.process for each in sights)
        static = {uid for uid, pod in pods.items() if is_static(pod)}
        return tuple(replace(each.process, static=each.process.pod_uid in static) for each in sights)

    def _sockets(self) -> tuple[Socket, ...]:
        found = list(sockets_in(self._table("net/tcp")))
        with contextlib.suppress(Missing):  # a kernel without IPv6
            found += sockets_in(self._table("net/tcp6"))
        return tuple(found)

    def _table(self, name: str) -> bytes:
        return self._kernel.run(HostRoot.read, f"/proc/1/{name}", _MOST_TABLE)


def _plainly(query: Query[Any]) -> Query[Any]:
    """Return a question about /var/run as one about /run, which it is a link to; where /run is mounted alone nothing says so."""
    field = "directory" if isinstance(query, queries.FilesUnder) else "path"
    path = getattr(query, field)
    if path != "/var/run" and not path.startswith("/var/run/"):
        return query
    return cast("Query[Any]", replace(cast("Any", query), **{field: path.removeprefix("/var")}))


def is_of_kernel(query: Query[Any]) -> bool:
    """Tell whether a question about files is one about /proc, /sys or /run."""
    path = query.directory if isinstance(query, queries.FilesUnder) else getattr(query, "path", "")
    return any(path == each or path.startswith(f"{each}/") for each in _KERNEL)
