"""A release through versions of the chart whose kinds and values differ, and through the names that it is installed under."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from charts import CHART, Helm, Refused, load
from localkube.api_server import ApiServer
from localkube.errors import CommandFailed

pytestmark = pytest.mark.api_server

NAMESPACE = "stridegate-system"
# What the older chart does not know: a field of a kind, and a group of values.
FIELD, VALUES = "rulesVersion", "monitoring"
POLICY = {
    "apiVersion": "stridegate.dev/v1alpha1",
    "kind": "HardeningPolicy",
    "metadata": {"name": "production"},
    "spec": {"profile": "baseline", "action": "warn"},
}


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The chart as it was before a field and a group of values came in."""
    chart = tmp_path_factory.mktemp("older") / "stridegate"
    shutil.copytree(CHART, chart)
    shutil.rmtree(chart / "templates" / VALUES)
    schema = json.loads((chart / "values.schema.json").read_text(encoding="utf-8"))
    schema["required"].remove(VALUES)
    (chart / "values.schema.json").write_text(json.dumps(schema), encoding="utf-8")
    values = load(chart / "values.yaml")
    del values[VALUES]
    (chart / "values.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    file = chart / "charts" / "stridegate-crds" / "templates" / "hardeningpolicies.yaml"
    kind = load(file)
    del kind["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"][FIELD]
    file.write_text(yaml.safe_dump(kind), encoding="utf-8")
    return chart


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with ApiServer(state_dir=tmp_path_factory.mktemp("upgrades")) as server:
        yield server


def run(helm: Helm, server: ApiServer, command: str, *arguments: str | Path) -> str:
    """Run a command of Helm on the server. Raises Refused."""
    return helm.run(command, *arguments, "--namespace", NAMESPACE, "--kubeconfig", server.kubeconfig)


def write(server: ApiServer, **spec: str) -> dict[str, Any]:
    """Apply the policy with further fields as people do, and return what is stored."""
    server.kubectl("apply", "-f", "-", stdin=json.dumps({**POLICY, "spec": {**POLICY["spec"], **spec}}))  # type: ignore[dict-item] # a map
    stored: dict[str, Any] = json.loads(server.kubectl("get", "hpol", "production", "-o", "json"))["spec"]
    return stored


def test_an_upgrade_brings_the_kinds_and_values_of_the_new_chart_and_a_rollback_the_old(
    helm: Helm, server: ApiServer, older: Path
) -> None:
    run(helm, server, "install", "stridegate", older, "--create-namespace", "--set", "logLevel=debug")
    server.kubectl("wait", "--for=condition=Established", "crd", "--all")
    with pytest.raises(CommandFailed, match=f"unknown field.*{FIELD}"):
        write(server, **{FIELD: "v0.1"})
    before = write(server)

    with pytest.raises(Refused, match=f"missing property '{VALUES}'"):
        run(helm, server, "upgrade", "stridegate", CHART, "--reuse-values")
    run(helm, server, "upgrade", "stridegate", CHART, "--reset-then-reuse-values")
    upgraded = write(server, **{FIELD: "v0.1"})
    deployment = json.loads(server.kubectl("get", "-n", NAMESPACE, "deployment", "stridegate-webhook", "-o", "json"))
    run(helm, server, "rollback", "stridegate", "1")
    with pytest.raises(CommandFailed, match=f"unknown field.*{FIELD}"):
        write(server, **{FIELD: "v0.2"})
    after = json.loads(server.kubectl("get", "hpol", "production", "-o", "json"))["spec"]

    assert upgraded == {**before, FIELD: "v0.1"}
    assert "--log-level=debug" in deployment["spec"]["template"]["spec"]["containers"][0]["args"]
    assert after["action"] == "warn"


def test_under_another_name_the_kinds_are_taken_over_on_request(helm: Helm, server: ApiServer) -> None:
    run(helm, server, "upgrade", "--install", "stridegate", CHART, "--create-namespace")
    write(server)
    run(helm, server, "uninstall", "stridegate")
    for namespace in ("stridegate-canary", "stridegate-scanner"):
        found = json.loads(server.kubectl("get", "namespace", namespace, "-o", "json"))
        server.kubectl(
            *("replace", "--raw", f"/api/v1/namespaces/{namespace}/finalize", "-f", "-"),
            stdin=json.dumps({**found, "spec": {"finalizers": []}}),
        )

    with pytest.raises(Refused, match="invalid ownership metadata"):
        run(helm, server, "install", "hardening", CHART)
    run(helm, server, "upgrade", "--install", "hardening", CHART, "--take-ownership")

    assert json.loads(server.kubectl("get", "hpol", "production", "-o", "json"))["spec"]["action"] == "warn"
