"""Where the server listens, and how many files it may have open."""

from __future__ import annotations

import resource
import socket
from collections.abc import Iterator

import pytest

from stridegate.webhook.receptions import allow_files, listening_socket


def _has(address: str) -> bool:
    """Whether this machine has a loopback address."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


LOOPBACKS = [each for each in ("127.0.0.1", "::1") if socket.has_ipv6 or "." in each if _has(each)]


@pytest.fixture
def soft_limit() -> Iterator[int]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, before[1]))
    yield 512
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.parametrize("loopback", LOOPBACKS)
def test_without_an_address_every_one_is_listened_on(loopback: str) -> None:
    with listening_socket("", 0) as listener, socket.create_connection((loopback, listener.getsockname()[1])) as caller:
        assert caller.getpeername()[0] == loopback


@pytest.mark.parametrize("loopback", LOOPBACKS)
def test_an_address_is_listened_on_alone(loopback: str) -> None:
    with listening_socket(loopback, 0) as listener:
        assert listener.getsockname()[0] == loopback


def test_as_many_files_as_are_wanted_are_allowed(soft_limit: int) -> None:
    allowed = allow_files(soft_limit + 100)

    assert allowed == soft_limit + 100
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == allowed


def test_what_is_allowed_already_stays(soft_limit: int) -> None:
    assert allow_files(100) == 100
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == soft_limit


def test_no_more_is_allowed_than_may_be(soft_limit: int) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]

    assert soft_limit < hard
    assert allow_files(2 * hard) == hard
    assert allow_files(2 * hard) == hard
