"""What a fleet of thousands costs the operator: its process, on a real API server whose nodes are objects alone.

    PYTHONPATH=.:controller:deploy/local python -m bench.fleets 5000

Prints what the operator needs until every node has a report and until each is fresh, while nothing happens, while
kubelets tell that nothing happened, when nodes go, and when it starts again. 5,000 nodes take some ten minutes, 3 GiB of
memory and half of that of disk; everything ends with the command.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import yaml

from bench.api_writers import Writers
from bench.fleet_objects import (
    NODES,
    REPORTS,
    departures,
    heartbeats,
    name_of,
    readiness,
    registrations,
    scanners,
    scans,
)
from bench.servers import Server
from localkube.api_server import METADATA_AUDIT_POLICY, ApiServer
from localkube.places import CHECKOUT
from localkube.ports import free_ports

_NAMESPACE = "stridegate-system"
_OPERATOR = f"system:serviceaccount:{_NAMESPACE}:stridegate-operator"
# Seconds for which nothing happens, and until something must have happened.
_IDLE, _PATIENCE = 60.0, 1800.0
# Kubelets tell of their nodes every five minutes.
_HEARTBEAT = 300.0


@dataclass(slots=True)
class Release:
    """The operator's process with the rights of its account, and the objects that it is told about."""

    server: ApiServer
    folder: Path
    manifests: list[dict[str, Any]] = field(default_factory=list)
    _read: int = 0

    def install(self) -> None:
        """Apply what Stridegate consists of; no pod runs."""
        install = CHECKOUT / "deploy" / "install.yaml"
        self.manifests = [each for each in yaml.safe_load_all(install.read_text()) if each]
        for _ in range(2):  # kinds and namespaces first
            self.server.kubectl("apply", "--server-side", "-f", str(install), check=False)
        for name, text in self._one("ConfigMap", "stridegate-webhooks")["data"].items():
            (self.folder / name).write_text(text)
        self._write_kubeconfig()

    @property
    def template(self) -> dict[str, Any]:
        """The template of the scanners' pods."""
        found: dict[str, Any] = self._one("DaemonSet", "stridegate-scanner")["spec"]["template"]
        return found

    @contextmanager
    def operator(self) -> Iterator[Server]:
        """Run the operator."""
        (probes,) = free_ports(1)
        options = {
            "namespace": _NAMESPACE,
            "webhooks-file": self.folder / "webhooks.json",
            "guard-file": self.folder / "guard.json",
            "report-guard-file": self.folder / "report-guard.json",
            "identity": "bench",
            "bind": "127.0.0.1",
            "probe-port": probes,
            "kubeconfig": self.folder / "operator.kubeconfig",
        }
        flags = [f"--{name}={value}" for name, value in options.items()]
        with (self.folder / "operator.log").open("ab") as log:
            process = subprocess.Popen([sys.executable, "-m", "stridegate", "operator", *flags], stderr=log)
        running = Server(name="operator", port=probes, process=process, seconds_to_ready=0)
        try:
            yield running
        finally:
            running.stop()

    def writes(self) -> Counter[str]:
        """Return what the operator wrote since this was last asked, but for the Lease, by verb and kind."""
        with self.server.audit_log.open() as log:
            log.seek(self._read)
            lines = log.readlines()
            self._read = log.tell()
        events = (json.loads(line) for line in lines if _OPERATOR in line and line.endswith("}\n"))
        return Counter(
            f"{each['verb']} {'/'.join(filter(None, (where['resource'], where.get('subresource'))))}"
            for each in events
            if each["user"]["username"] == _OPERATOR
            and each["verb"] not in {"get", "list", "watch"}
            and "dryRun" not in each["requestURI"]
            and (where := each["objectRef"])["resource"] != "leases"
        )

    def _one(self, kind: str, name: str) -> dict[str, Any]:
        return next(each for each in self.manifests if (each["kind"], each["metadata"]["name"]) == (kind, name))

    def _write_kubeconfig(self) -> None:
        token = self.server.kubectl(
            "--namespace", _NAMESPACE, "create", "token", "stridegate-operator", "--duration=2h"
        ).strip()
        cluster = {"server": self.server.url, "certificate-authority": str(self.server.certificate_authority)}
        config = {
            "clusters": [{"name": "c", "cluster": cluster}],
            "users": [{"name": "u", "user": {"token": token}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }
        (self.folder / "operator.kubeconfig").write_text(json.dumps(config))


@dataclass(frozen=True, slots=True)
class Measuring:
    """Tells of each phase what it took."""

    release: Release
    writers: Writers

    def phase(self, title: str, operator: Server, act: Callable[[], object]) -> None:
        """Let something happen, and print seconds, the operator's processor time, its memory and its writes."""
        began, spent = time.monotonic(), operator.cpu()
        act()
        seconds, used = time.monotonic() - began, operator.cpu() - spent
        writes = ", ".join(f"{count:,} {what}" for what, count in sorted(self.release.writes().items())) or "nothing"
        memory = f"{operator.memory('VmRSS'):.0f} MiB now, {operator.memory('VmHWM'):.0f} at most"
        print(f"{title:<42} {seconds:6.1f} s, {used:5.1f} s of processor; {memory}; wrote {writes}", flush=True)

    def reports(self, count: int) -> None:
        """Wait until there are so many reports."""
        self._until(lambda: self._count(REPORTS) == count)

    def fresh(self, count: int) -> None:
        """Wait until the operator says so of so many reports."""
        line = f'stridegate_node_reports{{state="Fresh"}} {float(count)}'
        self._until(lambda: line in self.writers.metrics())

    def gone(self, name: str) -> None:
        """Wait until a report is gone."""
        self._until(lambda: not self.writers.exists(f"{REPORTS}/{name}"))

    def _count(self, path: str) -> int:
        page = self.writers.read(f"{path}?limit=1")
        return len(page["items"]) + int(page["metadata"].get("remainingItemCount", 0))

    @staticmethod
    def _until(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not condition():
            if time.monotonic() > deadline:
                raise SystemExit(f"not within {_PATIENCE:.0f} s")
            time.sleep(0.2)


def main() -> None:
    """Measure and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    with tempfile.TemporaryDirectory(prefix="stridegate-fleet-") as directory:
        folder = Path(directory)
        with ApiServer(state_dir=folder / "api-server", audit_policy=METADATA_AUDIT_POLICY) as server:
            release = Release(server, folder)
            release.install()
            _measure(release, count)


def _measure(release: Release, count: int) -> None:
    fleet, writers = range(count), Writers(release.server)
    measuring = Measuring(release, writers)
    writers.send(registrations(fleet))
    writers.send(scanners(fleet, release.template))
    print(f"{count:,} nodes, {_size(writers, NODES, count):.0f} kB each", flush=True)
    with release.operator() as operator:
        writers.probes = operator.port
        measuring.phase("until each node has a report", operator, lambda: measuring.reports(count + 1))

        def scan() -> None:
            # Each is Ready once it has scanned.
            writers.send(chain.from_iterable(zip(scans(fleet, time.time()), readiness(fleet), strict=True)))

        measuring.phase("while the scanners write the first time", operator, scan)
        measuring.phase("until the operator says that all are fresh", operator, lambda: measuring.fresh(count))
        print(f"  a report has {_size(writers, REPORTS, count):.0f} kB", flush=True)
        _settle(measuring, operator)
        measuring.phase(f"{_IDLE:.0f} s in which nothing happens", operator, lambda: time.sleep(_IDLE))
        pace = count / _HEARTBEAT
        beats = heartbeats(range(min(count, int(pace * _IDLE))), time.time())
        measuring.phase(
            f"{_IDLE:.0f} s of heartbeats, {pace:.0f} a second", operator, lambda: writers.send(beats, pace=pace)
        )

        def lose(numbers: range) -> None:
            writers.send(departures(numbers))
            measuring.gone(name_of(numbers[-1]))
            measuring.reports(count + 1 - (count - numbers[0]))

        measuring.phase("one node goes, until its report is gone", operator, lambda: lose(range(count - 1, count)))
        measuring.phase("a tenth of the nodes goes", operator, lambda: lose(range(count - count // 10, count - 1)))
    left = count - count // 10
    with release.operator() as operator:
        writers.probes = operator.port
        measuring.phase("started again, until it knows all", operator, lambda: measuring.fresh(left))
        _settle(measuring, operator)
        measuring.phase(f"{_IDLE:.0f} s in which nothing happens", operator, lambda: time.sleep(_IDLE))


def _settle(measuring: Measuring, operator: Server) -> None:
    """Let what began end: kopf still hears of all that it listed."""
    measuring.phase("20 s to settle", operator, lambda: time.sleep(20))


def _size(writers: Writers, path: str, count: int) -> float:
    """Return how many kB one of the objects has."""
    return len(json.dumps(writers.read(f"{path}/{name_of(count // 2)}"))) / 1000


if __name__ == "__main__":
    main()
