"""The webhook as a process of its own, started and ended as a pod is."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Self

from authorities import SERVER_NAME
from reviewing import response_of

_CONTROLLER = Path(__file__).parents[1] / "controller"


def eventually(condition: Callable[[], bool], seconds: float = 20.0) -> float:
    """Wait until something is so, and return how many seconds that took. Raises AssertionError where it does not become so."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < seconds, "it did not happen in time"
        time.sleep(0.02)
    return time.monotonic() - begun


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Replica:
    """A webhook process; it is killed where a test leaves it running."""

    def __init__(
        self,
        kubeconfig: Path,
        tls: Path,
        *,
        drain_delay: float = 0.5,
        server_name: str = SERVER_NAME,
        bind: str = "127.0.0.1",
        told: Iterable[str] = (),
    ) -> None:
        self.server_name = server_name
        self.port, self.probe_port = free_port(), free_port()
        self.log = tls.parent / f"webhook-{self.port}.log"
        self._arguments = [
            *("--tls-directory", str(tls), "--server-name", server_name, "--kubeconfig", str(kubeconfig)),
            *("--bind", bind),
            *("--port", str(self.port), "--probe-port", str(self.probe_port), "--drain-delay", str(drain_delay)),
            *told,
        ]
        self.process = self._start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "stridegate", "webhook", *self._arguments],
                env={**os.environ, "PYTHONPATH": str(_CONTROLLER)},
                stdout=log,
                stderr=log,
            )

    def restart(self) -> None:
        """Start again, after the process has ended."""
        self.process.wait()
        self.process = self._start()

    def probe(self, path: str) -> tuple[int, str]:
        """Return what a probe answers; 0 where nobody does."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.probe_port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as answer:
            with answer:
                return answer.code, answer.read().decode()
        except OSError as problem:
            return 0, str(problem)

    @property
    def ready(self) -> bool:
        """Whether the replica says that it may be sent reviews."""
        return self.probe("/readyz")[0] == 200

    def wait_ready(self) -> Self:
        """Wait until the replica is ready."""
        eventually(lambda: self.ready, 30)
        return self

    def metric(self, line: str) -> float:
        """Return the value of a metric, with its labels as it is exposed; 0 where there is none."""
        for each in self.probe("/metrics")[1].splitlines():
            name, _, value = each.rpartition(" ")
            if name == line:
                return float(value)
        return 0.0

    def connect(self, context: ssl.SSLContext) -> HTTPConnection:
        """Return a connection like the API server's."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        raw = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        connection.sock = context.wrap_socket(raw, server_hostname=self.server_name)
        return connection

    def ask(self, context: ssl.SSLContext, body: bytes, path: str = "/validate") -> dict[str, Any]:
        """Return the response to one review, over a connection of its own."""
        connection = self.connect(context)
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        answer = response_of(connection.getresponse().read())
        connection.close()
        return answer
