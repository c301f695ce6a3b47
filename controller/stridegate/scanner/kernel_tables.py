"""Tables that the kernel shows of a process: what is mounted for it, its TCP sockets, its network interfaces."""

from __future__ import annotations

import ipaddress
import itertools
import re
from collections.abc import Iterator

from stridegate.model.nodes.answers import Mount, Socket, SocketState

_ESCAPED = re.compile(r"\\([0-7]{3})")
# States of /proc/net/tcp (include/net/tcp_states.h).
_STATES = {"0A": SocketState.LISTEN, "01": SocketState.ESTABLISHED}


def mounts_in(content: bytes) -> tuple[Mount, ...]:
    """Return the lines of a mountinfo file (proc_pid_mountinfo(5))."""
    return tuple(each for line in content.decode(errors="replace").split("\n") if (each := _mount(line)))


def _mount(line: str) -> Mount | None:
    fields = line.split(" ")
    if "-" not in fields[6:]:
        return None
    end = fields.index("-", 6)
    if len(fields) < end + 3:
        return None
    return Mount(
        point=_unescaped(fields[4]),
        root=_unescaped(fields[3]),
        source=_unescaped(fields[end + 2]),
        file_system=fields[end + 1],
        # Those of the mount, then those of its file system: `ro` of the latter holds too.
        options=tuple(dict.fromkeys(",".join((fields[5], *fields[end + 3 : end + 4])).split(","))),
        propagation=tuple(fields[6:end]),
        device=fields[2],
    )


def _unescaped(field: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 8)), field) if "\\" in field else field


def sockets_in(content: bytes) -> Iterator[Socket]:
    """Yield the listeners and connections of a net/tcp or net/tcp6 file."""
    for line in content.decode(errors="replace").split("\n")[1:]:
        fields = line.split()
        state = _STATES.get(fields[3]) if len(fields) > 7 else None
        if state is None:
            continue
        local, local_port = _endpoint(fields[1])
        remote, remote_port = _endpoint(fields[2])
        yield Socket(
            state=state,
            local_address=local,
            local_port=local_port,
            remote_address=remote if state is SocketState.ESTABLISHED else "",
            remote_port=remote_port if state is SocketState.ESTABLISHED else 0,
            uid=int(fields[7]),
        )


def _endpoint(field: str) -> tuple[str, int]:
    """Return address and port; the address is written as 32 bit words in the order of a little-endian machine."""
    address, _, port = field.partition(":")
    words = bytes.fromhex(address)
    packed = b"".join(words[start : start + 4][::-1] for start in range(0, len(words), 4))
    told = ipaddress.ip_address(packed)
    mapped = told.ipv4_mapped if isinstance(told, ipaddress.IPv6Address) else None
    return str(mapped or told), int(port, 16)


def interfaces_in(content: bytes) -> frozenset[str]:
    """Return the names of a net/dev file."""
    lines = content.decode(errors="replace").split("\n")[2:]
    return frozenset(line.rpartition(":")[0].strip() for line in lines if ":" in line)


def addresses_in(fib_trie: bytes, if_inet6: bytes) -> frozenset[str]:
    """Return a network namespace's own addresses, from its net/fib_trie and net/if_inet6, without those of loopback."""
    found: set[str] = set()
    lines = fib_trie.decode(errors="replace").split("\n")
    for before, line in itertools.pairwise(lines):
        if "/32 host LOCAL" in line and (address := _address(before.rpartition(" ")[2])):
            found.add(address)
    for line in if_inet6.decode(errors="replace").split("\n"):
        digits = line.split(" ")[0]
        if len(digits) == 32 and (address := _address(":".join(digits[at : at + 4] for at in range(0, 32, 4)))):
            found.add(address)
    return frozenset(found)


def _address(text: str) -> str:
    try:
        told = ipaddress.ip_address(text)
    except ValueError:
        return ""
    return "" if told.is_loopback or told.is_link_local else str(told)
