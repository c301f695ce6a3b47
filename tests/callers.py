"""A caller of the webhook that speaks HTTP byte by byte, so that it can also misbehave."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from dataclasses import dataclass

from authorities import SERVER_NAME


@dataclass(frozen=True)
class Response:
    """An HTTP response."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def closes(self) -> bool:
        """Whether the server wants the connection closed."""
        return self.headers.get("connection", "").lower() == "close"


def request(
    body: bytes, path: str = "/validate", method: str = "POST", content_type: str = "application/json", extra: str = ""
) -> bytes:
    """Return the bytes of a request like the API server's."""
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: {SERVER_NAME}:443\r\nUser-Agent: kube-apiserver-admission\r\n"
        f"Content-Length: {len(body)}\r\nAccept: application/json, */*\r\nContent-Type: {content_type}\r\n{extra}\r\n"
    )
    return head.encode() + body


class Caller:
    """A connection to the webhook."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, port: int, context: ssl.SSLContext) -> Caller:
        """Open a connection, and check the certificate as the API server does."""
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=context, server_hostname=SERVER_NAME, limit=2**24
        )
        return cls(reader, writer)

    async def send(self, sent: bytes) -> Response:
        """Send a request and return its response. Raises IncompleteReadError and OSError where there is none."""
        self.writer.write(sent)
        await self.writer.drain()
        return await self.receive()

    async def receive(self) -> Response:
        """Return the next response."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        return Response(int(head[0].split()[1]), headers, body)

    async def ended(self) -> bool:
        """Return whether the server closes the connection within some seconds."""
        try:
            async with asyncio.timeout(10):
                return await self.reader.read() == b""
        except TimeoutError:
            return False
        except OSError:
            return True

    async def close(self) -> None:
        """Close the connection, in whatever state it is."""
        self.writer.transport.abort()
        with suppress(OSError):
            await self.writer.wait_closed()
