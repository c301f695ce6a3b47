"""Addresses that daemons listen on, as flags and files write them: `127.0.0.1:10249`, `[::]:443`, `:8080`, `10250`, `https://host:1`."""

from __future__ import annotations

import enum
import ipaddress
import re
from dataclasses import dataclass

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_PORT = re.compile(r"[0-9]{1,5}", re.ASCII)
_HIGHEST_PORT = 65535


class Reach(enum.Enum):
    """Who can reach a listener."""

    # The node itself alone.
    LOOPBACK = "loopback"
    # Whoever reaches one of the node's addresses; a host name counts here, since what it means is not known.
    ADDRESS = "one address"
    # Whoever reaches any address of the node.
    EVERYWHERE = "every address"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a daemon listens or connects to. `host` is empty for every address, `port` None where none is said."""

    host: str
    port: int | None = None
    scheme: str = ""

    @property
    def reach(self) -> Reach:
        """Who can reach a listener there."""
        return reach(self.host)


def parse_endpoint(text: str) -> Endpoint | None:
    """Return what an address says; None for what is none.

    Knows `scheme://`, `host:port`, `[IPv6]:port`, `:port`, a bare host or IPv6 address, and a bare number, which is a port.
    A path behind the port is left out.
    """
    rest = text.strip()
    scheme = ""
    if (match := _SCHEME.match(rest)) is not None:
        scheme = match.group(1).lower()
        rest = rest[match.end() :].split("/", 1)[0]
    host, port = _split(rest)
    if any(sign in host for sign in "[]/ \t@") or (not host and port is None):
        return None
    if port is None:
        return Endpoint(host, None, scheme)
    if not _PORT.fullmatch(port) or int(port) > _HIGHEST_PORT:
        return None
    return Endpoint(host, int(port), scheme)


def _split(rest: str) -> tuple[str, str | None]:
    if rest.startswith("["):
        host, bracket, after = rest[1:].partition("]")
        if bracket and (not after or after.startswith(":")):
            return host or "::", after[1:] if after else None
        return rest, None
    if rest.count(":") > 1:  # an IPv6 address without brackets has no port
        return rest, None
    if _PORT.fullmatch(rest):
        return "", rest
    host, colon, port = rest.partition(":")
    return host, port if colon else None


def reach(host: str) -> Reach:
    """Return who can reach what listens on a host address, which is empty where a daemon was given none."""
    bare = host.strip().strip("[]").partition("%")[0]
    if bare in {"", "*"}:
        return Reach.EVERYWHERE
    if bare.rstrip(".").lower() == "localhost":
        return Reach.LOOPBACK
    try:
        address: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(bare)
    except ValueError:
        return Reach.ADDRESS
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if address.is_unspecified:
        return Reach.EVERYWHERE
    return Reach.LOOPBACK if address.is_loopback else Reach.ADDRESS


def is_loopback(text: str) -> bool:
    """Whether an address with or without a port is reachable from the node itself alone; False for what is no address."""
    endpoint = parse_endpoint(text)
    return endpoint is not None and endpoint.reach is Reach.LOOPBACK
