"""`stridegate report --cluster` on a real API server: it needs the viewer's role and nothing more, and changes nothing."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import standing
from accounts import kubeconfig
from charts import KINDS, Helm
from localkube.api_server import ApiServer
from stridegate.cli.main import main


def said(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["report", *arguments])


def test_it_says_what_there_is_to_report_on() -> None:
    result = said()

    assert result.exit_code == 2
    assert "wanted --cluster" in result.stderr


def test_a_cluster_that_cannot_be_asked_is_unreadable() -> None:
    result = said("--cluster", "--kubeconfig", "/nowhere")

    assert result.exit_code == 3
    assert "/nowhere: wanted access to a cluster" in result.stderr


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """A server of our own: its kinds come one after the other."""
    with ApiServer(state_dir=tmp_path_factory.mktemp("reporting")) as server:
        server.kubectl("create", "namespace", "shop")
        server.kubectl("-n", "shop", "create", "serviceaccount", "viewer")
        server.kubectl(
            "apply", "-f", "-", stdin=json.dumps(Helm.built().render().one("ClusterRole", "stridegate-view"))
        )
        binding = (
            "create",
            "clusterrolebinding",
            "viewer",
            "--clusterrole=stridegate-view",
            "--serviceaccount=shop:viewer",
        )
        server.kubectl(*binding)
        yield server


@pytest.fixture(scope="module")
def config(server: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(kubeconfig(server, tmp_path_factory.mktemp("config") / "kubeconfig", "shop", "viewer"))


def install(server: ApiServer, *kinds: str) -> None:
    for kind in kinds:
        server.kubectl("apply", "--server-side", "-f", str(KINDS / f"{kind}.yaml"))
        server.kubectl("wait", "--for=condition=Established", f"crd/{kind}.stridegate.dev")


def store(server: ApiServer, kind: str, obj: dict[str, Any]) -> None:
    """Create an object, then its status as the operator or a scanner would."""
    whole = {"apiVersion": "stridegate.dev/v1alpha1", "kind": kind, **obj}
    server.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps({**whole, "status": None}))
    server.kubectl(
        "apply", "--server-side", "--subresource=status", "--field-manager=test", "-f", "-", stdin=json.dumps(whole)
    )


@pytest.mark.api_server
def test_a_cluster_stands_as_its_objects_say(server: ApiServer, config: str, tmp_path: Path) -> None:
    foreign = said("--cluster", "--kubeconfig", config)
    install(server, "hardeningpolicies", "hardeningexemptions")
    ends = (dt.datetime.now(dt.UTC) + dt.timedelta(days=3, hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    told = standing.policy()
    for condition in told["status"]["conditions"]:
        condition["lastTransitionTime"] = now
    store(server, "HardeningPolicy", told)
    exempted = {**standing.exemption(expires=ends), "metadata": {"name": "web-vpn", "namespace": "shop"}}
    exempted["apiVersion"], exempted["kind"] = "stridegate.dev/v1alpha1", "HardeningExemption"
    server.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(exempted))

    without = said("--cluster", "--kubeconfig", config)
    install(server, "hardeningreports")
    server.kubectl(
        "apply", "--server-side", "-f", "-",
        stdin=json.dumps(
            {
                "apiVersion": "stridegate.dev/v1alpha1",
                "kind": "HardeningReport",
                "metadata": {"name": "node1"},
                "spec": {"nodeName": "node1", "profile": "kubeadm", "role": "worker"},
            }
        ),
    )  # fmt: skip
    page = tmp_path / "posture.html"
    full = said("--cluster", "--kubeconfig", config, "-o", "json", "-o", f"html={page}")

    assert foreign.exit_code == 3
    assert "Stridegate is not installed in it" in foreign.stderr
    assert (without.exit_code, without.stderr) == (0, "")
    assert "this cluster does not know the kind HardeningReport" in without.stdout
    assert "production would deny Deployment shop/web: possible-root-user" in without.stdout
    assert "3 days left" in without.stdout
    document = json.loads(full.stdout)
    assert full.exit_code == 0
    assert [each["name"] for each in document["policies"]] == ["production"]
    assert document["policies"][0]["wouldDeny"] == 3
    assert [each["node"] for each in document["reports"]] == ["node1"]
    assert document["exemptions"][0]["ending"] is True
    assert "production" in page.read_text(encoding="utf-8")
