"""Stridegate's two processes beside a real API server that the chart was installed on: no node, everything else real."""

from __future__ import annotations

import base64
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from accounts import kubeconfig
from charts import CHART, Helm
from localkube.api_server import ApiServer
from localkube.places import CHECKOUT
from localkube.ports import free_ports

T = TypeVar("T")

NAMESPACE = "stridegate-system"
CONFIGURATIONS = ("validatingwebhookconfigurations", "mutatingwebhookconfigurations")
OPERATOR = f"system:serviceaccount:{NAMESPACE}:stridegate-operator"


def eventually(probe: Callable[[], T | None], *, seconds: float = 60) -> T:
    """Return what a probe finds as soon as that is something."""
    deadline = time.monotonic() + seconds
    while True:
        found = probe()
        if found:
            return found
        assert time.monotonic() < deadline, f"still {found!r} after {seconds} s"
        time.sleep(0.1)


@dataclass(slots=True)
class Process:
    """One of the product's processes, run as in its container."""

    arguments: tuple[str, ...]
    log: Path
    _running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "stridegate", *self.arguments]
        with self.log.open("ab") as log:
            self._running = subprocess.Popen(
                command, stderr=log, env={**os.environ, "PYTHONPATH": str(CHECKOUT / "controller")}
            )

    def tell(self, sign: signal.Signals) -> None:
        """Send it a signal, and wait for nothing."""
        assert self._running is not None
        self._running.send_signal(sign)

    def memory(self) -> int:
        """Return how many MiB of memory it had at most."""
        assert self._running is not None
        status = Path(f"/proc/{self._running.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) // 1024

    def stop(self, sign: signal.Signals = signal.SIGTERM) -> int:
        """End the process and return its exit code; 0 where it does not run."""
        if self._running is None:
            return 0
        running, self._running = self._running, None
        running.send_signal(sign)
        return running.wait(30)


@dataclass(slots=True)
class Operated:
    """A release with an operator and a replica of the webhook, each with its own account's rights."""

    server: ApiServer
    helm: Helm
    folder: Path
    processes: dict[str, Process] = field(default_factory=dict)

    def install(self, *values: str) -> None:
        """Install the chart with values (`a.b=c`), and say where the one replica of the webhook will be."""
        self.helm.run(
            "install", "stridegate", CHART, "--namespace", NAMESPACE, "--create-namespace",
            "--kubeconfig", self.server.kubeconfig, *(f"--set={each}" for each in values),
        )  # fmt: skip
        for name, text in self.get("configmap", "stridegate-webhooks", "--namespace", NAMESPACE)["data"].items():
            (self.folder / name).write_text(text)
        (self.folder / "tls").mkdir()
        port, probes = free_ports(2)
        self._prepare_webhook(port, probes)
        self.server.kubectl(
            "apply", "-f", "-",
            stdin=json.dumps(
                {
                    "apiVersion": "discovery.k8s.io/v1",
                    "kind": "EndpointSlice",
                    "metadata": {
                        "name": "stridegate-webhook-1",
                        "namespace": NAMESPACE,
                        "labels": {"kubernetes.io/service-name": "stridegate-webhook"},
                    },
                    "addressType": "IPv4",
                    "ports": [{"name": "https", "port": port}],
                    "endpoints": [{"addresses": [self.server.host_address], "conditions": {"ready": True}}],
                }
            ),
        )  # fmt: skip

    def start_operator(self, identity: str, *told: str) -> Process:
        """Start a replica of the operator, told some more than that."""
        (probes,) = free_ports(1)
        arguments = (
            "operator",
            f"--namespace={NAMESPACE}",
            f"--webhooks-file={self.folder / 'webhooks.json'}",
            f"--guard-file={self.folder / 'guard.json'}",
            f"--report-guard-file={self.folder / 'report-guard.json'}",
            f"--identity={identity}",
            "--bind=127.0.0.1",
            f"--probe-port={probes}",
            f"--kubeconfig={self._kubeconfig('stridegate-operator')}",
            *told,
        )
        process = Process(arguments, self.folder / f"operator-{identity}.log")
        self.processes[identity] = process
        process.start()
        return process

    def start_webhook(self) -> None:
        """Mount the Secret, as the kubelet does once it has every key, and start the replica."""
        self.mount()
        self.processes["webhook"].start()

    def mount(self) -> None:
        """Write the Secret into the folder that the replica reads."""
        data = eventually(
            # An operator that has just started waits a minute, until every API server knows the CA.
            lambda: self.get("secret", "stridegate-tls", "--namespace", NAMESPACE).get("data"),
            seconds=150,
        )
        for name, value in data.items():
            (self.folder / "tls" / name).write_bytes(base64.b64decode(value))

    def probe(self, identity: str, path: str) -> tuple[int, str]:
        """Ask a replica of the operator for a probe, or for its metrics."""
        port = next(each for each in self.processes[identity].arguments if each.startswith("--probe-port="))
        connection = http.client.HTTPConnection("127.0.0.1", int(port.partition("=")[2]), timeout=5)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def stop(self) -> None:
        for process in self.processes.values():
            process.stop(signal.SIGKILL)

    def get(self, *arguments: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.server.kubectl("get", *arguments, "-o", "json"))
        return found

    def armed(self) -> dict[str, Any] | None:
        """Return the live entries by configuration, None while one of them has none."""
        live = {kind: self.get(kind, "stridegate").get("webhooks") for kind in CONFIGURATIONS}
        return live if all(live.values()) else None

    def condition(self, name: str, kind: str, *place: str) -> dict[str, Any]:
        """Return one condition of a policy, or with the arguments of kubectl for it of an exemption; empty while there is none."""
        found = self.get("hardeningexemption", name, *place) if place else self.get("hardeningpolicy", name)
        conditions = found.get("status", {}).get("conditions", ())
        return next((each for each in conditions if each["type"] == kind), {})

    def requests(self) -> list[dict[str, Any]]:
        """Return the operator's requests, from the API server's audit log."""
        lines = self.server.audit_log.read_text().splitlines()
        events = (json.loads(line) for line in lines if OPERATOR in line)
        return [each for each in events if each["user"]["username"] == OPERATOR]

    def _prepare_webhook(self, port: int, probes: int) -> None:
        arguments = (
            "webhook",
            f"--tls-directory={self.folder / 'tls'}",
            f"--server-name=stridegate-webhook.{NAMESPACE}.svc",
            f"--port={port}",
            f"--probe-port={probes}",
            "--drain-delay=0",
            f"--kubeconfig={self._kubeconfig('stridegate-webhook')}",
        )
        self.processes["webhook"] = Process(arguments, self.folder / "webhook.log")

    def _kubeconfig(self, account: str) -> Path:
        return kubeconfig(self.server, self.folder / f"{account}.kubeconfig", NAMESPACE, account)
