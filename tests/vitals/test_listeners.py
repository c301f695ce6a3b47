"""Where a process listens."""

from __future__ import annotations

import socket

import pytest

from stridegate.vitals.listeners import listening_socket


def _has(address: str) -> bool:
    """Whether this machine has a loopback address."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


LOOPBACKS = [each for each in ("127.0.0.1", "::1") if socket.has_ipv6 or "." in each if _has(each)]


@pytest.mark.parametrize("loopback", LOOPBACKS)
def test_without_an_address_every_one_is_listened_on(loopback: str) -> None:
    with listening_socket("", 0) as listener, socket.create_connection((loopback, listener.getsockname()[1])) as caller:
        assert caller.getpeername()[0] == loopback


@pytest.mark.parametrize("loopback", LOOPBACKS)
def test_an_address_is_listened_on_alone(loopback: str) -> None:
    with listening_socket(loopback, 0) as listener:
        assert listener.getsockname()[0] == loopback
