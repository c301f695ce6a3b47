"""What the scanner says of three real nodes: what changes there shows, and is gone when it is repaired."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from installations import Installation
from localkube.installation import IMAGE, until

pytestmark = pytest.mark.kind

MANIFEST = "/etc/kubernetes/manifests/kube-apiserver.yaml"
KUBELET = "/var/lib/kubelet/config.yaml"
SCANNER = ("-n", "stridegate-scanner")


def report(stridegate: Installation, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(stridegate.kubectl("get", "hrep", name, "-o", "json"))
    return found


def findings(stridegate: Installation, name: str) -> dict[str, dict[str, Any]]:
    """Return what a node's report finds fault with, by rule."""
    status = report(stridegate, name).get("status", {})
    return {finding["rule"]: finding for finding in status.get("findings", ())}


def conditions(stridegate: Installation, name: str) -> dict[str, tuple[str, str]]:
    status = report(stridegate, name).get("status", {})
    return {each["type"]: (each["status"], each["reason"]) for each in status.get("conditions", ())}


def eventually(stridegate: Installation, node: str, holds: Callable[[dict[str, dict[str, Any]]], bool]) -> None:
    """Ask for a scan, and wait until what it finds is what is wanted."""
    stamp = f"stridegate.dev/rescan={time.time_ns()}"
    stridegate.kubectl("annotate", "--overwrite", "hrep", node, stamp)
    until(f"the report of {node}", lambda: holds(findings(stridegate, node)), seconds=180)


@pytest.fixture(scope="module")
def nodes(stridegate: Installation) -> list[str]:
    """The nodes, the control plane first, once each has a report of its own."""
    names = stridegate.kubectl("get", "nodes", "-o", "jsonpath={.items[*].metadata.name}").split()

    def reported() -> bool:
        return all(conditions(stridegate, name).get("Fresh") == ("True", "Fresh") for name in names)

    until("every node has a fresh report", reported, seconds=180)
    return sorted(names, key=lambda name: not name.endswith("control-plane"))


@pytest.fixture
def node(stridegate: Installation, nodes: list[str]) -> Callable[..., str]:
    """Run a command on a worker."""

    def run(*command: str) -> str:
        return stridegate.cluster.on_node(nodes[1], *command)

    return run


def test_each_node_has_a_report_by_its_own_scanner(stridegate: Installation, nodes: list[str]) -> None:
    listed = json.loads(stridegate.kubectl("get", "hardeningreports", "-o", "json"))["items"]

    assert {each["metadata"]["name"] for each in listed} == {*nodes, "stridegate-cluster"}
    roles = {name: report(stridegate, name)["spec"]["role"] for name in nodes}
    assert list(roles.values()) == ["control-plane", "worker", "worker"]
    for name in nodes:
        status = report(stridegate, name)["status"]
        assert conditions(stridegate, name)["Ready"] == ("True", "Scanned")
        assert len(status["passed"]) > 50
        assert status["summary"]["coverage"] >= 90
        assert {finding["state"] for finding in status["findings"]} <= {"Fail", "Warn", "Unknown", "Error"}
        assert not [finding for finding in status["findings"] if finding["state"] == "Error"]


def test_looser_permissions_show_and_are_gone_when_they_are_mended(stridegate: Installation, nodes: list[str]) -> None:
    slug, control_plane = "apiserver-manifest-file-permissions", nodes[0]

    stridegate.cluster.on_node(control_plane, "chmod", "666", MANIFEST)
    try:
        eventually(stridegate, control_plane, lambda found: found.get(slug, {}).get("state") == "Fail")
        seen = findings(stridegate, control_plane)[slug]
    finally:
        stridegate.cluster.on_node(control_plane, "chmod", "600", MANIFEST)

    assert seen["observed"].startswith("0666")
    assert seen["previousState"] == "Pass"
    eventually(stridegate, control_plane, lambda found: slug not in found)


def test_a_key_of_dockers_settings_shows_though_docker_is_not_there(
    stridegate: Installation, nodes: list[str], node: Callable[..., str]
) -> None:
    slug = "docker-experimental-features"
    node("sh", "-c", "mkdir -p /etc/docker && echo '{\"experimental\": true}' > /etc/docker/daemon.json")
    try:
        eventually(stridegate, nodes[1], lambda found: found.get(slug, {}).get("state") == "Fail")
    finally:
        node("rm", "-r", "/etc/docker")

    eventually(stridegate, nodes[1], lambda found: slug not in found)


def test_a_kubelet_setting_that_is_edited_and_not_in_force_shows_as_divergence(
    stridegate: Installation, nodes: list[str], node: Callable[..., str]
) -> None:
    slug = "kubelet-config-divergence"
    node("sh", "-c", f"cp -p {KUBELET} /root/kept.yaml && echo 'maxPods: 77' >> {KUBELET}")
    try:
        eventually(stridegate, nodes[1], lambda found: found.get(slug, {}).get("state") == "Fail")
    finally:
        node("sh", "-c", f"cat /root/kept.yaml > {KUBELET} && rm /root/kept.yaml")

    eventually(stridegate, nodes[1], lambda found: slug not in found)


def test_a_container_that_is_started_around_kubernetes_shows_with_what_it_holds(
    stridegate: Installation, nodes: list[str], node: Callable[..., str]
) -> None:
    slug, name = "running-with-dangerous-capability", "around"
    node(
        "ctr", "-n", "k8s.io", "run", "--detach", "--privileged", "--user", "0", "--net-host", IMAGE, name,
        "/opt/stridegate/bin/python3", "-c", "import time; time.sleep(600)",
    )  # fmt: skip
    try:
        eventually(
            stridegate,
            nodes[1],
            lambda found: any(name in each["name"] for each in found.get(slug, {}).get("offenders", ())),
        )
    finally:
        node("ctr", "-n", "k8s.io", "task", "kill", "--signal", "9", name)
        node("sh", "-c", f"sleep 1; ctr -n k8s.io container rm {name}")

    eventually(
        stridegate,
        nodes[1],
        lambda found: not any(name in each["name"] for each in found.get(slug, {}).get("offenders", ())),
    )


def test_a_node_without_its_scanner_has_no_fresh_report(stridegate: Installation, nodes: list[str]) -> None:
    worker = nodes[2]
    stridegate.kubectl("label", "node", worker, "scan=no")
    away = {"spec": {"template": {"spec": {"affinity": {"nodeAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [{"matchExpressions": [{"key": "scan", "operator": "DoesNotExist"}]}]
        }
    }}}}}}  # fmt: skip
    stridegate.kubectl(*SCANNER, "patch", "daemonset", "stridegate-scanner", "--type=merge", "-p", json.dumps(away))
    try:
        until(
            "the report is not fresh any more",
            lambda: conditions(stridegate, worker).get("Fresh") == ("False", "ScannerGone"),
            seconds=180,
        )
    finally:
        back = {"spec": {"template": {"spec": {"affinity": None}}}}
        stridegate.kubectl(*SCANNER, "patch", "daemonset", "stridegate-scanner", "--type=merge", "-p", json.dumps(back))
        stridegate.kubectl("label", "node", worker, "scan-")

    stridegate.kubectl(*SCANNER, "rollout", "status", "daemonset/stridegate-scanner", "--timeout=180s")
    until(
        "the report is fresh again",
        lambda: conditions(stridegate, worker).get("Fresh") == ("True", "Fresh"),
        seconds=180,
    )


def test_the_scanner_holds_nothing_that_could_harm_its_node(stridegate: Installation, nodes: list[str]) -> None:
    pods = json.loads(stridegate.kubectl(*SCANNER, "get", "pods", "-o", "json"))["items"]

    assert {pod["spec"]["nodeName"] for pod in pods} == set(nodes)
    for name in nodes:
        held = findings(stridegate, name)
        for slug in ("running-privileged", "running-with-dangerous-capability", "running-with-new-privileges"):
            offenders = held.get(slug, {}).get("offenders", ())
            assert not [each for each in offenders if each["name"].startswith("stridegate-")], slug
