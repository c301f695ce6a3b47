"""Following what changes in the cluster, without the `kubernetes` package: watches, one after another (KEP-365, KEP-956)."""

from __future__ import annotations

import enum
from collections.abc import AsyncGenerator, AsyncIterator
from http import HTTPStatus

import aiohttp
import msgspec

from stridegate.kube.errors import Expired, Oversized, Refused, Unreachable
from stridegate.kube.reader import Reader
from stridegate.kube.refusals import accepted
from stridegate.kube.shapes import UNDECODABLE

# Seconds that one watch goes on, and for which a connection may be silent: the API server sends a bookmark every minute.
_SECONDS = 300
_SILENCE = 150
# The most bytes of one line: an object has at most 1.5 MiB in etcd, and its JSON some more.
_LINE_BYTES = 16 * 1024 * 1024


class Change(enum.Enum):
    """What happened to an object."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"


_BOOKMARK, _ERROR = "BOOKMARK", "ERROR"


class _Meta(msgspec.Struct, frozen=True, rename="camel"):
    resource_version: str = ""


class _Versioned(msgspec.Struct, frozen=True):
    metadata: _Meta = _Meta()


class _Event(msgspec.Struct, frozen=True):
    type: str
    object: msgspec.Raw


class _Failure(msgspec.Struct, frozen=True):
    code: int = 0
    message: str = ""


_events = msgspec.json.Decoder(_Event)
_versions = msgspec.json.Decoder(_Versioned)
_failures = msgspec.json.Decoder(_Failure)


async def changes(reader: Reader, path: str, revision: str) -> AsyncGenerator[tuple[Change, msgspec.Raw], None]:
    """Yield every change under a path after a revision, for ever.

    Raises Unreachable, Oversized; Refused for whatever the API server refuses, and Expired once it no longer knows the
    revision, so that all has to be listed anew.
    """
    request = f"GET {path}?watch"
    while True:
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": revision,
            "timeoutSeconds": str(_SECONDS),
        }
        patience = aiohttp.ClientTimeout(total=_SECONDS + _SILENCE, sock_connect=5, sock_read=_SILENCE)
        try:
            async with reader.get(path, query, patience=patience) as response:
                await accepted(response, request)
                async for line in _lines(response, request):
                    event = _events.decode(line)
                    if event.type == _ERROR:
                        raise _refusal(request, event.object)
                    revision = _versions.decode(event.object).metadata.resource_version
                    if event.type != _BOOKMARK:
                        yield Change(event.type), event.object
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unreachable(request, f"{type(error).__name__}: {error}") from error
        except UNDECODABLE as error:
            raise Refused(request, HTTPStatus.OK, f"not what it should be: {error}") from error


async def _lines(response: aiohttp.ClientResponse, request: str) -> AsyncIterator[bytes]:
    rest = bytearray()
    async for chunk in response.content.iter_any():
        rest += chunk
        while (end := rest.find(b"\n")) >= 0:
            yield bytes(rest[:end])
            del rest[: end + 1]
        if len(rest) > _LINE_BYTES:
            raise Oversized(request, _LINE_BYTES)


def _refusal(request: str, status: msgspec.Raw) -> Refused:
    failure = _failures.decode(status)
    if failure.code == HTTPStatus.GONE:
        return Expired(request, failure.code, failure.message, "")
    return Refused(request, failure.code, failure.message)
