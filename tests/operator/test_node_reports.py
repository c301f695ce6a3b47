"""One report for each node, kept by the operator on a real API server whose nodes are objects alone."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from charts import Helm
from exempting import ahead, exemption
from localkube.api_server import METADATA_AUDIT_POLICY, ApiServer
from operated import NAMESPACE, Operated, eventually
from reported import apply, node, prepare, scan, scanner_pod, tell_of_node, tell_of_scanner

pytestmark = pytest.mark.api_server


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operated]:
    """A release whose operator runs, and two nodes, each with a scanner."""
    folder = tmp_path_factory.mktemp("node-reports")
    with ApiServer(state_dir=folder / "api", audit_policy=METADATA_AUDIT_POLICY) as server:
        operated = Operated(server, Helm.built(), folder)
        operated.install()
        make_nodes(server)
        operated.start_operator("first")
        try:
            yield operated
        finally:
            operated.stop()


def make_nodes(server: ApiServer) -> None:
    prepare(server)
    apply(
        server,
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}},
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "alice"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "alice"}],
        },
        node("node1", **{"node-role.kubernetes.io/control-plane": ""}),
        node("node2", pool="edge"),
        *map(scanner_pod, ("node1", "node2")),
    )
    for name, address in (("node1", "192.0.2.10"), ("node2", "192.0.2.20")):
        tell_of_node(server, name, address=address)
        tell_of_scanner(server, name)


def report(release: Operated, name: str) -> dict[str, Any]:
    """Return a report, empty while there is none."""
    found = release.get("hardeningreports")["items"]
    return next((each for each in found if each["metadata"]["name"] == name), {})


def fresh(release: Operated, name: str) -> str:
    """Return the reason of a report's condition Fresh, empty while there is none."""
    conditions = report(release, name).get("status", {}).get("conditions", ())
    return next((each["reason"] for each in conditions if each["type"] == "Fresh"), "")


@pytest.fixture(scope="module")
def fresh_nodes(release: Operated) -> Operated:
    """The same once both nodes were scanned."""
    for name in ("node1", "node2"):
        eventually(partial(report, release, name))
        scan(release.server, name, at=time.time(), findings=("loose-file",), passed=("tight-file",))
    eventually(lambda: fresh(release, "node1") == fresh(release, "node2") == "Fresh")
    return release


def test_each_node_has_a_report_that_tells_its_scanner_what_to_do(release: Operated) -> None:
    found = eventually(lambda: report(release, "node1"))
    owner = release.get("node", "node1")["metadata"]["uid"]

    assert found["metadata"]["ownerReferences"] == [{"apiVersion": "v1", "kind": "Node", "name": "node1", "uid": owner}]
    assert found["metadata"]["labels"] == {
        "stridegate.dev/role": "control-plane",
        "stridegate.dev/profile": "kubeadm",
    }
    assert found["spec"] == {
        "nodeName": "node1",
        "profile": "kubeadm",
        "role": "control-plane",
        "benchmarks": [{"benchmark": "cis-kubernetes", "version": "1.12"}],
        "controlPlaneAddresses": ["192.0.2.10"],
        "interval": "600s",
        "versions": {"kubelet": "1.36.3", "containerd": "2.2.0"},
    }


def test_the_cluster_has_a_report_of_its_own(release: Operated) -> None:
    found = eventually(lambda: report(release, "stridegate-cluster"))

    assert (found["spec"]["profile"], "ownerReferences" in found["metadata"]) == ("cluster", False)


def test_the_report_on_the_cluster_says_what_its_objects_say(release: Operated) -> None:
    def judged() -> dict[str, Any] | None:
        return report(release, "stridegate-cluster").get("status")

    status = eventually(judged)
    found = {each["rule"]: each for each in status["findings"]}

    assert {"name": "User alice", "observed": "ClusterRoleBinding alice gives cluster-admin"} in found[
        "cluster-admin-binding"
    ]["offenders"]
    assert {"name": "Namespace shop", "observed": "no LimitRange"} in found["missing-limit-range"]["offenders"]
    assert (
        found["vulnerable-image"]["observed"]
        == "VulnerabilityReports: are not served: nothing that makes them is installed"
    )
    assert found["static-service-account-token"]["state"] == "Unknown"
    assert "anonymous-role-binding" in status["passed"]
    assert {each["type"]: each["status"] for each in status["conditions"]} == {
        "Ready": "True",
        "Complete": "False",
        "Fresh": "True",
    }


def test_no_secret_but_the_operators_own_is_ever_read(release: Operated) -> None:
    eventually(lambda: report(release, "stridegate-cluster").get("status"))

    read = {
        each["objectRef"].get("name", "all")
        for each in release.requests()
        if each.get("objectRef", {}).get("resource") == "secrets"
    }

    assert read == {"stridegate-ca", "stridegate-tls"}


def test_a_report_is_fresh_while_its_scanner_is_ready(fresh_nodes: Operated) -> None:
    table = fresh_nodes.server.kubectl("get", "hrep", "node2").splitlines()[1].split()

    assert table[:-1] == ["node2", "kubeadm", "1", "0", "0", "True"]


def test_a_scanner_that_is_gone_makes_its_report_stale(fresh_nodes: Operated) -> None:
    tell_of_scanner(fresh_nodes.server, "node2", ready=False)

    eventually(lambda: fresh(fresh_nodes, "node2") == "ScannerGone", seconds=90)

    tell_of_scanner(fresh_nodes.server, "node2")
    eventually(lambda: fresh(fresh_nodes, "node2") == "Fresh", seconds=90)


def test_a_node_that_is_not_ready_makes_its_report_stale(fresh_nodes: Operated) -> None:
    tell_of_node(fresh_nodes.server, "node2", ready=False, address="192.0.2.20")

    eventually(lambda: fresh(fresh_nodes, "node2") == "NodeNotReady")

    tell_of_node(fresh_nodes.server, "node2", address="192.0.2.20")
    eventually(lambda: fresh(fresh_nodes, "node2") == "Fresh")


def test_changes_are_told_as_events_and_nothing_else_is(fresh_nodes: Operated) -> None:
    scan(fresh_nodes.server, "node1", at=time.time() + 1, findings=("loose-file", "another-file"))

    def told() -> list[dict[str, Any]]:
        events = fresh_nodes.get("events", "--namespace", "default")["items"]
        return [
            each for each in events if each["involvedObject"]["name"] == "node1" and "another-file" in each["message"]
        ]

    (event,) = eventually(told)
    time.sleep(3)

    assert (event["type"], event["reason"]) == ("Warning", "FindingsChanged")
    assert event["message"] == "2 new findings, 0 regressed, 0 fixed: loose-file, another-file"
    assert len(told()) == 1


def test_an_exemption_of_nodes_stands_in_the_reports_of_those_it_selects(fresh_nodes: Operated) -> None:
    me = fresh_nodes.server.kubectl("auth", "whoami", "-o", "jsonpath={.status.userInfo.username}")
    wanted = exemption(
        me, "loose-file", name="edge-files", workload=None, nodeSelector={"pool": "edge"}, expires=ahead(days=1),
        values=[{"path": "/etc/a"}, {"digest": "0123456789abcdef"}],
    )  # fmt: skip
    fresh_nodes.server.kubectl("create", "--namespace", NAMESPACE, "-f", "-", stdin=json.dumps(wanted))

    (found,) = eventually(lambda: report(fresh_nodes, "node2")["spec"].get("exemptions"))
    fresh_nodes.server.kubectl("delete", "--namespace", NAMESPACE, "hardeningexemption", "edge-files")

    assert found == {
        "name": "edge-files",
        "rules": ["loose-file"],
        "digests": ["0123456789abcdef"],
        "paths": ["/etc/a"],
        "expires": wanted["spec"]["expires"],
    }
    assert "exemptions" not in report(fresh_nodes, "node1")["spec"]
    eventually(lambda: "exemptions" not in report(fresh_nodes, "node2")["spec"])


def test_what_reports_say_is_told_without_paths_and_nodes(fresh_nodes: Operated) -> None:
    wanted = 'stridegate_node_findings{result="fail",rule="loose-file",severity="high"} 2.0'

    def told() -> str | None:
        metrics = fresh_nodes.probe("first", "/metrics")[1]
        return metrics if wanted in metrics else None

    metrics = eventually(told)

    assert 'stridegate_node_reports{state="Fresh"} 2.0' in metrics
    assert 'stridegate_cluster_findings{result="fail",rule="cluster-admin-binding",severity="critical"} 1.0' in metrics
    assert 'stridegate_report_guard_ok{name="stridegate-reports"} 1.0' in metrics


def test_when_nothing_changes_nothing_is_written(fresh_nodes: Operated) -> None:
    eventually(lambda: fresh(fresh_nodes, "node1") == fresh(fresh_nodes, "node2") == "Fresh")
    time.sleep(5)
    before = writes(fresh_nodes)

    time.sleep(35)

    assert writes(fresh_nodes)[len(before) :] == []


def writes(release: Operated) -> list[tuple[str, str]]:
    """Return what the operator wrote of reports and events."""
    return [
        (each["verb"], each["requestURI"])
        for each in release.requests()
        if each["verb"] not in {"get", "list", "watch"}
        and each.get("objectRef", {}).get("resource") in {"hardeningreports", "events"}
    ]


def test_a_node_that_is_gone_takes_its_report_along(fresh_nodes: Operated) -> None:
    apply(fresh_nodes.server, node("node3"))
    eventually(lambda: report(fresh_nodes, "node3"))

    fresh_nodes.server.kubectl("delete", "node", "node3")

    eventually(lambda: not report(fresh_nodes, "node3"))


def test_a_node_that_was_made_anew_gets_a_new_report(fresh_nodes: Operated) -> None:
    apply(fresh_nodes.server, node("node4"))
    first = eventually(lambda: report(fresh_nodes, "node4"))["metadata"]["uid"]

    fresh_nodes.server.kubectl("delete", "node", "node4")
    apply(fresh_nodes.server, node("node4"))

    found = eventually(lambda: (now := report(fresh_nodes, "node4")) and now["metadata"]["uid"] != first and now)
    assert found["metadata"]["ownerReferences"][0]["uid"] == fresh_nodes.get("node", "node4")["metadata"]["uid"]


def test_no_node_and_no_report_carries_a_key_of_kopfs(fresh_nodes: Operated) -> None:
    for kind in ("nodes", "hardeningreports"):
        for each in fresh_nodes.get(kind)["items"]:
            keys = [*each["metadata"].get("annotations", {}), *each["metadata"].get("finalizers", ())]
            assert not [key for key in keys if "kopf" in key or "stridegate" in key]


def test_where_no_scanner_runs_no_node_has_a_report_until_one_runs_again(fresh_nodes: Operated) -> None:
    def nodes() -> list[str]:
        return [
            name for each in fresh_nodes.get("hrep")["items"] if (name := each["metadata"]["name"]).startswith("node")
        ]

    before = report(fresh_nodes, "stridegate-cluster")["metadata"]["uid"]
    fresh_nodes.processes["first"].stop()
    fresh_nodes.start_operator("blind", "--without-scanner")
    eventually(lambda: not nodes())
    apply(fresh_nodes.server, node("node5"))
    time.sleep(3)
    during, cluster = nodes(), report(fresh_nodes, "stridegate-cluster")["metadata"]["uid"]
    fresh_nodes.processes["blind"].stop()
    fresh_nodes.processes["first"].start()

    eventually(lambda: set(nodes()) >= {"node1", "node2", "node5"})
    assert (during, cluster) == ([], before)
