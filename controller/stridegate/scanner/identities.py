"""Who a container's processes are to the host: their user namespaces, and the most that any process can have here.

A privileged container gets what its runtime has (containerd: WithAllCurrentCapabilities), and that is bounded by the
host's first process. On a host that lacks a capability itself (a node in a container, CapabilityBoundingSet= in systemd's
system.conf or in the runtime's unit), no container ever has "every capability" of the kernel.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from stridegate.model.nodes.answers import Users
from stridegate.scanner.errors import Barred, Missing
from stridegate.scanner.host_root import HostRoot
from stridegate.scanner.processes import Sight

# What runtimes give a container that asks for nothing.
DEFAULT_CAPABILITIES = 0x00000000A80425FB


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who the processes of one container are.

    `users` tells whose user namespace each is in, by its number, and `ceiling` the capabilities that none can exceed,
    None where that is not told. `map` is the container's own, as rows of first number there, first on the host, length.
    """

    users: Mapping[int, Users]
    ceiling: int | None
    map: tuple[tuple[int, int, int], ...]

    def own_uid(self, uid: int) -> int | None:
        """Return a host's user number as the container has it; None where it has none for it."""
        return next((own + uid - host for own, host, length in self.map if host <= uid < host + length), None)


class Identities:
    """The host's processes by their numbers, to tell those of containers apart by."""

    def __init__(self, host: HostRoot, sights: Iterable[Sight]) -> None:
        self._host = host
        self._sights: Mapping[int, Sight] = {each.process.pid: each for each in sights}
        self._own = self._map(1)

    def of(self, inside: list[Sight]) -> Identity:
        """Return who the processes of one container are.

        A map (uid_map) that differs from that of the host's first process is another namespace's. What cannot be read,
        and a namespace with the very same map, count as the host's.
        """
        numbers = {each.process.pid for each in inside}
        entering = [each for each in inside if _parent(each) not in numbers]
        maps = {pid: self._map(pid) for pid in numbers}
        given = [maps[each.process.pid] for each in entering]
        users = {
            pid: Users.HOST if not self._own or own in {None, self._own} else _whose(own, given)
            for pid, own in maps.items()
        }
        own_map = next(filter(None, given), None) or b""
        return Identity(users=users, ceiling=self._ceiling(entering), map=tuple(_rows(own_map)))

    def _ceiling(self, entering: list[Sight]) -> int | None:
        first = self._sights.get(1)
        most = capability_set(first, "CapBnd") if first else None
        if most is None:
            return None
        usual = DEFAULT_CAPABILITIES & most
        for sight in entering:
            # Its shim or monitor, or whoever runs a command in it: a process of the host.
            starter = self._sights.get(_parent(sight))
            if starter is None or len(starter.process.namespace_pids) > 1:
                continue
            bound = capability_set(starter, "CapBnd")
            # What cannot give more than the usual set started no privileged container, and is no measure.
            if bound is not None and bound & usual == usual and bound & most & ~DEFAULT_CAPABILITIES:
                most &= bound
        return most

    def _map(self, pid: int) -> bytes | None:
        try:
            return self._host.read(f"/proc/{pid}/uid_map")
        except (Missing, Barred):
            return None


def _whose(own: bytes | None, given: list[bytes | None]) -> Users:
    return Users.CONTAINER if own in given else Users.NESTED


def _rows(own_map: bytes) -> Iterator[tuple[int, int, int]]:
    for line in own_map.decode(errors="replace").split("\n"):
        fields = [int(each) for each in line.split() if each.isdecimal()]
        if len(fields) == 3:
            yield fields[0], fields[1], fields[2]


def _parent(sight: Sight) -> int:
    number = sight.status.get("PPid", "")
    return int(number) if number.isdecimal() else 0


def capability_set(sight: Sight, key: str) -> int | None:
    """Return a set of capabilities of a process' status file; None where it is not told."""
    try:
        return int(sight.status.get(key, ""), 16)
    except ValueError:
        return None
