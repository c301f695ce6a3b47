"""What `stridegate scan-node` says of the machine itself, whose dockerd runs the nodes of the kind cluster."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from localkube.engine import Engine, running
from localkube.kind_cluster import KindCluster

pytestmark = pytest.mark.kind

# What the flags imply that deploy/local starts a daemon with (localkube/engine.py), and the defaults of all others.
OURS = {
    "disabled-docker-iptables": "Pass",
    "docker-cgroup-parent": "Pass",
    "docker-debug-logging": "Pass",
    "docker-experimental-features": "Pass",
    "docker-new-privileges": "Fail",
    "docker-socket-file-ownership": "Pass",
    "docker-socket-file-permissions": "Pass",
    "docker-tcp-without-tls": "NotApplicable",
    "docker-unconfined-seccomp": "Pass",
    "docker-userland-proxy": "Fail",
    "docker-without-user-namespaces": "Fail",
    "insecure-docker-registry": "Pass",
    "inter-container-communication": "Fail",
    "local-docker-logging": "Fail",
    "missing-docker-authorization-plugin": "Fail",
    "missing-docker-ulimits": "Warn",
    "missing-live-restore": "Fail",
    "rootful-docker-daemon": "Warn",
}
# Of these rules any daemon that is there gets a verdict.
OF_EVERY_DAEMON = OURS.keys() - {"docker-tcp-without-tls"}


def listing(folder: str) -> Mapping[str, tuple[int, int, int, int, int]]:
    """Return what there is below a folder, with the mode, owners, size and time of the last change of each."""
    found = {}
    for path in Path(folder).rglob("*"):
        status = path.lstat()
        found[str(path)] = (status.st_mode, status.st_uid, status.st_gid, status.st_size, status.st_mtime_ns)
    return found


def scan() -> dict[str, Any]:
    """Run the command on this machine, and return the status of its report."""
    scanned = subprocess.run(
        [sys.executable, "-m", "stridegate", "scan-node", "-o", "json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert scanned.returncode in {0, 1}, scanned.stderr
    status: dict[str, Any] = json.loads(scanned.stdout)["status"]
    return status


@pytest.fixture(scope="module", autouse=True)
def engine(cluster: KindCluster) -> Engine:
    """The engine that runs the cluster's nodes: ours, or the user's own."""
    found = running()
    assert found is not None, f"no container engine answers, and {cluster.name} runs"
    assert found.has_network("kind")
    return found


@pytest.fixture(scope="module")
def status() -> dict[str, Any]:
    """The report on this machine."""
    return scan()


def implied(engine: Engine) -> Mapping[str, str]:
    """Return the verdicts that the daemon's flags imply: none where a person has configured it."""
    return OURS if engine.ours and not Path("/etc/docker/daemon.json").exists() else {}


def states(status: Mapping[str, Any]) -> dict[str, str]:
    found = {finding["rule"]: finding["state"] for finding in status["findings"]}
    return found | dict.fromkeys(status["passed"], "Pass")


def test_the_daemon_that_runs_is_judged(status: dict[str, Any]) -> None:
    judged = states(status)

    assert judged.keys() >= OF_EVERY_DAEMON


def test_each_flag_of_our_daemon_has_the_verdict_that_it_implies(engine: Engine, status: dict[str, Any]) -> None:
    judged = states(status)

    wanted = implied(engine)
    assert {rule: judged.get(rule, "NotApplicable") for rule in wanted} == wanted


def test_no_rule_breaks_on_this_machine(status: dict[str, Any]) -> None:
    assert [finding["rule"] for finding in status["findings"] if finding["state"] == "Error"] == []


def test_the_summary_counts_what_the_report_lists(status: dict[str, Any]) -> None:
    summary = status["summary"]
    listed = [finding["state"] for finding in status["findings"]]

    assert summary["pass"] == len(status["passed"])
    assert summary["fail"] == listed.count("Fail")
    assert summary["warn"] == listed.count("Warn")
    assert summary["error"] == listed.count("Unknown") + listed.count("Error")
    assert summary["fail"] == sum(summary[each] for each in ("critical", "high", "medium", "low", "info"))
    assert 0 <= summary["score"] <= 100


def test_a_scan_changes_nothing_below_etc() -> None:
    before = listing("/etc")

    scan()

    assert listing("/etc") == before
