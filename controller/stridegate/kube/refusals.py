"""What the API server answers in place of what it was asked for, as the error that it is."""

from __future__ import annotations

from http import HTTPStatus

import aiohttp
import msgspec

from stridegate.kube.errors import Expired, KubeError, NotFound, Refused
from stridegate.kube.shapes import UNDECODABLE


class _StatusMeta(msgspec.Struct, frozen=True, kw_only=True, rename={"rest": "continue"}):
    rest: str = ""


class _Status(msgspec.Struct, frozen=True, kw_only=True):
    message: str = ""
    metadata: _StatusMeta = _StatusMeta()


async def accepted(response: aiohttp.ClientResponse, request: str) -> None:
    """Raise Refused, or one of its kind, where the API server refuses a request."""
    if response.status >= HTTPStatus.BAD_REQUEST:
        raise _refusal(request, response.status, await response.read())


def _refusal(request: str, status: int, body: bytes) -> KubeError:
    try:
        answer = msgspec.json.decode(body, type=_Status)
    except UNDECODABLE:
        answer = _Status(message=body[:200].decode(errors="replace"))
    if status == HTTPStatus.GONE:
        return Expired(request, status, answer.message, answer.metadata.rest)
    return (NotFound if status == HTTPStatus.NOT_FOUND else Refused)(request, status, answer.message)
