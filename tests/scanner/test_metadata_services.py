"""Whether the cloud's metadata service answers pods: servers on the loopback stand for it."""

from __future__ import annotations

import ipaddress
import resource
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from hosts import put
from stridegate.kube.reports import Task, read_task
from stridegate.model.nodes.rules import HostFile
from stridegate.scanner.clusters import Api, Credentials
from stridegate.scanner.host_root import HostRoot
from stridegate.scanner.metadata_services import LINK_LOCAL, OF_EC2, Endpoint, Reach, endpoints, reach
from stridegate.scanner.scans import NodeScanner

VENDOR = "/sys/devices/virtual/dmi/id/sys_vendor"


@contextmanager
def answering(answer: bytes, heard: list[bytes] | None = None) -> Iterator[Endpoint]:
    """Answer one connection on the loopback, and keep what was asked."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                asked = connection.recv(4096)
                if heard is not None:
                    heard.append(asked)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()
        thread.join()


@contextmanager
def closed() -> Iterator[Endpoint]:
    """Hold a port where nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()


def task() -> Task:
    return read_task(
        {"metadata": {"name": "node1", "uid": "u"}, "spec": {"profile": "kubeadm", "interval": "10m"}}, 1_800_000_000.0
    )


def scanner(root: HostRoot, tmp_path: Path, *asked: Endpoint) -> NodeScanner:
    api = Api(server="https://127.0.0.1:1", credentials=Credentials(token="", chain="", authority=""))
    return NodeScanner(
        kernel=root,
        reader=tmp_path / "no.sock",
        api=api,
        address="127.0.0.1",
        own_pod="",
        kubelet_port=1,
        metadata=lambda _: asked,
    )


@pytest.mark.parametrize("status", ["200 OK", "400 Bad Request", "403 Forbidden", "404 Not Found", "500 Oops"])
def test_whoever_answers_is_reachable(status: str) -> None:
    with answering(f"HTTP/1.1 {status}\r\n\r\n".encode()) as endpoint:
        assert reach([endpoint]) is Reach.REACHABLE


@pytest.mark.parametrize("answer", [b"", b"\xff" * 4096, b"HTTP/1.1", b"401"])
def test_whoever_takes_the_connection_is_reachable_whatever_it_speaks(answer: bytes) -> None:
    with answering(answer) as endpoint:
        assert reach([endpoint]) is Reach.REACHABLE


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_service_that_demands_a_session_tells_nothing(version: str) -> None:
    with answering(f"HTTP/{version} 401 Unauthorized\r\n\r\n".encode()) as endpoint, closed() as silent:
        assert reach([endpoint, silent]) is None


def test_nobody_who_listens_is_unreachable() -> None:
    with closed() as endpoint:
        assert reach([endpoint]) is Reach.UNREACHABLE


def test_one_address_that_answers_is_enough() -> None:
    with closed() as silent, answering(b"HTTP/1.1 200 OK\r\n\r\n") as endpoint:
        assert reach([silent, endpoint]) is Reach.REACHABLE


def test_whoever_takes_the_connection_and_is_silent_is_reachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert reach([server.getsockname()]) is Reach.REACHABLE


def test_an_address_that_drops_what_is_sent_is_unreachable() -> None:
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        # A queue that is full drops whoever comes next.
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())

        assert reach([server.getsockname()]) is Reach.UNREACHABLE


def test_without_an_address_nothing_is_told() -> None:
    assert reach([]) is None


def test_a_try_that_the_process_itself_could_not_make_tells_nothing() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    with closed() as endpoint:
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, before[1]))
        try:
            told = reach([endpoint])
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)

    assert told is None


def test_the_request_carries_no_credentials() -> None:
    heard: list[bytes] = []

    with answering(b"HTTP/1.1 200 OK\r\n\r\n", heard) as endpoint:
        reach([endpoint])

    assert heard == [b"GET / HTTP/1.0\r\nUser-Agent: stridegate-scanner\r\nConnection: close\r\n\r\n"]


def test_no_address_is_asked_that_a_router_passes_on() -> None:
    assert ipaddress.ip_address(LINK_LOCAL[0]).is_link_local
    assert ipaddress.ip_address(OF_EC2[0]) in ipaddress.ip_network("fc00::/7")


@pytest.mark.parametrize(
    ("vendor", "asked"),
    [
        (None, (LINK_LOCAL,)),
        ("QEMU\n", (LINK_LOCAL,)),
        ("Google\n", (LINK_LOCAL,)),
        ("Amazon EC2\n", (LINK_LOCAL, OF_EC2)),
    ],
)
def test_the_address_of_one_cloud_is_asked_in_that_cloud_alone(
    vendor: str | None, asked: tuple[Endpoint, ...], tmp_path: Path
) -> None:
    put(tmp_path, VENDOR if vendor is not None else "/etc/hostname", HostFile(text=vendor or ""))

    with HostRoot(tmp_path) as root:
        assert endpoints(root) == asked


def test_a_scan_tells_that_pods_reach_the_service(tmp_path: Path) -> None:
    with HostRoot(tmp_path) as root, answering(b"HTTP/1.1 200 OK\r\n\r\n") as endpoint:
        found = scanner(root, tmp_path, endpoint).scan(task())

    assert found.node is not None
    assert found.node["instanceMetadata"] == "reachable"


def test_a_scan_says_nothing_where_it_cannot_tell(tmp_path: Path) -> None:
    with HostRoot(tmp_path) as root, answering(b"HTTP/1.1 401 Unauthorized\r\n\r\n") as endpoint:
        found = scanner(root, tmp_path, endpoint).scan(task())

    assert found.node is not None
    assert "instanceMetadata" not in found.node
