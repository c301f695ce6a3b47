"""A connection to the webhook, and what it may cost: how long a request may take to arrive, how large its head may be, how old it grows."""

from __future__ import annotations

import asyncio
import enum
import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, cast

from stridegate.admission.responses import Reply
from stridegate.webhook.heads import KEEPING, Head, read_head, written


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What callers may cost. Sizes in bytes, times in seconds.

    A request of the API server is 3 MiB at most, and an update carries two objects and the envelope. It keeps idle
    connections for 90 s and does not send a POST again when it finds one closed, so it must be the one that closes.
    """

    body: int = 8 * 1024 * 1024
    # All large bodies that come in pieces, together; what their connections buffer comes on top, and a replica has 256 MiB.
    bodies: int = 32 * 1024 * 1024
    head: int = 16 * 1024
    # The largest request that is kept for a shortcut while it comes in pieces. A connection's TLS buffers grow with its
    # requests, by some 600 KiB, and never shrink: after a larger request it is closed with its answer.
    ordinary: int = 32 * 1024
    head_seconds: float = 2.0
    body_seconds: float = 2.0
    in_flight: int = 200
    # An idle one costs 50 KiB, one that carried the largest of ordinary requests 150 KiB.
    connections: int = 750
    idle_seconds: float = 125.0
    # After so many requests or so long a connection is closed with its next answer, so that callers find new replicas;
    # each connection's own limits are up to a fifth lower, so that they do not all go at once.
    requests: int = 1000
    age_seconds: float = 300.0
    # Answers that a caller does not fetch.
    unread: int = 1024 * 1024
    # Handshakes that are under way.
    handshakes: int = 200
    handshake_seconds: float = 5.0
    # How long the caller may take to close a connection that we closed; the event loop's own patience is 30 s.
    closing_seconds: float = 1.0


_END_OF_HEAD = b"\r\n\r\n"


class _Phase(enum.Enum):
    IDLE = enum.auto()
    HEAD = enum.auto()
    BODY = enum.auto()
    JUDGED = enum.auto()


Guests = dict[asyncio.BaseProtocol, "Connection"]


class Desk(Protocol):
    """Who answers what is read on connections."""

    @property
    def draining(self) -> bool:
        """Whether every connection is to be closed with its next answer."""

    def make_room(self) -> None:
        """End a connection: there are more than may be."""

    def arrival(self) -> float:
        """Return when a request that is read now has arrived."""

    def at_once(self, head: Head, body: bytes, arrived: float) -> Reply | None:
        """Return the answer to a request; None where the HTTP library has to see to it."""


class Connection(asyncio.Protocol):
    """Answers what is written just as the API server writes it, and passes everything else on to the HTTP protocol.

    It knows how far the current request has come. While it is open it stands among the guests, by its HTTP protocol.
    """

    def __init__(
        self, http: asyncio.Protocol, desk: Desk, limits: Limits, clock: Callable[[], float], guests: Guests
    ) -> None:
        self._http = http
        self._desk = desk
        self._limits = limits
        self._clock = clock
        self._guests = guests
        self._transport: asyncio.Transport | None = None
        self._phase = _Phase.IDLE
        self._since = clock()
        # An ordinary request that is not complete yet: its head, when it arrived, what came of it, and how many bytes are
        # missing.
        self._head: Head | None = None
        self._arrived = 0.0
        self._pieces: list[bytes] = []
        self._missing = 0
        # What the HTTP protocol has yet to be given of the current request. Once it had something else, it is given all
        # that comes: answers must not overtake each other.
        self._owed = 0
        self._strange = False
        # How much has come of a head without its end, and the last bytes of it.
        self._unended = 0
        self._tail = b""
        spread = 1 - random.random() / 5  # noqa: S311 - spreads load, hides nothing
        self._requests_left = max(1, int(limits.requests * spread))
        # How much has come of the current request.
        self._came = 0
        self._retires_at = self._since + limits.age_seconds * spread

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; where there is no room, somebody has to go."""
        # Not every loop's transports say what they are.
        self._transport = cast("asyncio.Transport", transport)
        self._http.connection_made(transport)
        # Not before: of a handshake that fails, nobody tells the end.
        self._guests[self._http] = self
        if len(self._guests) > self._limits.connections:
            self._desk.make_room()

    def data_received(self, data: bytes) -> None:
        """Take what arrives: to answer it once it is complete, or to pass it on."""
        if self._phase is _Phase.IDLE:
            self._came = 0
            self._begin(data)
        self._came += len(data)
        if self._head is None:
            self._pass_on(data)
            return
        self._pieces.append(data)
        self._missing -= len(data)
        if self._missing <= 0:
            self._finish(self._head)

    def _begin(self, data: bytes) -> None:
        head = None if self._strange else read_head(data)
        self._owed = head.end if head else 0
        if head is not None and head.end <= self._limits.ordinary:
            self._head = head
            self._missing = head.end
            self._arrived = self._desk.arrival()
            self.head_read()
            return
        self._phase = _Phase.HEAD
        self._since = self._clock()
        self._unended = 0
        self._tail = b""

    def _finish(self, head: Head) -> None:
        """Answer an ordinary request, or pass it on where that takes time, or where more than the request came."""
        data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._head = None
        self._pieces.clear()
        reply = self._desk.at_once(head, data[head.begin :], self._arrived) if not self._missing else None
        if reply is None or self._transport is None:
            self._pass_on(data)
            return
        kept = self.answered(whole=True) and not self._desk.draining and reply.status in KEEPING
        self._transport.write(written(reply, keep_alive=kept))
        if not kept:
            self._transport.close()

    def _pass_on(self, data: bytes) -> None:
        """Pass data on to the HTTP protocol; a head that has no end within so many bytes ends the connection."""
        self._owed -= len(data)
        self._strange = self._strange or self._owed < 0
        if self._phase is _Phase.HEAD and not self._follow(data):
            self.abort()
            return
        self._http.data_received(data)

    def _follow(self, data: bytes) -> bool:
        """Look for the end of a head; return whether it may still come."""
        end = (self._tail + data).find(_END_OF_HEAD)
        self._unended += len(data) if end < 0 else end
        if end >= 0:
            self.head_read()
        else:
            self._tail = data[-3:]
        return self._unended <= self._limits.head

    def eof_received(self) -> bool | None:
        """Pass on the end of the input."""
        return self._http.eof_received()

    def pause_writing(self) -> None:
        """Pass on that the caller reads too slowly; the HTTP protocol waits for it."""
        self._strange = True
        self._http.pause_writing()

    def resume_writing(self) -> None:
        """Pass on that the caller has caught up."""
        self._http.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._head = None
        self._http.connection_lost(exc)
        self._guests.pop(self._http, None)

    def idle_since(self) -> float:
        """Return since when there has been no request; one that is at work is never idle."""
        return self._since if self._phase is _Phase.IDLE else math.inf

    @property
    def reading(self) -> bool:
        """Whether an ordinary request has begun to arrive."""
        return self._head is not None

    def head_read(self) -> None:
        """Note that the head of a request is complete."""
        self._phase = _Phase.BODY
        self._since = self._clock()

    def body_read(self) -> None:
        """Note that a request is complete."""
        self._phase = _Phase.JUDGED

    def answered(self, *, whole: bool) -> bool:
        """Note that a request has its answer, whether or not the whole of it came; return whether the connection may go on."""
        self._phase = _Phase.IDLE if whole else _Phase.BODY
        self._since = self._clock()
        self._requests_left -= 1
        ordinary = self._came <= self._limits.ordinary
        return whole and ordinary and self._requests_left > 0 and self._since < self._retires_at

    def overdue(self, now: float) -> bool:
        """Whether the caller takes too long to send its request, its next one, or to fetch its answers."""
        allowance = {
            _Phase.IDLE: self._limits.idle_seconds,
            _Phase.HEAD: self._limits.head_seconds,
            _Phase.BODY: self._limits.body_seconds,
        }.get(self._phase)
        if allowance is not None and now - self._since > allowance:
            return True
        return self._transport is not None and self._transport.get_write_buffer_size() > self._limits.unread

    def abort(self) -> None:
        """Close at once."""
        self._guests.pop(self._http, None)
        if self._transport is not None:
            self._transport.abort()
