"""The process `stridegate reader`: it reads files of the host as root, without capabilities, token or network, and answers queries.

It holds nothing that a scanner could ask for but what the closed list of queries tells, and that tells no secret.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import posixpath
import signal
import socket
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stridegate.model.nodes import queries
from stridegate.model.nodes.queries import Query
from stridegate.scanner.errors import BadQuestion, Barred
from stridegate.scanner.file_answers import looked_up
from stridegate.scanner.host_root import HostRoot
from stridegate.scanner.messages import LENGTH, MOST_ASKED, read_queries, written_answers
from stridegate.scanner.watches import Watches, watch
from stridegate.scanner.workers import Looks, Workers

_log = logging.getLogger(__name__)

# Seconds for one round of queries, which whoever asks waits a little longer for; to send a question; and of quiet after a
# change before it is told.
_PATIENCE = 20.0
_SLOW = 5.0
QUIET = 2.0
# A document of this length asks for no answer, but for a byte at every change.
WATCHING = 0
# Where people change what is inspected; elsewhere (data, logs, pods' volumes) something changes all the time.
_WATCHED = ("/etc", "/usr/lib/systemd/system", "/lib/systemd/system")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the reader is told: its socket, where the host is mounted, which of its paths are, and what of these is masked."""

    socket_path: Path
    root: Path
    visible: tuple[str, ...]
    masked: tuple[str, ...] = ()


def run(options: Options) -> None:
    """Answer until SIGTERM or SIGINT. Raises OSError where the socket or the root cannot be used."""
    watches = Watches()
    with (
        HostRoot(options.root, options.visible, options.masked, discreet=True) as root,
        Workers(root, patience=_PATIENCE) as host,
    ):
        asyncio.run(_serve(options, host, watches))


async def _serve(options: Options, host: Looks, watches: Watches) -> None:
    reader = Reader(host, watches)
    async with await serve_reader(reader, options.socket_path):
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, stopped.set)
        _log.info("reading", extra={"visible": list(options.visible)})
        await stopped.wait()
        reader.close()


async def serve_reader(reader: Reader, path: Path) -> asyncio.AbstractServer:
    """Return a server that answers on a socket; whoever reaches its directory may ask, and only the scanner does. Raises OSError."""
    return await asyncio.start_unix_server(reader.attend, sock=_bound(path), limit=1 << 16)


def _bound(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    bound.bind(str(path))
    # The scanner is another user, and root without capabilities cannot give the socket to it.
    path.chmod(0o666)
    return bound


class Reader:
    """Answers one connection after the other, with what looks at the host for it."""

    def __init__(self, host: Looks, watches: Watches) -> None:
        self._host = host
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="host")
        self._turn = asyncio.Lock()
        self._watches = watches
        self._listeners: set[asyncio.Event] = set()
        asyncio.get_running_loop().add_reader(self._watches.descriptor, self._changed)

    def close(self) -> None:
        """Stop watching."""
        asyncio.get_running_loop().remove_reader(self._watches.descriptor)
        self._watches.close()
        self._thread.shutdown(wait=False)

    async def attend(self, connection: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
        """Answer what one connection asks."""
        try:
            async with asyncio.timeout(_SLOW):
                asked = await _question(connection)
            if asked is None:
                await self._tell_changes(out)
            else:
                await self._tell(asked, out)
        except BadQuestion as error:
            _log.warning("%s", error)
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            _log.debug("a connection ended early")
        finally:
            out.close()

    async def _tell(self, asked: list[Query[Any]], out: asyncio.StreamWriter) -> None:
        async with self._turn:
            document = await asyncio.get_running_loop().run_in_executor(self._thread, self._answered, asked)
        out.write(len(document).to_bytes(LENGTH, "big") + document)
        await out.drain()

    def _answered(self, asked: list[Query[Any]]) -> bytes:
        document = written_answers(asked, looked_up(self._host, asked))
        # What is not watched is seen at the next scan.
        with contextlib.suppress(Barred):
            self._host.run(watch, self._watches.descriptor, watched_by(asked))
        return document

    async def _tell_changes(self, out: asyncio.StreamWriter) -> None:
        event = asyncio.Event()
        self._listeners.add(event)
        try:
            while not out.is_closing():
                await event.wait()
                # A program that writes several files, or one in several steps, is let finish.
                await asyncio.sleep(QUIET)
                event.clear()
                out.write(b"!")
                await out.drain()
        finally:
            self._listeners.discard(event)

    def _changed(self) -> None:
        if self._watches.drain():
            for event in self._listeners:
                event.set()


async def _question(connection: asyncio.StreamReader) -> list[Query[Any]] | None:
    """Return the queries that a connection brings, None for one that wants to be told of changes. Raises BadQuestion."""
    length = int.from_bytes(await connection.readexactly(LENGTH), "big")
    if length > MOST_ASKED:
        raise BadQuestion(f"a question of {length} bytes")
    return read_queries(await connection.readexactly(length)) if length != WATCHING else None


def watched_by(asked: Iterable[Query[Any]]) -> set[str]:
    """Return the directories whose changes may change the answers to queries, where changes are rare."""
    found: set[str] = set()
    for query in asked:
        if isinstance(query, queries.FilesUnder):
            found.add(posixpath.normpath(query.directory))
        elif path := getattr(query, "path", ""):
            found.add(posixpath.dirname(posixpath.normpath(path)))
    return {path for path in found if any(path == each or path.startswith(f"{each}/") for each in _WATCHED)}
