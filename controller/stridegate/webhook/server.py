"""The HTTPS server: HTTP/1.1 over TLS 1.3, two routes, and a limit on everything that a caller can make large or slow."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Callable, Mapping

from aiohttp import hdrs, web

from stridegate.admission.responses import Reply, refused
from stridegate.vitals.listeners import library_log
from stridegate.vitals.pulses import Pulse
from stridegate.webhook.admission import Call, Route, Shortcut
from stridegate.webhook.bodies import Bodies
from stridegate.webhook.callers import Callers
from stridegate.webhook.connections import Connection, Guests, Limits
from stridegate.webhook.errors import LargeBody, NoRoom
from stridegate.webhook.heads import KEEPING, Head, written
from stridegate.webhook.receptions import Reception

# The API server appends its own timeout to the path, in whole seconds.
_TIMEOUT = re.compile(r"(?:^|&)timeout=([0-9]{1,3})s(?:&|$)", re.ASCII)
_SWEEP = 0.25
# After the drain delay, how long the last requests may take, and how long none must have come before idle
# connections are closed.
_LAST_REQUESTS = 2.0
_QUIET = 0.25
# The library does not see every request: idle connections are cut by the sweep.
_NEVER = 3600.0


class _Answer(web.StreamResponse):
    """A response that is written in one piece, by ourselves."""

    def __init__(self, reply: Reply, *, keep_alive: bool) -> None:
        super().__init__()
        self._reply = reply
        self._kept = keep_alive

    @property
    def keep_alive(self) -> bool | None:
        """Whether the connection stays open."""
        return self._kept

    async def prepare(self, request: web.BaseRequest) -> None:
        """Write head and body, unless the caller is gone."""
        transport = request.transport
        if transport is not None:
            transport.write(written(self._reply, keep_alive=self._kept))

    async def write_eof(self, data: bytes = b"") -> None:
        """Everything has been written."""


class Server:
    """Serves routes on a TLS port until it is drained.

    What the API server writes as ever is answered by a shortcut, from bytes to bytes in one step; everything else by
    the HTTP library and a route.
    """

    def __init__(
        self,
        routes: Mapping[str, Route],
        shortcuts: Mapping[str, Shortcut],
        pulse: Pulse,
        limits: Limits,
        shed: Callable[[str, str], None],
        callers: Callers | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._routes = routes
        self._shortcuts = shortcuts
        self._pulse = pulse
        self._limits = limits
        self._shed = shed
        self.callers = callers or Callers()
        self._bodies = Bodies(limits.body, limits.bodies)
        self._http = web.Server(
            self._handle,
            access_log=None,
            logger=library_log(__name__),
            auto_decompress=False,
            keepalive_timeout=_NEVER,
            lingering_time=limits.body_seconds,
        )
        self._connections: Guests = {}
        self._reception = Reception(self._connect, limits, self._note_dropped, self.callers)
        # How many connections, and handshakes, were ended to make room for newer ones.
        self.dropped = 0
        # The port that is listened on.
        self.port = 0
        self._draining = False
        self._in_flight = 0
        self._last_request = self._loop.time()

    @property
    def in_flight(self) -> int:
        """How many requests are being read or judged."""
        return self._in_flight + sum(each.reading for each in self._connections.values())

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._connections)

    @property
    def draining(self) -> bool:
        """Whether the server is on its way out."""
        return self._draining

    @property
    def handshakes(self) -> int:
        """How many handshakes are under way."""
        return self._reception.shaking

    def listen(self, address: str, port: int, context: ssl.SSLContext) -> None:
        """Listen on an address, or on every one where it is empty. Raises OSError."""
        self.port = self._reception.open(address, port, context)

    async def receive(self) -> None:
        """Take connections until the server is drained."""
        await self._reception.receive()

    async def sweep(self) -> None:
        """Cut callers that are too slow, and those that have long been idle, for ever."""
        while True:
            await asyncio.sleep(_SWEEP)
            now = self._loop.time()
            for connection in list(self._connections.values()):
                if connection.overdue(now):
                    connection.abort()

    async def drain(self, delay: float) -> None:
        """Stop to serve without losing a request.

        Callers keep connections to this replica for a while after it left the endpoints, so everything is still
        answered for the delay (seconds), with the wish to close the connection; then no new one is taken, and those that
        have fallen silent are closed.
        """
        self._draining = True
        await asyncio.sleep(delay)
        self._reception.close()
        for _ in range(round(_LAST_REQUESTS / _QUIET)):
            if not self.in_flight and self._loop.time() - self._last_request >= _QUIET:
                break
            await asyncio.sleep(_QUIET)
        self._http.pre_shutdown()
        await self._http.shutdown(_LAST_REQUESTS)

    def _connect(self) -> asyncio.Protocol:
        connection = Connection(self._http(), self, self._limits, self._loop.time, self._connections)
        return self.callers.let_in(connection)

    def make_room(self) -> None:
        """End the connection that has been idle the longest, the newest one if every other is at work.

        Whoever holds connections open without asking anything would otherwise keep the API server out.
        """
        oldest = min(self._connections.values(), key=Connection.idle_since)
        oldest.abort()
        self._note_dropped()

    def _note_dropped(self) -> None:
        self.dropped += 1

    def arrival(self) -> float:
        """Return when a request that is read now has arrived."""
        self._last_request = self._loop.time()
        return self._pulse.arrival()

    def at_once(self, head: Head, body: bytes, arrived: float) -> Reply | None:
        """Return the answer to a request, if there is a shortcut to it and nothing to wait for.

        However much is under way: what is answered at once takes no room, and all that others can hold up is themselves.
        """
        shortcut = self._shortcuts.get(head.path)
        return None if shortcut is None else shortcut(Call(body, arrived, head.timeout))

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        arrived = self.arrival()
        connection = self._connections.get(request.protocol)
        if connection is None:
            return _Answer(refused(503, "the connection is closed"), keep_alive=False)
        connection.head_read()
        self._in_flight += 1
        try:
            reply = await self._reply(request, connection, arrived)
        except (OSError, web.RequestPayloadError) as problem:
            # The caller is gone, or its chunks are none; nobody reads this.
            reply = refused(400, f"the request has no end: {problem}")
        finally:
            self._in_flight -= 1
        kept = connection.answered(whole=request.content.is_eof()) and request.keep_alive and not self._draining
        return _Answer(reply, keep_alive=kept and reply.status in KEEPING)

    async def _reply(self, request: web.BaseRequest, connection: Connection, arrived: float) -> Reply:
        path, _, query = request.raw_path.partition("?")
        route = self._routes.get(path)
        problem = _problem(request, route)
        if problem is not None or route is None:
            return problem or refused(404, "no such path")
        if self._in_flight > self._limits.in_flight:
            return self._put_off(path, "too many reviews at once")
        told = _TIMEOUT.search(query)
        timeout = float(told[1]) if told else None
        content = request.content
        body = await content.readany()
        if content.at_eof() and len(body) <= self._limits.body:
            connection.body_read()
            return await route(Call(body, arrived, timeout))
        try:
            async with self._bodies.reading(content, body, request.content_length) as whole:
                connection.body_read()
                return await route(Call(whole, arrived, timeout))
        except LargeBody as large:
            return refused(413, str(large))
        except NoRoom as shed:
            return self._put_off(path, str(shed))

    def _put_off(self, path: str, reason: str) -> Reply:
        self._shed(path, reason)
        return refused(429, reason, retry_after=1)


def _problem(request: web.BaseRequest, route: Route | None) -> Reply | None:
    if route is None:
        return refused(404, "no such path")
    if request.method != hdrs.METH_POST:
        return refused(405, "wanted POST")
    kind = request.headers.get(hdrs.CONTENT_TYPE, "").partition(";")[0].strip().lower()
    if kind != "application/json" or hdrs.CONTENT_ENCODING in request.headers:
        return refused(415, "wanted application/json, not compressed")
    return None
