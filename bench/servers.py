"""The processes that are measured: started on a processor of their own, timed, weighed and stopped."""

from __future__ import annotations

import datetime as dt
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from localkube.ports import free_ports
from stridegate.operator.issuing import create_authority, issue_leaf, write_certificates, write_key

NAME = "stridegate-webhook.stridegate-system.svc"
_PATIENCE = 60.0
# The webhook's image has no `kubernetes` package, which kopf imports wherever it is installed.
_AS_IN_THE_IMAGE = "import sys; sys.modules['kubernetes'] = None; from stridegate.cli.main import main; main()"


@contextmanager
def pinned(processor: int) -> Iterator[None]:
    """Run this process, and what it starts meanwhile, on one processor."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {sorted(before)[processor % len(before)]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def write_certificate(directory: Path) -> None:
    """Write what a Secret of the operator's holds: tls.crt, tls.key and ca.crt."""
    now = dt.datetime.now(dt.UTC)
    authority = create_authority(now)
    leaf = issue_leaf(authority, [NAME], now)
    directory.mkdir(parents=True)
    (directory / "tls.crt").write_bytes(write_certificates([leaf.certificate]))
    (directory / "tls.key").write_bytes(write_key(leaf.key))
    (directory / "ca.crt").write_bytes(write_certificates([authority.certificate]))


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running server: its name in tables, its port, and how long it took from its start until it was ready, in seconds."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    seconds_to_ready: float

    def cpu(self) -> float:
        """Return the processor time of all its threads in seconds, user and system, to the nanosecond.

        /proc/<pid>/stat says the same in hundredths. For the number of the clock see clock_getcpuclockid(3).
        """
        return time.clock_gettime(~self.process.pid << 3 | 2)

    def memory(self, field: str) -> float:
        """Return a field of /proc/<pid>/status in MiB: VmRSS is what it has in memory, VmHWM the most it ever had."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith(field))) / 1024

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Launcher:
    """Starts servers with one certificate, beside one API server, on the first processor. Their output goes to files."""

    def __init__(self, directory: Path, kubeconfig: Path) -> None:
        self.certificates = directory / "certificates"
        write_certificate(self.certificates)
        self._directory = directory
        self._kubeconfig = kubeconfig

    @contextmanager
    def webhook(self) -> Iterator[Server]:
        """Run the product."""
        port, probes = free_ports(2)
        options = {
            "tls-directory": self.certificates,
            "server-name": NAME,
            "bind": "127.0.0.1",
            "port": port,
            "probe-port": probes,
            "drain-delay": 0,
            "kubeconfig": self._kubeconfig,
        }
        flags = [f"--{name}={value}" for name, value in options.items()]
        command = [sys.executable, "-c", _AS_IN_THE_IMAGE, "webhook", *flags]
        with self._running(
            "stridegate webhook", command, port, lambda: _answers(f"http://127.0.0.1:{probes}/readyz")
        ) as it:
            yield it

    @contextmanager
    def empty(self) -> Iterator[Server]:
        """Run the application that answers a constant."""
        (port,) = free_ports(1)
        command = [sys.executable, "-m", "bench.empty_server", str(port), str(self.certificates)]
        with self._running("empty aiohttp handler", command, port, lambda: _listens(port)) as it:
            yield it

    @contextmanager
    def kopf(self) -> Iterator[Server]:
        """Run kopf's own server."""
        (port,) = free_ports(1)
        words = [str(port), str(self.certificates), str(self._kubeconfig)]
        command = [sys.executable, "-m", "bench.kopf_server", *words]
        with self._running("kopf.WebhookServer", command, port, lambda: _listens(port)) as it:
            yield it

    @contextmanager
    def _running(self, name: str, command: list[str], port: int, ready: Callable[[], bool]) -> Iterator[Server]:
        log = self._directory / f"{name.replace(' ', '-')}.log"
        with log.open("wb") as sink, pinned(0):
            started = time.monotonic()
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink)
        try:
            while not ready():
                if process.poll() is not None or time.monotonic() - started > _PATIENCE:
                    raise SystemExit(f"{name} did not become ready; it said:\n{log.read_text()}")
                time.sleep(0.005)
            server = Server(name=name, port=port, process=process, seconds_to_ready=time.monotonic() - started)
            yield server
        finally:
            Server(name=name, port=port, process=process, seconds_to_ready=0).stop()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - our own, over HTTP
            return True
    except (urllib.error.URLError, OSError):
        return False


def _listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            return True
    except OSError:
        return False
