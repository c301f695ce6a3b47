"""`stridegate check --cluster`: what is in force in a cluster, what a policy would do there, and nothing is written."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from charts import KINDS
from checking import BAD, checked, policy, rules, run
from localkube.api_server import ApiServer

pytestmark = pytest.mark.api_server

NAMESPACE = "checked-shop"
CONTAINER = {"name": "web", "image": "registry.example/web:1", "securityContext": {"privileged": True}}
LABELS = {"app": "web"}
TEMPLATE: dict[str, Any] = {"metadata": {"labels": LABELS}, "spec": {"containers": [CONTAINER]}}
OWNER = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-1", "uid": "1", "controller": True}
SELECTOR = {"matchLabels": {"stridegate.example/tier": "checked"}}


def objects() -> Iterator[dict[str, Any]]:
    soon = (dt.datetime.now(dt.UTC) + dt.timedelta(days=3)).strftime("%Y-%m-%dT%H:%M:%SZ")
    metadata = {"namespace": NAMESPACE}
    yield {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": NAMESPACE, "labels": SELECTOR["matchLabels"]},
    }
    yield {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {**metadata, "name": "web"},
        "spec": {"selector": {"matchLabels": LABELS}, "template": TEMPLATE},
    }
    yield {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**metadata, "name": "bare"},
        "spec": {**TEMPLATE["spec"], "nodeName": "node1"},
    }
    yield {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**metadata, "name": "web-1-x", "ownerReferences": [OWNER]},
        "spec": TEMPLATE["spec"],
    }
    yield {
        "apiVersion": "stridegate.dev/v1alpha1",
        "kind": "HardeningPolicy",
        "metadata": {"name": "checked"},
        "spec": {"profile": "baseline", "action": "deny", "namespaceSelector": SELECTOR},
    }
    yield {
        "apiVersion": "stridegate.dev/v1alpha1",
        "kind": "HardeningExemption",
        "metadata": {**metadata, "name": "bare"},
        "spec": {
            "rules": ["privileged-container"],
            "workload": {"kind": "Pod", "name": "bare"},
            "reason": "until the driver is in the image",
            "expires": soon,
            "grantedBy": "alice",
        },
    }


@pytest.fixture(scope="module")
def kubeconfig(api_server: ApiServer) -> Iterator[str]:
    api_server.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(KINDS))
    api_server.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
    for each in objects():
        api_server.kubectl("apply", "-f", "-", stdin=json.dumps(each))
    yield str(api_server.kubeconfig)
    api_server.kubectl("delete", "hardeningpolicy", "checked")


def test_what_a_cluster_holds_is_judged_by_what_is_in_force_there(kubeconfig: str) -> None:
    result = checked("--cluster", "--kubeconfig", kubeconfig, "-n", NAMESPACE)

    found = {each["name"]: each for each in result["subjects"]}
    assert set(found) == {"web", "bare"}
    assert found["web"]["kind"] == "Deployment"
    assert found["web"]["source"] == "cluster"
    assert [each["policy"] for each in found["web"]["findings"]] == ["checked"]
    assert found["bare"]["findings"][0]["exemption"]["name"] == "bare"
    assert not found["bare"]["denied"]


def test_a_new_policy_is_tried_in_place_of_those_in_force(kubeconfig: str, tmp_path: Path) -> None:
    file = tmp_path / "new.yaml"
    file.write_text(policy("new", profile="hardened", namespaceSelector=SELECTOR))

    result = checked("--cluster", "--kubeconfig", kubeconfig, "-n", NAMESPACE, "--policy", str(file))

    assert result["policies"] == ["new"]
    assert "possible-root-user" in rules(result)
    assert "pinned-node" not in rules(result)
    assert rules(result, "exempted") == ["privileged-container"]


def test_files_are_judged_by_what_is_in_force_in_a_cluster(kubeconfig: str) -> None:
    manifest = BAD.replace("namespace: shop", f"namespace: {NAMESPACE}")

    result = checked("-", "--cluster", "--kubeconfig", kubeconfig, stdin=manifest)

    assert [each["name"] for each in result["subjects"]] == ["web"]
    assert rules(result) == ["privileged-container"]
    assert result["assumptions"] == []


def test_an_exemption_of_the_cluster_that_ends_soon_is_found(kubeconfig: str) -> None:
    result = run("--cluster", "--kubeconfig", kubeconfig, "-n", NAMESPACE, "--fail-on", "never")
    ending = run("--cluster", "--kubeconfig", kubeconfig, "-n", NAMESPACE, "--fail-on-expiring", "7d")

    assert result.exit_code == 0
    assert ending.exit_code == 1
    assert f"exemption {NAMESPACE}/bare ends" in ending.stderr


def test_a_cluster_that_does_not_answer_is_said_in_a_sentence(api_server: ApiServer, tmp_path: Path) -> None:
    gone = tmp_path / "gone.conf"
    gone.write_text(Path(api_server.kubeconfig).read_text().replace(api_server.url, "https://127.0.0.1:9"))

    result = run("--cluster", "--kubeconfig", str(gone))

    assert result.exit_code == 3
    assert "no answer from the API server" in result.stderr
    assert "Traceback" not in result.output


def test_a_kubeconfig_that_is_none_is_said_in_a_sentence(tmp_path: Path) -> None:
    result = run("--cluster", "--kubeconfig", str(tmp_path / "none"))

    assert result.exit_code == 3
    assert "wanted access to a cluster" in result.stderr
