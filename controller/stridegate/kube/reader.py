"""Listing objects without the `kubernetes` package: a way into the cluster, and a small client that only reads."""

from __future__ import annotations

import os
import ssl
import tempfile
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import aiohttp
import msgspec
import yaml

from stridegate.kube.errors import Expired, InvalidField, NoAccess, Oversized, Refused, Unreachable
from stridegate.kube.fields import Field
from stridegate.kube.refusals import accepted
from stridegate.kube.shapes import UNDECODABLE

T = TypeVar("T")

_SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
# Seconds to wait for the API server in all, and objects a page: a page is decoded in a few milliseconds.
_TIMEOUT = aiohttp.ClientTimeout(total=30, sock_connect=5)
_JSON = "application/json"
# What asks for metadata alone ("Receiving resources as Tables" and its neighbours in Kubernetes' API concepts).
_HEADS = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_PAGE = 500
# The most bytes of a page of `pages`. One object has at most 1.5 MiB in etcd, but anybody may fill a page with such.
_PAGE_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class WayIn:
    """Where the API server is, and what one shows it. A token's file is read anew each time: the kubelet renews it."""

    server: str
    authority: str | None = None
    certificate: str | None = None
    key: str | None = None
    token: str | None = None
    token_file: Path | None = None

    def bearer(self) -> str | None:
        """Return the token to show, if there is one. Raises NoAccess where its file cannot be read."""
        if self.token_file is None:
            return self.token
        try:
            return self.token_file.read_text().strip()
        except OSError as error:
            raise NoAccess(str(self.token_file), error) from error

    def context(self) -> ssl.SSLContext:
        """Return the TLS side of the way in. Raises NoAccess where keys and certificates are none."""
        try:
            context = ssl.create_default_context(cadata=self.authority)
            if self.certificate and self.key:
                # The standard library reads a chain from a file only.
                with tempfile.NamedTemporaryFile("w", suffix=".pem") as chain:
                    chain.write(f"{self.certificate}\n{self.key}")
                    chain.flush()
                    context.load_cert_chain(chain.name)
        except (ssl.SSLError, OSError) as error:
            raise NoAccess(self.server, error) from error
        return context


def find_way_in(kubeconfig: Path | None) -> WayIn:
    """Return the way into the cluster of a kubeconfig's current context, or without one into the cluster this pod runs in.

    Raises NoAccess, also for ways that only kubectl knows (programs that fetch tokens).
    """
    try:
        return _in_kubeconfig(kubeconfig) if kubeconfig else _in_pod()
    except (OSError, InvalidField, yaml.YAMLError, NotBase64, UnicodeDecodeError) as error:
        raise NoAccess(str(kubeconfig or "this process"), error) from error


def _in_pod() -> WayIn:
    # The convention of every client library: the kubelet tells a pod by its environment where the API server is.
    host = os.environ.get("KUBERNETES_SERVICE_HOST", "")
    if not host:
        raise NoAccess("this process", "no KUBERNETES_SERVICE_HOST: it runs in no pod")
    port = os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    return WayIn(
        server=f"https://{f'[{host}]' if ':' in host else host}:{port}",
        authority=(_SERVICE_ACCOUNT / "ca.crt").read_text(),
        token_file=_SERVICE_ACCOUNT / "token",
    )


def _in_kubeconfig(path: Path) -> WayIn:
    config = Field(yaml.safe_load(path.read_text()), "kubeconfig")
    context = _named(config, "contexts", "context", config["current-context"].text("a name"))
    cluster = _named(config, "clusters", "cluster", context["cluster"].text("a name"))
    user = _named(config, "users", "user", context["user"].text("a name"))
    token_file = user["tokenFile"]
    token = user["token"]
    return WayIn(
        server=cluster["server"].text("a URL").rstrip("/"),
        authority=_given(cluster, "certificate-authority", path),
        certificate=_given(user, "client-certificate", path),
        key=_given(user, "client-key", path),
        token=None if token.absent else token.text("a token"),
        token_file=None if token_file.absent else path.parent / token_file.text("a path"),
    )


def _named(config: Field, listed: str, key: str, name: str) -> Field:
    for each in config[listed].elements():
        if each["name"].value == name:
            return each[key]
    raise InvalidField(f"kubeconfig.{listed}", f"one named {name}", None)


def _given(field: Field, key: str, path: Path) -> str | None:
    """Return what stands in the file itself as base64, or in another file beside it."""
    data = field[f"{key}-data"]
    if not data.absent:
        return b64decode(data.text("base64"), validate=True).decode()
    file = field[key]
    return None if file.absent else (path.parent / file.text("a path")).read_text()


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing(Generic[T]):
    """All objects of a kind, as they were at one revision of the cluster."""

    items: list[T]
    revision: int


class _ListMeta(msgspec.Struct, frozen=True, kw_only=True, rename={"revision": "resourceVersion", "rest": "continue"}):
    revision: str = ""
    rest: str | None = None


class _Page(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    metadata: _ListMeta
    items: list[T] | None = None


_heads: msgspec.json.Decoder[_Page[msgspec.Raw]] = msgspec.json.Decoder(_Page[msgspec.Raw])


@asynccontextmanager
async def reading(way_in: WayIn) -> AsyncIterator[Reader]:
    """Yield a client of the cluster a way leads into; nothing is sent before it is used. Raises NoAccess."""
    connector = aiohttp.TCPConnector(ssl=way_in.context(), limit=4)
    async with aiohttp.ClientSession(connector=connector, timeout=_TIMEOUT) as session:
        yield Reader(way_in, session)


class Reader:
    """A client of one API server that only lists."""

    def __init__(self, way_in: WayIn, session: aiohttp.ClientSession) -> None:
        self._way_in = way_in
        self._session = session

    async def list(self, path: str, item: type[T]) -> Listing[T]:
        """Return every object under a path, page by page.

        Raises Unreachable; NotFound where the kind is not served, which is not the same as having none; Refused for
        any other answer, also where the pages ran out of time and the listing has to begin again.
        """
        decoder: msgspec.json.Decoder[_Page[T]] = msgspec.json.Decoder(_Page[item])  # type: ignore[valid-type] # made at run time
        items: list[T] = []
        query = {"limit": str(_PAGE)}
        while True:
            page = await self._page(path, query, decoder)
            items += page.items or ()
            if not page.metadata.rest:
                return _listing(items, page)
            query = {"limit": str(_PAGE), "continue": page.metadata.rest}

    async def pages(
        self, path: str, item: type[T], *, size: int = _PAGE, fields: str = ""
    ) -> AsyncIterator[tuple[T, ...]]:
        """Yield the objects under a path, a page of at most `size` at a time, as `portions` does."""
        async for portion in self.portions(path, item, size=size, fields=fields):
            yield tuple(portion.items)

    async def portions(
        self, path: str, item: type[T], *, size: int = _PAGE, fields: str = "", labels: str = "", whole: bool = True
    ) -> AsyncIterator[Listing[T]]:
        """Yield the objects under a path, a page of at most `size` at a time; `fields` and `labels` select among them.

        Where they are not wanted `whole`, only their metadata is sent.
        No page is kept, none has more than 16 MiB, and between pages as much time may pass as whoever reads them takes.
        The pages are of one revision until the API server has forgotten that (410 Gone, five minutes by default); it
        then lists what is left as it is now. Pages follow the order of the objects' keys, so that an object is yielded
        once if it is there all the while, and never twice. Raises as `list` does; Expired where the API server offers
        no way on, and Oversized for a single object above the bound.
        """
        decoder: msgspec.json.Decoder[_Page[T]] = msgspec.json.Decoder(_Page[item])  # type: ignore[valid-type] # made at run time
        query = {**({"fieldSelector": fields} if fields else {}), **({"labelSelector": labels} if labels else {})}
        asked, rest = size, ""
        while True:
            part = {"limit": str(asked), **({"continue": rest} if rest else {})}
            try:
                page = await self._page(path, {**query, **part}, decoder, most=_PAGE_BYTES, whole=whole)
            except Expired as expired:
                if expired.rest in {"", rest}:
                    raise
                rest = expired.rest
                continue
            except Oversized:
                if asked == 1:
                    raise
                asked = (asked + 1) // 2
                continue
            yield _listing(list(page.items or ()), page)
            asked, rest = min(asked * 2, size), page.metadata.rest or ""
            if not rest:
                return

    async def revision(self, path: str) -> str:
        """Return the revision of a list, without reading more of it than one object. Raises as `list` does."""
        page = await self._page(path, {"limit": "1"}, _heads)
        return page.metadata.revision

    def get(
        self,
        path: str,
        query: Mapping[str, str],
        *,
        patience: aiohttp.ClientTimeout = _TIMEOUT,
        accept: str = _JSON,
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """Return what yields a response of the API server, its body still to be read: `accepted` says whether it is one to read.

        Raises NoAccess; entering raises what aiohttp raises.
        """
        token = self._way_in.bearer()
        headers = {"Accept": accept, **({"Authorization": f"Bearer {token}"} if token else {})}
        return self._session.get(self._way_in.server + path, params=query, headers=headers, timeout=patience)

    async def _page(
        self,
        path: str,
        query: Mapping[str, str],
        decoder: msgspec.json.Decoder[_Page[T]],
        *,
        most: int | None = None,
        whole: bool = True,
    ) -> _Page[T]:
        request = f"GET {path}"
        try:
            async with self.get(path, query, accept=_JSON if whole else _HEADS) as response:
                await accepted(response, request)
                body = await (response.read() if most is None else _read(response, request, most))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unreachable(request, f"{type(error).__name__}: {error}") from error
        try:
            return decoder.decode(body)
        except UNDECODABLE as error:
            raise Refused(request, response.status, f"not what it should be: {error}") from error


def _listing(items: list[T], page: _Page[T]) -> Listing[T]:
    revision = page.metadata.revision
    return Listing(items=items, revision=int(revision) if revision.isdecimal() else 0)


async def _read(response: aiohttp.ClientResponse, request: str, most: int) -> bytes:
    """Return the body of a response. Raises Oversized once it has more bytes than that; the rest is not waited for."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > most:
            raise Oversized(request, most)
    return bytes(body)
