"""Writing thousands of objects into an API server, some at a time."""

from __future__ import annotations

import http.client
import json
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

from bench.fleet_objects import Request
from localkube.api_server import ApiServer

_WORKERS = 6
_REFUSED, _ABSENT = 400, 404


class Writers:
    """Clients with the administrator's certificate. `probes` is the port on which the operator tells its metrics."""

    def __init__(self, server: ApiServer) -> None:
        self.probes = 0
        self._address = urlsplit(server.url).netloc
        self._trust = ssl.create_default_context(cafile=str(server.certificate_authority))
        self._trust.load_cert_chain(*server.client_certificate)

    def send(self, requests: Iterable[Request], *, pace: float = 0) -> None:
        """Send all, so many a second if a pace is given."""
        rest, lock, began = enumerate(requests), threading.Lock(), time.monotonic()

        def taken() -> Iterator[Request]:
            while True:
                with lock:
                    number, request = next(rest, (0, None))
                if request is None:
                    return
                if pace:
                    time.sleep(max(0.0, began + number / pace - time.monotonic()))
                yield request

        with ThreadPoolExecutor(_WORKERS) as workers:
            for done in [workers.submit(self._send_each, taken()) for _ in range(_WORKERS)]:
                done.result()

    def read(self, path: str) -> dict[str, Any]:
        """Return what is under a path."""
        status, body = self._ask(path)
        if status >= _REFUSED:
            raise SystemExit(f"GET {path}: {status}")
        found: dict[str, Any] = json.loads(body)
        return found

    def exists(self, path: str) -> bool:
        """Whether something is under a path."""
        return self._ask(path)[0] != _ABSENT

    def metrics(self) -> str:
        """Return what the operator tells Prometheus, empty while it does not listen."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.probes}/metrics", timeout=10) as answer:
                text: str = answer.read().decode()
        except (urllib.error.URLError, OSError):
            return ""
        return text

    def _ask(self, path: str) -> tuple[int, bytes]:
        # Each time over a new connection: between two questions more time may pass than the API server keeps one for.
        connection = self._connect()
        connection.request("GET", path)
        response = connection.getresponse()
        status, body = response.status, response.read()
        connection.close()
        return status, body

    def _send_each(self, requests: Iterator[Request]) -> None:
        connection = self._connect()
        for each in requests:
            headers = {"Content-Type": each.content, **each.headers}
            connection.request(each.method, each.path, json.dumps(each.body), headers)
            response = connection.getresponse()
            answer = response.read()
            if response.status >= _REFUSED:
                raise SystemExit(f"{each.method} {each.path}: {response.status} {answer.decode()}")
        connection.close()

    def _connect(self) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(self._address, context=self._trust, timeout=60)
