"""Answers that no API server gives: each is an error with a sentence, and none ends the operator."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from stridegate.kube.cluster import Cluster
from stridegate.kube.errors import Refused

DEEP = b'{"metadata": {}, "items": [{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}]}"
NOT_UTF8 = b'{"metadata": {}, "items": [{"\xff": 1}]}'


class Answers(HTTPServer):
    """A server that gives one answer to everything."""

    code = HTTPStatus.OK
    body = b""


class Handler(BaseHTTPRequestHandler):
    server: Answers

    def do_GET(self) -> None:
        self.send_response(self.server.code)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name it has in the base class
        """Say nothing."""


@pytest.fixture
def answers() -> Iterator[Answers]:
    with Answers(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def cluster(answers: Answers, tmp_path: Path) -> Cluster:
    kubeconfig = tmp_path / "kubeconfig"
    contents = {
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{answers.server_port}"}}],
        "users": [{"name": "u", "user": {}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    kubeconfig.write_text(json.dumps(contents))
    return Cluster.connect(kubeconfig)


@pytest.mark.parametrize("body", [b"", b"[]", DEEP, NOT_UTF8], ids=["empty", "a list", "deep", "not utf-8"])
def test_an_answer_that_cannot_be_read_is_refused(answers: Answers, cluster: Cluster, body: bytes) -> None:
    answers.body = body

    with pytest.raises(Refused, match="GET /api/v1/namespaces: the API server answered 200: not what it should be"):
        cluster.namespaces()


@pytest.mark.parametrize(
    "body", [b"", b"[]", DEEP, b'{"message": "\xff"}'], ids=["empty", "a list", "deep", "not utf-8"]
)
def test_a_refusal_that_cannot_be_read_is_still_one(answers: Answers, cluster: Cluster, body: bytes) -> None:
    answers.code, answers.body = HTTPStatus.INTERNAL_SERVER_ERROR, body

    with pytest.raises(Refused, match="the API server answered 500"):
        cluster.namespaces()
