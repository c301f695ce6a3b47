"""One HardeningReport and its API server: what the scanner of a node reads and writes, and no more."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp
import msgspec

from stridegate.kube.errors import Oversized, Refused, Unreachable
from stridegate.kube.objects import Json
from stridegate.kube.reader import WayIn
from stridegate.kube.refusals import accepted
from stridegate.kube.reports import REPORTS, SCANNER_MANAGER
from stridegate.kube.shapes import UNDECODABLE

_TIMEOUT = aiohttp.ClientTimeout(total=30, sock_connect=5)
# The schema keeps a report below 256 KiB; managed fields come on top.
_MOST_BYTES = 4 * 1024 * 1024
# Metadata alone: a generation and a few annotations in place of all findings.
_METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"


@asynccontextmanager
async def own_report(way_in: WayIn, name: str) -> AsyncIterator[OwnReport]:
    """Yield the way to the report of that name; nothing is sent before it is used. Raises NoAccess."""
    connector = aiohttp.TCPConnector(ssl=way_in.context(), limit=2)
    async with aiohttp.ClientSession(connector=connector, timeout=_TIMEOUT) as session:
        yield OwnReport(way_in, session, name)


class OwnReport:
    """The report of one node."""

    def __init__(self, way_in: WayIn, session: aiohttp.ClientSession, name: str) -> None:
        self._way_in = way_in
        self._session = session
        self._path = f"{REPORTS}/{name}"

    async def metadata(self) -> Mapping[str, object]:
        """Return the report's metadata alone. Raises NotFound, Refused, Unreachable and NoAccess."""
        told = await self._asked("GET", self._path, accept=_METADATA)
        metadata = told.get("metadata")
        return metadata if isinstance(metadata, dict) else {}

    async def read(self) -> Mapping[str, object]:
        """Return the report. Raises as `metadata` does."""
        return await self._asked("GET", self._path)

    async def apply(self, body: Json) -> Mapping[str, object]:
        """Write the scanner's part of the status (server-side apply), and return the report. Raises as `metadata` does."""
        return await self._asked("PATCH", f"{self._path}/status", body=body)

    async def _asked(
        self, method: str, path: str, *, accept: str = "application/json", body: Json | None = None
    ) -> Mapping[str, object]:
        request = f"{method} {path}"
        token = self._way_in.bearer()
        headers = {"Accept": accept, **({"Authorization": f"Bearer {token}"} if token else {})}
        query: dict[str, str] = {}
        if body is not None:
            # JSON is YAML, too; what another manager wrote into our fields is taken back.
            headers["Content-Type"] = "application/apply-patch+yaml"
            query = {"fieldManager": SCANNER_MANAGER, "force": "true"}
        data = None if body is None else msgspec.json.encode(body)
        try:
            async with self._session.request(
                method, self._way_in.server + path, params=query, headers=headers, data=data
            ) as response:
                await accepted(response, request)
                answer = await response.content.read(_MOST_BYTES + 1)
                while len(answer) <= _MOST_BYTES and (more := await response.content.read(_MOST_BYTES + 1)):
                    answer += more
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unreachable(request, f"{type(error).__name__}: {error}") from error
        if len(answer) > _MOST_BYTES:
            raise Oversized(request, _MOST_BYTES)
        try:
            return msgspec.json.decode(answer, type=dict[str, object])
        except UNDECODABLE as error:
            raise Refused(request, response.status, f"not what it should be: {error}") from error
