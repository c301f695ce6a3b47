"""Who can reach a listener is told from its address as parsed, not from how it looks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stridegate.model.nodes.addresses import Endpoint, Reach, is_loopback, parse_endpoint, reach


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("127.0.0.1:10249", Endpoint("127.0.0.1", 10249)),
        ("127.0.0.1", Endpoint("127.0.0.1")),
        (":8080", Endpoint("", 8080)),
        ("10255", Endpoint("", 10255)),
        ("0.0.0.0:0", Endpoint("0.0.0.0", 0)),
        ("[::]:443", Endpoint("::", 443)),
        ("[::1]:443", Endpoint("::1", 443)),
        ("[::1]", Endpoint("::1")),
        ("[]:443", Endpoint("::", 443)),
        ("::1", Endpoint("::1")),
        ("https://10.0.0.5:2379/health", Endpoint("10.0.0.5", 2379, "https")),
        ("TCP://0.0.0.0:2375", Endpoint("0.0.0.0", 2375, "tcp")),
        (" localhost:1 ", Endpoint("localhost", 1)),
    ],
)
def test_an_address_is_taken_apart(text: str, endpoint: Endpoint) -> None:
    assert parse_endpoint(text) == endpoint


@pytest.mark.parametrize(
    "text", ["", "[::1", "[::1]x", "host:", "host:port", "host:70000", "a b:1", "host:-1", "/run/a.sock"]
)
def test_what_is_no_address_is_not_guessed_at(text: str) -> None:
    assert parse_endpoint(text) is None
    assert not is_loopback(text)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost", "LOCALHOST.", "::ffff:127.0.0.1", "::1%lo"]
)
def test_loopback_is_the_node_alone(host: str) -> None:
    assert reach(host) is Reach.LOOPBACK


@pytest.mark.parametrize("host", ["", "*", "0.0.0.0", "::", "[::]", "0:0:0:0:0:0:0:0", "::ffff:0.0.0.0"])
def test_an_unspecified_host_is_every_address(host: str) -> None:
    assert reach(host) is Reach.EVERYWHERE


@pytest.mark.parametrize(
    "host", ["10.0.0.1", "node1", "127.0.0.1.example.org", "127.0.0", "fe80::1%eth0", "1270.0.0.1"]
)
def test_anything_else_may_be_reached_from_outside(host: str) -> None:
    assert reach(host) is Reach.ADDRESS


@given(st.text(max_size=60))
def test_any_text_is_an_address_or_is_none(text: str) -> None:
    endpoint = parse_endpoint(text)

    assert endpoint is None or endpoint.reach in Reach
