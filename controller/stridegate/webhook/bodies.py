"""Bodies that come in pieces, and how much memory they may take together until they are judged."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import StreamReader

from stridegate.webhook.errors import LargeBody, NoRoom

# Of which nobody can have more than requests may be under way: what an ordinary pod takes is always there.
_SMALL = 64 * 1024


class Bodies:
    """Reads bodies of at most so many bytes each and all together.

    A body that comes at once is judged at once and need not be counted. One that stays unfinished holds its room: without
    a common bound, so many times the largest body as requests may be under way.
    """

    def __init__(self, each: int, together: int) -> None:
        self._each = each
        self._together = together
        self._held = 0

    @asynccontextmanager
    async def reading(self, content: StreamReader, first: bytes, length: int | None) -> AsyncIterator[bytes]:
        """Yield the whole of a body that began with these bytes, and keep its room for as long as it is in use.

        A body that does not tell its length is given the most there is. Raises LargeBody, and NoRoom where other bodies
        leave none.
        """
        room = self._each if length is None else length
        if room > self._each:
            raise LargeBody(self._each)
        counted = room if room > _SMALL else 0
        if counted and self._held + counted > self._together:
            raise NoRoom(self._together)
        self._held += counted
        try:
            yield await self._read(content, first, room)
        finally:
            self._held -= counted

    async def _read(self, content: StreamReader, first: bytes, room: int) -> bytes:
        # One piece of memory: many that grow side by side leave holes worth several times the bodies.
        body = bytearray(room)
        size = 0
        piece = first
        while size + len(piece) <= room:
            body[size : size + len(piece)] = piece
            size += len(piece)
            if content.at_eof():
                return bytes(memoryview(body)[:size])
            piece = await content.readany()
        raise LargeBody(self._each)
