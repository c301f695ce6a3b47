"""Free and taken TCP ports, and the address by which this machine reaches itself from inside a cluster."""

import socket
from contextlib import ExitStack

from localkube.errors import PortTaken

LOOPBACK = "127.0.0.1"


def free_ports(count: int) -> tuple[int, ...]:
    """Find ports on loopback that nobody listens on now. All are held at once, so that they differ."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind((LOOPBACK, 0))
        return tuple(one.getsockname()[1] for one in sockets)


def require_free(port: int, *, purpose: str, remedy: str) -> None:
    """Raise PortTaken if somebody listens on the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a closed connection in TIME_WAIT is no listener
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            raise PortTaken(port, purpose, remedy) from None


def host_address() -> str:
    """Find this machine's own address: EndpointSlices refuse loopback. Loopback where the machine has no other.

    Connecting a UDP socket sends nothing; it asks the kernel which address it would send from. 192.0.2.1 is a
    documentation address (RFC 5737): any route will do.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as question:
        try:
            question.connect(("192.0.2.1", 9))
        except OSError:
            return LOOPBACK
        return str(question.getsockname()[0])
