"""What is answered in one step is answered as the HTTP library would, whatever a caller makes of its bytes.

Two servers take the same bytes, one of them without shortcuts. Each answer, and when a connection ends, must be the same.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from callers import Caller, request
from reviewing import PRIVILEGED, Asked, pod
from serving import CONTEXT, Here
from stridegate.webhook.connections import Limits
from stridegate.webhook.heads import read_head

CARELESS = pod({"containers": [{"name": "app", "securityContext": {"allowPrivilegeEscalation": None}}]})
PODS = (pod(), CARELESS, PRIVILEGED)
# The last of every exchange: after it, the server closes.
LAST = request(Asked(object=pod(), uid="last").body(), extra="Connection: close\r\n")
_DATE = re.compile(rb"\r\nDate: [^\r]*")

Document = dict[str, Any]
Bytes = Callable[[bytes], bytes]


class Pair:
    """A server with shortcuts and one without."""

    def __init__(self, directory: Path) -> None:
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self._servers: list[Here] = []
        self._working: list[asyncio.Future[None]] = []
        self._runner.run(self._start(directory))

    async def _start(self, directory: Path) -> None:
        for shortcuts in (True, False):
            here = Here(directory / str(shortcuts), Limits(idle_seconds=2.0), shortcuts=shortcuts)
            here.listen()
            self._servers.append(here)
            # Whoever waits for bytes that do not come is cut.
            self._working += [asyncio.ensure_future(here.server.sweep()), asyncio.ensure_future(here.server.receive())]

    def answers(self, pieces: list[bytes]) -> tuple[bytes, bytes]:
        """Return everything that each server answers until it closes."""
        return self._runner.run(self._asked(pieces))

    async def _asked(self, pieces: list[bytes]) -> tuple[bytes, bytes]:
        short, long = await asyncio.gather(*(self._exchange(here, pieces) for here in self._servers))
        return short, long

    @staticmethod
    async def _exchange(here: Here, pieces: list[bytes]) -> bytes:
        caller = await Caller.connect(here.server.port, CONTEXT)
        read = b""
        try:
            for piece in pieces:
                caller.writer.write(piece)
                await asyncio.sleep(0)
            while more := await caller.reader.read(2**16):
                read += more
        except OSError:
            # What the caller had still to say does not interest the server.
            read += b"(reset)"
        await caller.close()
        return _DATE.sub(b"", read.replace(b"(reset)", b""))

    def stop(self) -> None:
        """End both."""
        for here in self._servers:
            self._runner.run(here.leave())
        for working in self._working:
            working.cancel()
        self._runner.close()


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Both servers, for the whole module."""
    made = Pair(tmp_path_factory.mktemp("pair"))
    yield made
    made.stop()


def cut(sent: bytes, places: list[int]) -> list[bytes]:
    """Return bytes in pieces."""
    ends = sorted({place % len(sent) for place in places})
    return [sent[begin:end] for begin, end in zip([0, *ends], [*ends, len(sent)], strict=True) if begin < end]


REVIEWS = st.builds(
    lambda new, old, operation, uid: Asked(object=new, old=old, operation=operation, uid=uid).document(),
    st.sampled_from([*PODS, [], None, "pod", {"spec": None}]),
    st.sampled_from([None, *PODS]),
    st.sampled_from(["CREATE", "UPDATE", "DELETE", "CONNECT", "create", ""]),
    st.text(max_size=8),
)


def _again(document: Document, key: str, value: object) -> bytes:
    """Return a review whose request says one of its keys again, at its end."""
    inner = json.dumps(document["request"])[:-1] + f",{json.dumps(key)}:{json.dumps(value)}}}"
    return json.dumps(document | {"request": "HERE"}).replace('"HERE"', inner).encode()


def _reordered(document: Document) -> bytes:
    inner = dict(reversed(document["request"].items()))
    return json.dumps(dict(reversed((document | {"request": inner}).items()))).encode()


def _faked(document: Document) -> bytes:
    """Return a review whose objects contain reviews."""
    fake = Asked(object=pod(), uid="fake", namespace="kube-system").document()
    inner = document["request"]
    for field in ("object", "oldObject", "options"):
        if isinstance(inner.get(field), dict):
            inner = inner | {field: fake | inner[field] | {"request": fake["request"], "uid": "fake"}}
    return json.dumps(document | {"request": inner}).encode()


def _escaped(document: Document) -> bytes:
    """Return a review with every letter of its keys written as an escape."""
    return re.sub(
        rb'"([A-Za-z]+)":',
        lambda match: b'"' + b"".join(rb"\u%04x" % letter for letter in match[1]) + b'":',
        json.dumps(document).encode(),
    )


SPELLINGS: dict[str, Callable[[Document], bytes]] = {
    "plain": lambda document: json.dumps(document).encode(),
    "dense": lambda document: json.dumps(document, separators=(",", ":")).encode(),
    "blanks": lambda document: json.dumps(document, indent="\t", separators=(" ,\r\n", "\n: ")).encode(),
    "bare": lambda document: json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass"),
    "latin-1": lambda document: json.dumps(document, ensure_ascii=False).encode("latin-1", "replace"),
    "utf-16": lambda document: json.dumps(document).encode("utf-16"),
    "utf-32": lambda document: json.dumps(document).encode("utf-32-le"),
    "byte order mark": lambda document: b"\xef\xbb\xbf" + json.dumps(document).encode(),
    "trailing blanks": lambda document: json.dumps(document).encode() + b" \r\n\t",
    "trailing nul": lambda document: json.dumps(document).encode() + b"\0",
    "trailing object": lambda document: json.dumps(document).encode() + b"{}",
    "half": lambda document: json.dumps(document).encode()[: len(json.dumps(document)) // 2],
    "uid again": lambda document: _again(document, "uid", "again"),
    "object again": lambda document: _again(document, "object", pod()),
    "worse object again": lambda document: _again(document, "object", PRIVILEGED),
    "namespace again": lambda document: _again(document, "namespace", "shop"),
    "operation again": lambda document: _again(document, "operation", "DELETE"),
    "request again": lambda document: (
        json.dumps(document)[:-1] + f',"request":{json.dumps(Asked(object=pod()).document()["request"])}}}'
    ).encode(),
    "reordered": _reordered,
    "reviews in objects": _faked,
    "escaped keys": _escaped,
    "a request in an array": lambda document: json.dumps([document]).encode(),
}

# What may be done to the head of a request, and never makes it wait for bytes that do not come.
HEADS: dict[str, Bytes] = {
    "as ever": lambda head: head,
    "with a timeout": lambda head: head.replace(b" HTTP/1.1", b"?timeout=3s HTTP/1.1", 1),
    "with another query": lambda head: head.replace(b" HTTP/1.1", b"?timeout=3s&x=%0d%0a HTTP/1.1", 1),
    "traced and packed": lambda head: head[:-2] + b"Traceparent: 00-1-2-01\r\nAccept-Encoding: gzip\r\n\r\n",
    "packed and traced": lambda head: head[:-2] + b"Accept-Encoding: gzip\r\nTraceparent: 00-1-2-01\r\n\r\n",
    "an unknown line": lambda head: head[:-2] + b"X-Other: 1\r\n\r\n",
    "chunked": lambda head: head[:-2] + b"Transfer-Encoding: chunked\r\n\r\n",
    "chunked first": lambda head: head.replace(b"Host:", b"Transfer-Encoding: chunked\r\nHost:", 1),
    "chunked by another name": lambda head: head[:-2] + b"Transfer-Encoding : chunked\r\n\r\n",
    "no length": lambda head: re.sub(rb"Content-Length: [0-9]+\r\n", b"", head),
    "the length again": lambda head: re.sub(rb"(Content-Length: [0-9]+\r\n)", rb"\1\1", head),
    "a second length of nothing": lambda head: head[:-2] + b"Content-Length: 0\r\n\r\n",
    "a first length of nothing": lambda head: head.replace(b"Host:", b"Content-Length: 0\r\nHost:", 1),
    "a shorter length": lambda head: re.sub(rb"(Content-Length: [0-9]*)[0-9]\r", rb"\1\r", head),
    "no digits": lambda head: re.sub(rb"Content-Length: [0-9]+", b"Content-Length: ", head),
    "zeros before the length": lambda head: head.replace(b"Content-Length: ", b"Content-Length: 00", 1),
    "a plus before the length": lambda head: head.replace(b"Content-Length: ", b"Content-Length: +", 1),
    "a minus before the length": lambda head: head.replace(b"Content-Length: ", b"Content-Length: -", 1),
    "an underscore in the length": lambda head: re.sub(rb"(Length: [0-9])([0-9])", rb"\1_\2", head),
    "two lengths in one": lambda head: re.sub(rb"Length: ([0-9]+)", rb"Length: \1, \1", head),
    "digits of another script": lambda head: re.sub(rb"Length: [0-9]+", b"Length: \xd9\xa1", head),
    "a blank before a colon": lambda head: head.replace(b"Content-Length:", b"Content-Length :", 1),
    "a folded line": lambda head: head.replace(b"Accept: ", b"Accept:\r\n ", 1),
    "a bare line feed": lambda head: head.replace(b"\r\nAccept:", b"\nAccept:", 1),
    "a bare carriage return": lambda head: head.replace(b"\r\nAccept:", b"\rAccept:", 1),
    "bare line feeds at the end": lambda head: head[:-4] + b"\n\n",
    "a carriage return in a value": lambda head: head.replace(b"User-Agent: ", b"User-Agent: \rX: ", 1),
    "a nul in a value": lambda head: head.replace(b"User-Agent: ", b"User-Agent: \0", 1),
    "no ASCII in a value": lambda head: head.replace(b"User-Agent: ", "User-Agent: ä".encode(), 1),
    "small letters": lambda head: head.lower().replace(b"post", b"POST", 1).replace(b"http/1.1", b"HTTP/1.1", 1),
    "HTTP/1.0": lambda head: head.replace(b"HTTP/1.1", b"HTTP/1.0", 1),
    "HTTP/2": lambda head: head.replace(b"HTTP/1.1", b"HTTP/2.0", 1),
    "another method": lambda head: head.replace(b"POST", b"PUT", 1),
    "a line before it": lambda head: b"\r\n" + head,
    "an absolute path": lambda head: head.replace(b"POST ", b"POST https://elsewhere", 1),
    "a fragment": lambda head: head.replace(b" HTTP/1.1", b"#x HTTP/1.1", 1),
    "no host": lambda head: re.sub(rb"Host: [^\r]*\r\n", b"", head),
    "an odd host": lambda head: re.sub(rb"Host: [^\r]*", b"Host: a@b:c/?d#[::1]", head),
    "another type": lambda head: head.replace(b"application/json\r", b"text/plain\r", 1),
    "packed content": lambda head: head[:-2] + b"Content-Encoding: gzip\r\n\r\n",
    "closing": lambda head: head[:-2] + b"Connection: close\r\n\r\n",
    "upgrading": lambda head: head[:-2] + b"Connection: upgrade\r\nUpgrade: h2c\r\n\r\n",
    "another case of the path": lambda head: head.replace(b"/validate", b"/Validate").replace(b"/mutate", b"/MUTATE"),
    "no such path": lambda head: head.replace(b"/validate", b"/elsewhere").replace(b"/mutate", b"/elsewhere"),
}

# Those of them that the API server might write.
ORDINARY = {"as ever", "with a timeout", "traced and packed", "a shorter length", "no such path"}


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """Return a request, with a head and a body of some spelling."""
    body = SPELLINGS[draw(st.sampled_from(sorted(SPELLINGS)))](draw(REVIEWS))
    sent = request(body, draw(st.sampled_from(["/validate", "/mutate"])))
    head = HEADS[draw(st.sampled_from(sorted(HEADS)))](sent[: sent.index(b"\r\n\r\n") + 4])
    return head + body


class TestBothWays:
    @settings(max_examples=150, deadline=None)
    @given(sent=st.lists(requests(), min_size=1, max_size=3), places=st.lists(st.integers(0, 2**16), max_size=4))
    def test_every_exchange_has_the_same_answers(self, pair: Pair, sent: list[bytes], places: list[int]) -> None:
        short, long = pair.answers(cut(b"".join([*sent, LAST]), places))

        assert short == long

    @pytest.mark.parametrize("head", sorted(HEADS))
    @pytest.mark.parametrize("path", ["/validate", "/mutate"])
    def test_every_head_has_the_same_answers(self, pair: Pair, head: str, path: str) -> None:
        sent = request(Asked(object=PRIVILEGED).body(), path)
        end = sent.index(b"\r\n\r\n") + 4

        short, long = pair.answers([HEADS[head](sent[:end]) + sent[end:], LAST])

        assert short == long

    @pytest.mark.parametrize("spelling", sorted(SPELLINGS))
    @pytest.mark.parametrize("path", ["/validate", "/mutate"])
    def test_every_spelling_of_a_review_has_the_same_answers(self, pair: Pair, spelling: str, path: str) -> None:
        asked = Asked(object=CARELESS, old=PRIVILEGED, operation="CREATE", uid="ä").document()

        short, long = pair.answers([request(SPELLINGS[spelling](asked), path), LAST])

        assert short == long

    def test_a_request_in_a_body_is_no_request(self, pair: Pair) -> None:
        hidden = request(Asked(object=pod(), uid="hidden").body())

        short, long = pair.answers([request(hidden), LAST])

        assert short == long
        assert b"hidden" not in short
        assert short.count(b"HTTP/1.1 ") == 1

    def test_bytes_beyond_the_length_are_the_next_request(self, pair: Pair) -> None:
        body = Asked(object=PRIVILEGED).body()

        short, long = pair.answers([request(body) + b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", LAST])

        assert short == long
        assert re.findall(rb"HTTP/1\.1 ([0-9]+)", short)[:2] == [b"200", b"404"]


@st.composite
def heads(draw: st.DrawFn) -> bytes:
    """Return the head that the API server writes, with some bytes of it changed."""
    head = bytearray(request(b"x" * draw(st.integers(0, 5000)), draw(st.sampled_from(["/validate", "/mutate"]))))
    head = head[: head.index(b"\r\n\r\n") + 4]
    for _ in range(draw(st.integers(0, 2))):
        place = draw(st.integers(0, len(head)))
        head[place : place + draw(st.integers(0, 2))] = draw(
            st.sampled_from(
                [b"", b"\r", b"\n", b"\r\n", b" ", b"\t", b"\0", b":", b"0", b"-", b"_", b"\x80", b"A: b\r\n"]
            )
        )
    return bytes(head)


class TestReading:
    @settings(max_examples=500, deadline=None)
    @given(head=heads())
    def test_what_is_read_has_one_length_and_no_other_framing(self, head: bytes) -> None:
        found = read_head(head)

        if found is not None:
            lines = head[: found.begin].split(b"\r\n")
            names = [line.partition(b":")[0] for line in lines[1:-2]]
            assert head[: found.begin].count(b"\r\n\r\n") == 1
            assert not re.search(rb"[^\r]\n|\r[^\n]|[^ -~\r\n]", head[: found.begin])
            assert len(names) == len(set(names))
            assert set(names) <= {
                *(b"Host", b"User-Agent", b"Content-Length", b"Accept"),
                *(b"Content-Type", b"Traceparent", b"Accept-Encoding"),
            }
            assert b"Content-Length: %d" % (found.end - found.begin) in lines

    def test_the_head_that_the_api_server_writes_is_read(self) -> None:
        sent = request(b"{}", "/mutate?timeout=2s", extra="Accept-Encoding: gzip\r\n")

        found = read_head(sent)

        assert found is not None
        assert (found.path, found.timeout, sent[found.begin : found.end]) == ("/mutate", 2.0, b"{}")

    @pytest.mark.parametrize("head", sorted(set(HEADS) - ORDINARY))
    def test_any_other_head_is_left_to_the_library(self, head: str) -> None:
        sent = request(Asked(object=pod()).body())
        end = sent.index(b"\r\n\r\n") + 4

        assert read_head(HEADS[head](sent[:end]) + sent[end:]) is None
