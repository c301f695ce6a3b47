"""A caller like kube-apiserver: HTTP/1.1 over TLS 1.3, kept alive, on 25 connections.

It must cost less than what it measures, and time to the microsecond: blocking sockets in one thread, no HTTP library.
"""

from __future__ import annotations

import base64
import itertools
import json
import re
import select
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench.reviews import Object, Scenario, http_request, review, unlike
from bench.servers import NAME

CONNECTIONS = 25
LAP = 600
_PATIENCE = 60.0
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)\r\n", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection: *close\r\n", re.IGNORECASE)
_OK = re.compile(rb"HTTP/1\.[01] 200 ")

# Raises AssertionError where a response is not what it should be.
Judge = Callable[[Scenario, int, Object], None]


class WrongAnswer(AssertionError):
    """A server answered something else than it should have."""


class _Connection:
    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        self._port = port
        self._context = context
        self.socket = self._connect()
        # Whether the last response ended the connection, and this is a new one.
        self.renewed = False

    def _connect(self) -> ssl.SSLSocket:
        plain = socket.create_connection(("127.0.0.1", self._port), timeout=_PATIENCE)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._context.wrap_socket(plain, server_hostname=NAME)

    def send(self, head: bytes, body: bytes) -> None:
        """Send a request in two TLS records, as the API server does."""
        self.socket.sendall(head)
        self.socket.sendall(body)

    def receive(self) -> bytes:
        """Return the body of a response that was asked for; connect anew where the server wants it."""
        received = self.socket.recv(65536)
        while (end := received.find(b"\r\n\r\n")) < 0:
            received += self._more(received)
        head = received[: end + 2]
        length = _LENGTH.search(head)
        if length is None or not _OK.match(head):
            raise WrongAnswer(received[:200])
        whole = end + 4 + int(length[1])
        while len(received) < whole:
            received += self._more(received)
        self.renewed = _CLOSE.search(head) is not None
        if self.renewed:
            self.socket.close()
            self.socket = self._connect()
        return received[end + 4 :]

    def _more(self, received: bytes) -> bytes:
        more = self.socket.recv(65536)
        if not more:
            raise WrongAnswer(f"the connection ended after {received[:200]!r}")
        return more


@dataclass(frozen=True, kw_only=True)
class Call:
    """A request that is sent again and again, and the answer that was found right the first time."""

    head: bytes
    body: bytes
    answer: bytes

    def check(self, answer: bytes) -> None:
        """Raise WrongAnswer where an answer differs from the first."""
        if answer != self.answer:
            raise WrongAnswer(f"wanted {self.answer[:500]!r}, got {answer[:500]!r}")


class Caller:
    """Sends the reviews of one scenario to one server: of replicas that are all alike, or of pods of which none is like another."""

    def __init__(self, connections: Sequence[_Connection], calls: Sequence[Call], *, alike: bool) -> None:
        self._connections = connections
        self._calls = calls
        self._alike = alike

    def press(self, laps: int, clock: Callable[[], float]) -> list[float]:
        """Send reviews as fast as they are answered, with one under way on each connection, and return what the clock said after each lap.

        A lap is LAP reviews. The first begins when every connection has been answered once.
        """
        calls = self._endless()
        waiting: deque[tuple[_Connection, Call]] = deque()
        for connection in self._connections:
            call = next(calls)
            connection.send(call.head, call.body)
            waiting.append((connection, call))
        readings: list[float] = []
        for number in range(laps * LAP + len(waiting)):
            connection, call = waiting.popleft()
            call.check(connection.receive())
            if number < laps * LAP:
                call = next(calls)
                connection.send(call.head, call.body)
                waiting.append((connection, call))
            if number >= CONNECTIONS - 1 and (number + 1 - CONNECTIONS) % LAP == 0:
                readings.append(clock())
        return readings

    def pace(self, rate: int, seconds: float) -> list[float]:
        """Send so many reviews per second by the clock, and return how late after its time each was answered, in seconds.

        A review whose time has come while every connection waits is late from then on: a slow server does not slow
        down what it is asked. The loop spins, since sleeping is accurate to a millisecond at most.
        """
        poller = select.epoll()
        idle = deque(self._connections)
        for each in idle:
            poller.register(each.socket.fileno(), select.EPOLLIN)
        under_way: dict[int, tuple[_Connection, Call, float]] = {}
        calls = self._endless()
        count = round(rate * seconds)
        late: list[float] = []
        sent = 0
        begun = time.perf_counter() + 0.05
        while len(late) < count:
            now = time.perf_counter()
            due = begun + sent / rate
            if sent < count and now >= due and idle:
                connection, call = idle.popleft(), next(calls)
                connection.send(call.head, call.body)
                under_way[connection.socket.fileno()] = (connection, call, due)
                sent += 1
            for number, _ in poller.poll(0):
                connection, call, due = under_way.pop(number)
                call.check(connection.receive())
                late.append(time.perf_counter() - due)
                if connection.renewed:
                    poller.register(connection.socket.fileno(), select.EPOLLIN)
                idle.append(connection)
            if now - begun > seconds + _PATIENCE:
                raise WrongAnswer(f"{count - len(late)} of {count} reviews were not answered in time")
        poller.close()
        return late

    def _endless(self) -> Iterator[Call]:
        for number in itertools.count():
            call = self._calls[number % len(self._calls)]
            yield call if self._alike else replace(call, body=unlike(call.body, number))


@contextmanager
def calling(port: int, certificates: Path, scenario: Scenario, judge: Judge, *, alike: bool) -> Iterator[Caller]:
    """Connect, and have each review answered once; the judge looks at the answers."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_verify_locations(certificates / "ca.crt")
    connections = [_Connection(port, context) for _ in range(CONNECTIONS)]
    try:
        calls = [_asked(each, scenario, number, judge) for number, each in enumerate(connections)]
        yield Caller(connections, calls, alike=alike)
    finally:
        for each in connections:
            each.socket.close()


def _asked(connection: _Connection, scenario: Scenario, number: int, judge: Judge) -> Call:
    head, body = http_request(scenario, number)
    connection.send(head, body)
    answer = connection.receive()
    document = json.loads(answer)
    if (document["apiVersion"], document["kind"]) != ("admission.k8s.io/v1", "AdmissionReview"):
        raise WrongAnswer(answer[:500])
    judge(scenario, number, document["response"])
    return Call(head=head, body=body, answer=answer)


def patch_of(response: Object) -> list[Object]:
    """Return the operations in a response."""
    operations: list[Object] = json.loads(base64.b64decode(response.get("patch", "W10=")))
    return operations


def uid_of(scenario: Scenario, number: int) -> str:
    """Return the uid that a response has to repeat."""
    return str(review(scenario, number)["request"]["uid"])
