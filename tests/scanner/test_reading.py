"""The two containers of a scanner's pod: what one asks and the other answers, over a real socket."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from authorities import Authority
from hosts import put
from silence import silent_file_system
from stridegate.model.nodes import queries
from stridegate.model.nodes.answers import Absent, Certificate, FileStatus, Unreadable
from stridegate.model.nodes.queries import Query, Syntax
from stridegate.model.nodes.rules import HostFile
from stridegate.scanner import reading
from stridegate.scanner.asking import AskedReader
from stridegate.scanner.errors import BadQuestion
from stridegate.scanner.host_root import HostRoot
from stridegate.scanner.messages import LENGTH, read_answers, read_queries, written_answers, written_queries
from stridegate.scanner.reading import WATCHING, Reader, serve_reader, watched_by
from stridegate.scanner.watches import Watches
from stridegate.scanner.workers import Looks, Workers

EVERY: tuple[Query[object], ...] = (
    queries.FileStatusOf("/etc/x.json"),
    queries.FilesUnder("/etc", "*", 2),
    queries.FileText("/etc/x.json"),
    queries.Document("/etc/x.json", Syntax.JSON),
    queries.FileDigest("/etc/x.json"),
    queries.CertificatesIn("/etc/x.crt"),
    queries.HoldsPrivateKey("/etc/x.crt"),
    queries.HostAccounts(),
    queries.ComponentVersion("runc"),
    queries.FileText("/etc/nothing"),
)


def after_length(document: bytes) -> bytes:
    """Return a document as it is sent."""
    return len(document).to_bytes(LENGTH, "big") + document


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A host with a few files."""
    root = tmp_path / "host"
    put(root, "/etc/x.json", HostFile(text='{"a": [1, null, {"b": true}]}', mode=0o640, gid=7))
    put(root, "/etc/x.crt", HostFile(text=Authority("ca").bundle.decode()))
    put(root, "/etc/passwd", HostFile(text="root:x:0:0::/root:/bin/sh\n"))
    put(root, "/etc/group", HostFile(text="root:x:0:\ndocker:x:998:alice\n"))
    put(root, "/etc/\udcff\nodd", HostFile())
    return root


@contextmanager
def answering(host: Path, path: Path) -> Iterator[None]:
    """Let a reader answer in a thread."""
    started, stop, watches = threading.Event(), threading.Event(), Watches()

    async def serve(looks: Looks) -> None:
        reader = Reader(looks, watches)
        async with await serve_reader(reader, path):
            started.set()
            await asyncio.to_thread(stop.wait)
            reader.close()

    with HostRoot(host) as root, Workers(root, silence=0.4) as looks:
        thread = threading.Thread(target=lambda: asyncio.run(serve(looks)))
        thread.start()
        started.wait()
        try:
            yield
        finally:
            stop.set()
            thread.join()


def test_what_the_reader_answers_is_what_it_read(host: Path, tmp_path: Path) -> None:
    with answering(host, tmp_path / "socket"):
        found = AskedReader(tmp_path / "socket")(EVERY)

    status = found[EVERY[0]]
    assert isinstance(status, FileStatus)
    assert (status.mode, status.gid) == (0o640, 7)
    assert found[EVERY[1]] == tuple(
        sorted(f"/etc/{each}" for each in ("x.json", "x.crt", "passwd", "group", "\udcff\nodd"))
    )
    assert found[EVERY[3]] == {"a": [1, None, {"b": True}]}
    certificates = found[EVERY[5]]
    assert isinstance(certificates, tuple)
    assert isinstance(certificates[0], Certificate)
    assert found[EVERY[6]] is False
    assert found[EVERY[8]] == Absent("runc")
    assert found[EVERY[9]] == Absent("/etc/nothing")


def test_without_a_reader_everything_is_unreadable(tmp_path: Path) -> None:
    ask = AskedReader(tmp_path / "nobody")

    found = ask(EVERY)

    assert all(isinstance(answer, Unreadable) for answer in found.values())
    assert ask.problem


def test_a_reader_that_says_nothing_is_not_waited_for_twice(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "socket"))
        silent.listen()
        ask = AskedReader(tmp_path / "socket", patience=0.1)

        ask(EVERY[:1])
        found = ask(EVERY)

    assert isinstance(found[EVERY[5]], Unreadable)
    assert "0.1 s" in ask.problem


@pytest.mark.parametrize(
    "question",
    [
        b"",
        b"\xff\xff\xff\xff",
        b"\x00\x00\x00\x05hello",
        *map(
            after_length,
            (
                b'[{"query": "Containers", "fields": {}}]',
                b'[{"query": "FileText", "fields": {"path": 5}}]',
                b"[" * 5000,
            ),
        ),
    ],
)
def test_a_hostile_question_gets_no_answer_and_ends_nothing(host: Path, tmp_path: Path, question: bytes) -> None:
    path = tmp_path / "socket"

    with answering(host, path):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(path))
            connection.sendall(question)
            connection.shutdown(socket.SHUT_WR)
            assert connection.recv(1) == b""
        found = AskedReader(path)(EVERY)

    assert isinstance(found[EVERY[0]], FileStatus)


def test_a_host_that_hangs_holds_up_nothing_but_what_hangs(host: Path, tmp_path: Path) -> None:
    (host / "etc/remote").mkdir()
    remote = queries.FileText("/etc/remote/x")

    with answering(host, tmp_path / "socket"), silent_file_system(host / "etc/remote"):
        ask = AskedReader(tmp_path / "socket")
        found = [ask((remote, EVERY[0])) for _ in range(2)]

    for each in found:
        assert each[remote] == Unreadable("/etc/remote/x", "/etc/remote did not answer within 0.4 s")
        assert isinstance(each[EVERY[0]], FileStatus)


def test_a_change_in_an_inspected_directory_is_told(
    host: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "QUIET", 0.05)
    path = tmp_path / "socket"

    with answering(host, path), socket.socket(socket.AF_UNIX) as connection:
        AskedReader(path)(EVERY)
        connection.connect(str(path))
        connection.settimeout(10)
        connection.sendall(WATCHING.to_bytes(LENGTH, "big"))
        told = threading.Event()

        def change() -> None:
            # The connection may be attended only after the first change.
            while not told.wait(0.05):
                (host / "etc/x.json").chmod(0o600)

        changing = threading.Thread(target=change)
        changing.start()
        try:
            heard = connection.recv(1)
        finally:
            told.set()
            changing.join()

    assert heard == b"!"


def test_what_changes_all_the_time_is_not_watched() -> None:
    asked = [
        queries.FileText("/var/lib/docker/x"),
        queries.FileText("/etc/docker/daemon.json"),
        queries.FilesUnder("/etc/audit/rules.d"),
    ]

    assert watched_by(asked) == {"/etc/docker", "/etc/audit/rules.d"}


def test_an_answer_that_is_too_large_is_unreadable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stridegate.scanner.messages.MOST_ANSWERED", 2000)
    asked: list[Query[object]] = [queries.FileText("/a"), queries.FileText("/b")]

    told = read_answers(asked, written_answers(asked, {asked[0]: "x" * 1500, asked[1]: "y" * 1500}))

    assert told[asked[0]] == "x" * 1500
    assert isinstance(told[asked[1]], Unreadable)


def test_questions_and_answers_keep_names_that_are_no_text() -> None:
    asked: list[Query[object]] = [queries.FileStatusOf(os.fsdecode(b"/etc/\xff\x1b\n"))]

    assert read_queries(written_queries(asked)) == asked


@pytest.mark.parametrize("answer", [b"[]", b"{}", b"[{}]", b'[{"answer": {"path": 1}}]', b"no"])
def test_an_answer_that_is_none_is_refused(answer: bytes) -> None:
    with pytest.raises(BadQuestion):
        read_answers([queries.FileStatusOf("/etc/x")], answer)
