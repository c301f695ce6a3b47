"""The heads of the requests that the API server writes, and of the answers to them.

The API server (Go's net/http) writes every review's head with the same lines in the same order. One that reads so is told
by one expression; whatever differs in anything is left to the HTTP library.
"""

from __future__ import annotations

import http
import re
from dataclasses import dataclass

from stridegate.admission.responses import Reply

# The API server appends its own timeout to the path, in whole seconds. Traceparent is there if it traces (KEP-647).
_ORDINARY = re.compile(
    rb"POST (/[a-z]{1,32})(?:\?timeout=([0-9]{1,3})s)? HTTP/1\.1\r\n"
    rb"Host: [][0-9A-Za-z.:_-]{1,512}\r\n"
    rb"User-Agent: [ -~]{1,512}\r\n"
    rb"Content-Length: (0|[1-9][0-9]{0,8})\r\n"
    rb"Accept: [ -~]{1,512}\r\n"
    rb"Content-Type: application/json\r\n"
    rb"(?:Traceparent: [ -~]{1,512}\r\n)?"
    rb"(?:Accept-Encoding: gzip\r\n)?"
    rb"\r\n"
)
# After these a caller may go on; after any other it is better off with a new connection.
KEEPING = frozenset({200, 429, 503})

_PHRASES = {status.value: status.phrase.encode() for status in http.HTTPStatus}


@dataclass(frozen=True, slots=True)
class Head:
    """The head of an ordinary request: its path, the caller's timeout in seconds, and where its body begins and ends."""

    path: str
    timeout: float | None
    begin: int
    end: int


def read_head(data: bytes) -> Head | None:
    """Return the head that data begins with; None where it is incomplete, or not just as the API server writes it."""
    found = _ORDINARY.match(data)
    if found is None:
        return None
    path, timeout, length = found.groups()
    begin = found.end()
    return Head(path.decode(), float(timeout) if timeout else None, begin, begin + int(length))


def written(reply: Reply, *, keep_alive: bool) -> bytes:
    """Return an answer as it is sent, in one piece.

    The HTTP library builds and serialises headers for every answer, which costs as much as judging a pod.
    """
    head = b"HTTP/1.1 %d %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n" % (
        reply.status,
        _PHRASES[reply.status],
        len(reply.body),
    )
    if reply.retry_after is not None:
        head += b"Retry-After: %d\r\n" % reply.retry_after
    if reply.status == http.HTTPStatus.METHOD_NOT_ALLOWED:
        head += b"Allow: POST\r\n"
    return head + (b"\r\n" if keep_alive else b"Connection: close\r\n\r\n") + reply.body
