"""Whether the cloud's metadata service of this node answers its pods: one GET without credentials, of which only the status is read.

Asked from the scanner's pod, which has a network of its own: who answers it answers every pod that no policy holds back.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable
from enum import StrEnum

from stridegate.scanner.errors import Barred, Missing
from stridegate.scanner.host_root import HostRoot

Endpoint = tuple[str, int]

# Where clouds answer for the machine that asks. The first is link-local (RFC 3927, 2.7: no router passes it on); the
# second is EC2's, out of the private range, and means nothing elsewhere.
LINK_LOCAL: Endpoint = ("169.254.169.254", 80)
OF_EC2: Endpoint = ("fd00:ec2::254", 80)
_VENDOR = "/sys/devices/virtual/dmi/id/sys_vendor"
_EC2 = b"Amazon EC2"
_REQUEST = b"GET / HTTP/1.0\r\nUser-Agent: stridegate-scanner\r\nConnection: close\r\n\r\n"
_UNAUTHORIZED = frozenset({b"HTTP/1.0 401", b"HTTP/1.1 401"})
# Of the answer no more is read than this many bytes, which end with the status.
_START = 12
# Seconds for the connection, and for the answer on it.
_PATIENCE = 0.8
# How a kernel says that nobody is there, that there is no way, or that a policy closes it.
_CLOSED = frozenset({
    *(errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN),
    *(errno.ETIMEDOUT, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EACCES, errno.EPERM),
})  # fmt: skip


class Reach(StrEnum):
    """What a report says of the metadata service: `status.node.instanceMetadata`."""

    REACHABLE = "reachable"
    UNREACHABLE = "unreachable"


def nowhere(_: HostRoot) -> tuple[Endpoint, ...]:
    """Return no endpoint: nobody wants it tried."""
    return ()


def endpoints(kernel: HostRoot) -> tuple[Endpoint, ...]:
    """Return where the node's own cloud may answer: EC2's second address is asked where the firmware says that this is EC2."""
    try:
        vendor = kernel.read(_VENDOR)
    except (Missing, Barred):
        return (LINK_LOCAL,)
    return (LINK_LOCAL, OF_EC2) if vendor.strip() == _EC2 else (LINK_LOCAL,)


def reach(asked: Iterable[Endpoint]) -> Reach | None:
    """Return whether one of the endpoints answers, None where that cannot be told.

    It cannot where a session is demanded first (401, IMDSv2): whether pods get one depends on the hop limit of its
    answer, and asking for one would be asking for a credential.
    """
    told = [_reach(each) for each in asked]
    if Reach.REACHABLE in told:
        return Reach.REACHABLE
    return None if None in told or not told else Reach.UNREACHABLE


def _reach(endpoint: Endpoint) -> Reach | None:
    try:
        connection = socket.create_connection(endpoint, timeout=_PATIENCE)
    except TimeoutError:
        return Reach.UNREACHABLE
    except OSError as error:
        return Reach.UNREACHABLE if error.errno in _CLOSED else None
    with connection:
        try:
            connection.sendall(_REQUEST)
            start = connection.recv(_START)
        except OSError:
            # Somebody took the connection: that nothing came in time is no proof that nothing ever does.
            return Reach.REACHABLE
    return None if start in _UNAUTHORIZED else Reach.REACHABLE
