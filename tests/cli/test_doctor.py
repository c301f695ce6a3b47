"""`stridegate doctor` beside a release that enforces on a real API server: each link, what breaks it, and its cure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner, Result

from accounts import kubeconfig
from charts import Helm
from exempting import ahead, exemption
from localkube.api_server import METADATA_AUDIT_POLICY, ApiServer
from operated import NAMESPACE, Operated, eventually
from reported import apply, node
from stridegate.cli.main import main

pytestmark = pytest.mark.api_server

POLICY = {
    "apiVersion": "stridegate.dev/v1alpha1",
    "kind": "HardeningPolicy",
    "metadata": {"name": "production"},
    "spec": {"profile": "baseline", "action": "deny", "namespaceSelector": {"matchLabels": {"tier": "production"}}},
}


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operated]:
    """A release that enforces."""
    folder = tmp_path_factory.mktemp("doctor")
    with ApiServer(state_dir=folder / "api", audit_policy=METADATA_AUDIT_POLICY) as server:
        operated = Operated(server, Helm.built(), folder)
        operated.install()
        server.kubectl("apply", "-f", "-", stdin=json.dumps(POLICY))
        operated.start_operator("first")
        try:
            operated.start_webhook()
            eventually(lambda: operated.condition("production", "Enforcing").get("status") == "True", seconds=120)
            eventually(
                lambda: release_report(operated).get("status", {}).get("conditions"),
                seconds=60,
            )
            yield operated
        finally:
            operated.stop()


def release_report(release: Operated) -> dict[str, Any]:
    found = release.get("hardeningreports")["items"]
    return next((each for each in found if each["metadata"]["name"] == "stridegate-cluster"), {})


def said(config: object, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["doctor", "--kubeconfig", str(config), *arguments])


def links(config: object) -> dict[str, dict[str, str]]:
    """Return every link by its name and standing."""
    found = json.loads(said(config, "-o", "json").stdout)
    return {f"{each['link']} {each['standing']}": each for each in found}


def test_where_every_link_holds_the_doctor_has_nothing_to_mend(release: Operated) -> None:
    result = said(release.server.kubeconfig)

    assert (result.exit_code, "BROKEN" in result.stdout, "?  " in result.stdout) == (0, False, False), result.stdout
    assert "validating webhooks: armed: pods.validate.stridegate.dev (Fail)" in result.stdout
    assert "ok      canary, bad pod: answered as it should be" in result.stdout
    assert "ok      guard stridegate-reports: as the chart wants it" in result.stdout
    assert f"mind    namespace: {NAMESPACE} has pod-security.kubernetes.io/enforce: absent" in result.stdout


def test_the_canary_by_itself_says_the_same(release: Operated) -> None:
    told = CliRunner().invoke(main, ["canary", "--kubeconfig", str(release.server.kubeconfig)])

    assert (told.exit_code, told.stdout) == (
        0,
        "good pod: answered as it should be\nbad pod: answered as it should be\n",
    )


def test_nodes_that_nobody_is_to_scan_break_nothing(release: Operated) -> None:
    told = release.helm.render({"scanner": {"enabled": False}}).one("Deployment", "stridegate-operator")
    apply(release.server, node("node1"))
    eventually(lambda: "hardeningreport.stridegate.dev/node1" in release.server.kubectl("get", "hrep", "-o", "name"))

    unscanned = said(release.server.kubeconfig)
    apply(release.server, told)
    left = said(release.server.kubeconfig)
    release.server.kubectl("delete", "node", "node1")
    eventually(lambda: "node1" not in release.server.kubectl("get", "hrep", "-o", "name"))
    none = said(release.server.kubeconfig)
    apply(release.server, release.helm.render().one("Deployment", "stridegate-operator"))

    assert [each.exit_code for each in (unscanned, left, none)] == [1, 0, 0]
    assert "BROKEN  reports: 1 of 2 are not fresh: node1 (not scanned)" in unscanned.stdout
    assert "mind    reports: 1 of nodes that are not scanned any more: node1" in left.stdout
    assert "ok      reports: no node is scanned, as the chart wants it (scanner.enabled: false)" in none.stdout
    assert "not scanned any more" not in none.stdout


def test_it_changes_nothing(release: Operated) -> None:
    before = release.get("hardeningpolicy", "production")["metadata"]["resourceVersion"]

    said(release.server.kubeconfig)

    lines = release.server.audit_log.read_text().splitlines()
    events = [json.loads(line) for line in lines if "Python" in line and '"system:masters"' in line]
    writing = {
        (each["verb"], each["objectRef"]["resource"])
        for each in events
        if each["verb"] not in {"get", "list"} and "dryRun" not in each["requestURI"]
    }
    assert writing <= {("create", "selfsubjectreviews")}
    assert release.get("hardeningpolicy", "production")["metadata"]["resourceVersion"] == before


def test_a_guard_that_is_gone_is_broken_and_has_a_cure(release: Operated) -> None:
    policy = release.get("validatingadmissionpolicybinding", "stridegate-reports")
    release.server.kubectl("delete", "validatingadmissionpolicybinding", "stridegate-reports")

    result = said(release.server.kubeconfig)
    release.server.kubectl(
        "create", "-f", "-", stdin=json.dumps({**policy, "metadata": {"name": "stridegate-reports"}})
    )

    assert result.exit_code == 1
    assert (
        "BROKEN  guard stridegate-reports: ValidatingAdmissionPolicyBinding stridegate-reports does not exist"
        in result.stdout
    )
    assert "-> delete what is there, then `helm upgrade`" in result.stdout


def test_whoever_may_switch_it_off_is_named(release: Operated) -> None:
    release.server.kubectl(
        "create", "clusterrole", "meddling", "--verb=patch", "--resource=validatingwebhookconfigurations",
        "--resource-name=stridegate",
    )  # fmt: skip
    release.server.kubectl("create", "clusterrolebinding", "meddling", "--clusterrole=meddling", "--user=mallory")
    release.server.kubectl(
        "create",
        "rolebinding",
        "stopping",
        "--namespace",
        NAMESPACE,
        "--clusterrole=system:aggregate-to-edit",
        "--user=trudy",
    )

    result = said(release.server.kubeconfig)

    assert "who may switch it off: change the webhook configurations: User mallory" in result.stdout
    assert "User trudy" in next(line for line in result.stdout.splitlines() if "stop webhook and operator" in line)
    assert result.exit_code == 0


def test_an_exemption_that_is_about_to_end_is_told(release: Operated) -> None:
    me = release.server.kubectl("auth", "whoami", "-o", "jsonpath={.status.userInfo.username}")
    wanted = exemption(me, "host-pid", name="ending", expires=ahead(days=2))
    release.server.kubectl("create", "--namespace", "default", "-f", "-", stdin=json.dumps(wanted))

    found = links(release.server.kubeconfig)
    release.server.kubectl("delete", "--namespace", "default", "hardeningexemption", "ending")

    assert "host-pid then hold again" in found["exemption default/ending mind"]["said"]


def test_an_exemption_by_somebody_who_has_lost_the_right_is_told(release: Operated) -> None:
    kubectl = release.server.kubectl
    keeper = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "keeper", "namespace": "default"},
        "rules": [
            {
                "apiGroups": ["stridegate.dev"],
                "resources": ["hardeningrules"],
                "resourceNames": ["host-pid"],
                "verbs": ["exempt"],
            }
        ],
    }
    kubectl("create", "-f", "-", stdin=json.dumps(keeper))
    kubectl("create", "rolebinding", "keeper", "-n", "default", "--role=keeper", "--user=alice")
    kubectl(
        "create", "role", "writer", "-n", "default", "--verb=create", "--resource=hardeningexemptions.stridegate.dev"
    )
    kubectl("create", "rolebinding", "writer", "-n", "default", "--role=writer", "--user=alice")
    wanted = exemption("alice", "host-pid", name="granted")
    kubectl("--as", "alice", "create", "--namespace", "default", "-f", "-", stdin=json.dumps(wanted))

    before = links(release.server.kubeconfig)
    kubectl("delete", "rolebinding", "keeper", "-n", "default")
    after = links(release.server.kubeconfig)
    kubectl("delete", "--namespace", "default", "hardeningexemption", "granted")

    assert "exemption default/granted mind" not in before
    assert (
        "alice granted it, and may not exempt from host-pid any more" in after["exemption default/granted mind"]["said"]
    )


def test_what_may_not_be_looked_at_never_holds(release: Operated) -> None:
    release.server.kubectl("create", "serviceaccount", "nobody", "--namespace=default")
    nobody = kubeconfig(release.server, release.folder / "nobody.kubeconfig", "default", "nobody")

    result = said(nobody)

    assert result.exit_code == 3
    assert {line.split()[0] for line in result.stdout.splitlines()} == {"?", "->"}
    assert "-> ask as somebody who may read it" in result.stdout


def test_an_operator_that_is_gone_is_broken(release: Operated) -> None:
    release.processes["first"].stop()

    found = links(release.server.kubeconfig)

    assert "no replica holds the Lease" in found["operator broken"]["said"]
