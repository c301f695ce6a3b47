"""Where a process listens, and what the HTTP library may write to its log."""

from __future__ import annotations

import logging
import socket

from aiohttp.http_exceptions import HttpProcessingError

# Connections that the kernel completes while the event loop is busy.
_BACKLOG = 1024


def listening_socket(address: str, port: int) -> socket.socket:
    """Return a socket that listens on an address; an empty one means every address of this machine, IPv4 and IPv6.

    Pods of a cluster with IPv6 alone have no IPv4 address to be reached at. Raises OSError.
    """
    if address:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        listener = socket.create_server((address, port), family=family, backlog=_BACKLOG)
    elif socket.has_dualstack_ipv6():
        listener = socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=_BACKLOG)
    else:
        listener = socket.create_server(("", port), backlog=_BACKLOG)
    listener.setblocking(False)
    return listener


def library_log(name: str) -> logging.Logger:
    """Return a log for the HTTP library, which writes a traceback for whatever strangers send: a head that is none is their fault alone."""
    log = logging.getLogger(f"{name}.http")
    if _ours not in log.filters:
        log.addFilter(_ours)
    return log


def _ours(record: logging.LogRecord) -> bool:
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))
