"""A scanner's two processes as a pod has them, with a real API server, a token of their node and the rights of the chart."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from charts import KINDS, Helm, Rendered
from hardeningreports import node_report
from hosts import BARE, put
from localkube.api_server import ApiServer
from localkube.ports import free_ports
from reported import SCANNER_NAMESPACE, apply, node, scanner_pod, token
from stridegate.model.nodes.answers import FileKind
from stridegate.model.nodes.rules import HostFile

pytestmark = pytest.mark.api_server

PATIENCE = 120.0
# All that the chart mounts but /opt, so that something is out of view.
VISIBLE = ("etc", "home", "lib", "root", "usr", "var/lib")


@dataclass
class World:
    """An API server, a host, and the two processes that look at it."""

    server: ApiServer
    host: Path
    reader: subprocess.Popen[bytes]
    scanner: subprocess.Popen[bytes]

    def report(self, name: str = "node1") -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.server.kubectl("get", "hrep", name, "-o", "json"))
        return found

    def finding(self, slug: str) -> dict[str, Any] | None:
        findings = self.report().get("status", {}).get("findings", [])
        return next((each for each in findings if each["rule"] == slug), None)


def eventually(holds: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever is waited for
    """Return what holds once it does."""
    deadline = time.monotonic() + PATIENCE
    while not (found := holds()):
        assert time.monotonic() < deadline, "it never came about"
        time.sleep(0.2)
    return found


def kubeconfig(server: ApiServer, path: Path) -> Path:
    """Write a kubeconfig that shows the token of the scanner's pod on node1."""
    config = {
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "scanner"}}],
        "clusters": [
            {
                "name": "here",
                "cluster": {"server": server.url, "certificate-authority": str(server.certificate_authority)},
            }
        ],
        "users": [{"name": "scanner", "user": {"token": token(server, "node1")}}],
    }
    path.write_text(yaml.safe_dump(config))
    return path


@pytest.fixture(scope="module")
def release() -> Rendered:
    return Helm.built().render()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, release: Rendered) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("scanner-pod")
    host = folder / "host"
    for path, file in {
        **BARE,
        "/proc/1/status": HostFile(text="Name:\tinit\nUid:\t0\t0\nGid:\t0\t0\nNSpid:\t1\n"),
        "/proc/1/cmdline": HostFile(text="/sbin/init\0"),
        "/proc/1/cgroup": HostFile(text="0::/init.scope\n"),
        "/etc/docker": HostFile(kind=FileKind.DIRECTORY, mode=0o755),
        "/etc/docker/daemon.json": HostFile(text='{"icc": false}', mode=0o666),
        "/run": HostFile(kind=FileKind.DIRECTORY, mode=0o755),
        "/sys": HostFile(kind=FileKind.DIRECTORY, mode=0o755),
    }.items():
        put(host, path, file)
    with ApiServer(state_dir=folder / "api") as server:
        server.kubectl("apply", "--server-side", "-f", str(KINDS))
        server.kubectl("wait", "--for=condition=Established", "crd", "--all")
        names = ("stridegate-scanner", "stridegate-reports")
        mine = [each for each in release.manifests if each["metadata"]["name"] in names and each["kind"] != "DaemonSet"]
        apply(server, *(each for each in mine if each["kind"] == "Namespace"))
        apply(server, *(each for each in mine if each["kind"] not in {"Namespace", "NetworkPolicy"}))
        reports = [node_report("node1"), node_report("node2")]
        apply(server, node("node1"), node("node2"), scanner_pod("node1"), scanner_pod("node2"), *reports)
        socket, (port,) = folder / "socket", free_ports(1)
        common = [f"--socket={socket}", f"--root={host}"]
        reader = started("reader", *common, *(f"--visible=/{each}" for each in VISIBLE))
        eventually(socket.exists)
        scanner = started(
            "scanner", *common, "--node=node1", "--address=192.0.2.10", "--bind=127.0.0.1", f"--probe-port={port}",
            f"--kubeconfig={kubeconfig(server, folder / 'kubeconfig')}",
        )  # fmt: skip
        try:
            yield World(server, host, reader, scanner)
        finally:
            for process in (scanner, reader):
                process.kill()
                process.wait()


def started(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "stridegate", *arguments], env={**os.environ, "PYTHONPATH": "controller"}
    )


def test_the_report_of_the_node_says_what_is_wrong(world: World) -> None:
    found = eventually(lambda: world.finding("docker-daemon-config-file-permissions"))

    assert (found["state"], found["evidence"]["source"]) == ("Fail", "file")
    assert {each["type"]: each["status"] for each in world.report()["status"]["conditions"]}["Ready"] == "True"


def test_what_could_not_be_read_is_told_as_such(world: World) -> None:
    eventually(lambda: world.report().get("status"))

    conditions = {each["type"]: each for each in world.report()["status"]["conditions"]}
    assert (conditions["Complete"]["status"], conditions["Complete"]["reason"]) == ("False", "Unreadable")


def test_the_report_of_another_node_stays_as_it_is(world: World) -> None:
    eventually(lambda: world.report().get("status"))

    assert "status" not in world.report("node2")


def test_a_change_on_the_node_is_in_the_report_soon(world: World) -> None:
    eventually(lambda: world.finding("docker-daemon-config-file-permissions"))

    (world.host / "etc/docker/daemon.json").chmod(0o644)

    assert eventually(lambda: "docker-daemon-config-file-permissions" in world.report()["status"]["passed"])


def test_both_processes_end_when_they_are_told_to(world: World) -> None:
    for process in (world.scanner, world.reader):
        process.send_signal(signal.SIGTERM)

        assert process.wait(20) == 0


def test_the_namespace_of_the_chart_is_the_one_that_tests_know(release: Rendered) -> None:
    assert release.one("DaemonSet", "stridegate-scanner")["metadata"]["namespace"] == SCANNER_NAMESPACE
