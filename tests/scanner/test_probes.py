"""What ports of this node show: real servers on the loopback, asked without credentials."""

from __future__ import annotations

import http.server
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from authorities import Authority
from stridegate.model.nodes.queries import HttpGet, TlsHandshake
from stridegate.scanner.errors import Barred, Missing
from stridegate.scanner.probes import Probes

OWN = Probes(addresses=frozenset({"192.0.2.10"}), loopback=True)
FROM_POD = Probes(addresses=frozenset({"192.0.2.10"}), loopback=False)


class _Silent(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/open" else 401)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


@contextmanager
def serving(context: ssl.SSLContext | None = None) -> Iterator[int]:
    """Serve HTTP, or HTTPS, on a port of the loopback."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Silent)
    server.handle_error = lambda *_: None  # type: ignore[method-assign] # a handshake that breaks off is no error here
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def context(tmp_path: Path) -> ssl.SSLContext:
    """A server's side of TLS."""
    authority = Authority()
    pair = authority.leaf(name="node1")
    (tmp_path / "chain.pem").write_bytes(pair.certificate + pair.key)
    (tmp_path / "ca.pem").write_bytes(authority.bundle)
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(tmp_path / "chain.pem")
    made.load_verify_locations(tmp_path / "ca.pem")
    return made


@pytest.mark.parametrize(("path", "status"), [("/open", 200), ("/closed", 401)])
def test_a_get_tells_the_status(path: str, status: int) -> None:
    with serving() as port:
        assert OWN.get(HttpGet("http", "127.0.0.1", port, path)).status == status


def test_a_get_does_not_mind_who_signed_the_certificate(context: ssl.SSLContext) -> None:
    with serving(context) as port:
        assert OWN.get(HttpGet("https", "127.0.0.1", port, "/open")).status == 200


def test_a_handshake_tells_the_oldest_version_and_the_certificate(context: ssl.SSLContext) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2

    with serving(context) as port:
        shown = OWN.handshake(TlsHandshake("127.0.0.1", port))

    assert shown.oldest_version == "TLSv1.2"
    assert shown.cipher.startswith("ECDHE")
    assert shown.certificates[0].alternative_names == ("node1",)
    assert not shown.demands_client_certificate


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_server_that_wants_a_certificate_is_known_by_its_refusal(
    context: ssl.SSLContext, version: ssl.TLSVersion
) -> None:
    context.minimum_version = context.maximum_version = version
    context.verify_mode = ssl.CERT_REQUIRED

    with serving(context) as port:
        shown = OWN.handshake(TlsHandshake("127.0.0.1", port))
        answer = OWN.get(HttpGet("https", "127.0.0.1", port, "/open"))

    assert shown.demands_client_certificate
    assert answer.status == 0


def test_a_port_where_nobody_listens_is_absent() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]

        with pytest.raises(Missing):
            OWN.get(HttpGet("http", "127.0.0.1", port, "/"))
        with pytest.raises(Missing):
            OWN.handshake(TlsHandshake("127.0.0.1", port))


def test_a_port_without_tls_is_absent_as_a_tls_server() -> None:
    with serving() as port, pytest.raises(Missing, match="TLS"):
        OWN.handshake(TlsHandshake("127.0.0.1", port))


@pytest.mark.parametrize("address", ["192.0.2.11", "node1", "169.254.169.254"])
def test_other_machines_are_never_asked(address: str) -> None:
    with pytest.raises(Barred):
        OWN.get(HttpGet("http", address, 80, "/"))


def test_a_pod_does_not_take_its_own_loopback_for_the_hosts() -> None:
    with pytest.raises(Barred, match="loopback"):
        FROM_POD.handshake(TlsHandshake("127.0.0.1", 10250))
