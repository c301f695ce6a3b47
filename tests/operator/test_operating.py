"""The operator on a real API server, with the rights that the chart gives it and a real replica of the webhook."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from charts import Helm
from exempting import ahead, exemption
from localkube.api_server import METADATA_AUDIT_POLICY, ApiServer
from localkube.errors import CommandFailed
from operated import CONFIGURATIONS, NAMESPACE, Operated, eventually
from reported import apply, node, prepare, scan, scanner_pod, tell_of_node, tell_of_scanner

pytestmark = pytest.mark.api_server

POLICY = {
    "apiVersion": "stridegate.dev/v1alpha1",
    "kind": "HardeningPolicy",
    "metadata": {"name": "production"},
    "spec": {"profile": "baseline", "action": "deny", "namespaceSelector": {"matchLabels": {"tier": "production"}}},
}
BAD_POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "bad"},
    "spec": {"containers": [{"name": "a", "image": "a", "securityContext": {"privileged": True}}]},
}


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operated]:
    """A release whose operator runs, and whose webhook does not yet."""
    folder = tmp_path_factory.mktemp("operated")
    with ApiServer(state_dir=folder / "api", audit_policy=METADATA_AUDIT_POLICY) as server:
        operated = Operated(server, Helm.built(), folder)
        operated.install()
        server.kubectl("apply", "-f", "-", stdin=json.dumps(POLICY))
        operated.start_operator("first")
        try:
            yield operated
        finally:
            operated.stop()


@pytest.fixture(scope="module")
def before(empty: Operated) -> dict[str, Any]:
    """What both configurations held, and whether a bad pod was admitted, while there was no replica."""
    eventually(lambda: empty.condition("production", "Enforcing").get("reason") == "NotArmed")
    empty.server.kubectl("create", "--dry-run=server", "-f", "-", stdin=json.dumps(BAD_POD))
    return {kind: empty.get(kind, "stridegate").get("webhooks") for kind in CONFIGURATIONS}


@pytest.fixture(scope="module")
def cut_off(empty: Operated, before: dict[str, Any]) -> dict[str, Any]:
    """What the operator says and has armed while it reaches the replica and the API server does not."""
    assert before
    move_service(empty, 444)
    empty.start_webhook()
    told = eventually(lambda: told_of_the_trial(empty))
    empty.server.kubectl("create", "--dry-run=server", "-f", "-", stdin=json.dumps(BAD_POD))
    return {"told": told, **{kind: empty.get(kind, "stridegate").get("webhooks") for kind in CONFIGURATIONS}}


@pytest.fixture(scope="module")
def release(empty: Operated, cut_off: dict[str, Any]) -> Operated:
    """The same once it enforces."""
    assert cut_off
    move_service(empty, 443)
    eventually(lambda: empty.condition("production", "Enforcing").get("status") == "True")
    return empty


def move_service(operated: Operated, port: int) -> None:
    """Let the webhook's Service have another port than the one that the API server is told."""
    moved = [{"op": "replace", "path": "/spec/ports/0/port", "value": port}]
    operated.server.kubectl(
        "--namespace", NAMESPACE, "patch", "service", "stridegate-webhook", "--type=json", "-p", json.dumps(moved)
    )


def told_of_the_trial(operated: Operated) -> str | None:
    """Return what the condition says once a dry-run has failed under the trial."""
    message = str(operated.condition("production", "Enforcing").get("message"))
    return message if "on trial" in message and "failed calling webhook" in message else None


def damage(operated: Operated, kind: str, *operations: dict[str, Any]) -> None:
    operated.server.kubectl("patch", kind, "stridegate", "--type=json", "-p", json.dumps(operations))


def test_nothing_is_armed_and_nothing_refused_before_a_replica_serves(before: dict[str, Any]) -> None:
    assert before == dict.fromkeys(CONFIGURATIONS)


def test_an_api_server_that_does_not_reach_the_replicas_asks_about_the_canary_alone(cut_off: dict[str, Any]) -> None:
    (tried,) = cut_off[CONFIGURATIONS[0]]

    assert tried["namespaceSelector"] == {"matchLabels": {"kubernetes.io/metadata.name": "stridegate-canary"}}
    assert cut_off[CONFIGURATIONS[1]] is None
    assert "444" in cut_off["told"] or "443" in cut_off["told"]


def test_what_is_armed_is_what_the_chart_wants(release: Operated) -> None:
    wanted = json.loads((release.folder / "webhooks.json").read_text())
    live = release.armed() or {}

    for kind, entries in zip(CONFIGURATIONS, (wanted["validating"], wanted["mutating"]), strict=True):
        assert [each["name"] for each in live[kind]] == [each["name"] for each in entries]
        for each, entry in zip(live[kind], entries, strict=True):
            assert each["clientConfig"].pop("caBundle")
            assert {key: each[key] for key in entry} == entry


def test_a_bad_pod_is_refused_in_the_canarys_namespace(release: Operated) -> None:
    with pytest.raises(CommandFailed) as refusal:
        release.server.kubectl(
            "--namespace=stridegate-canary", "create", "--dry-run=server", "-f", "-", stdin=json.dumps(BAD_POD)
        )

    assert "privileged-container" in refusal.value.last_words


def test_whatever_is_damaged_is_restored(release: Operated) -> None:
    intact = release.armed()

    damage(
        release,
        CONFIGURATIONS[0],
        {"op": "add", "path": "/webhooks/0/matchConditions", "value": [{"name": "never", "expression": "false"}]},
        {"op": "add", "path": "/webhooks/0/objectSelector", "value": {"matchLabels": {"no": "pod"}}},
        {"op": "replace", "path": "/webhooks/0/failurePolicy", "value": "Ignore"},
        {"op": "remove", "path": "/webhooks/0/clientConfig/caBundle"},
        {"op": "remove", "path": "/webhooks/1"},
    )
    damage(release, CONFIGURATIONS[1], {"op": "remove", "path": "/webhooks"})

    assert release.armed() != intact
    eventually(lambda: release.armed() == intact)
    eventually(lambda: release.condition("production", "Enforcing")["status"] == "True")


def test_the_lists_belong_to_the_operator_alone(release: Operated) -> None:
    for kind in CONFIGURATIONS:
        managers = release.get(kind, "stridegate", "--show-managed-fields")["metadata"]["managedFields"]

        owners = {each["manager"] for each in managers if "f:webhooks" in each["fieldsV1"]}
        assert "stridegate-operator" in owners
        assert "helm" not in owners


def test_a_lost_leaf_is_issued_again(release: Operated) -> None:
    release.server.kubectl(
        "--namespace", NAMESPACE, "patch", "secret", "stridegate-tls", "--type=json", "-p",
        json.dumps([{"op": "remove", "path": "/data"}]),
    )  # fmt: skip

    release.mount()

    # The replica has the new leaf, and whoever calls it verifies it.
    eventually(lambda: release.condition("production", "Enforcing")["status"] == "True")


def test_a_policys_status_says_what_became_of_it(release: Operated) -> None:
    release.server.kubectl("create", "namespace", "production-1")
    release.server.kubectl("label", "namespace", "production-1", "tier=production")

    status = eventually(
        lambda: (found := release.get("hardeningpolicy", "production")["status"])["namespaces"] == 1 and found
    )

    reasons = {each["type"]: (each["status"], each["reason"]) for each in status["conditions"]}
    assert reasons["Ready"] == ("True", "Compiled")
    assert reasons["SelectorTrusted"] == ("False", "EditableLabel")
    assert status["observedGeneration"] == 1


def test_an_exemptions_status_says_that_it_ended_as_it_ends(release: Operated) -> None:
    me = release.server.kubectl("auth", "whoami", "-o", "jsonpath={.status.userInfo.username}")
    place = ("--namespace", "default")
    granted = exemption(me, "dangerous-capability", name="short", expires=ahead(seconds=15))
    release.server.kubectl("create", *place, "-f", "-", stdin=json.dumps(granted))

    before = eventually(lambda: release.condition("short", "Active", *place))
    after = eventually(lambda: (now := release.condition("short", "Active", *place))["status"] == "False" and now)

    assert (before["status"], before["reason"]) == ("True", "Active")
    assert (after["reason"], after["observedGeneration"]) == ("Expired", 1)


def test_without_the_guard_of_exemptions_policies_say_so_and_pods_are_still_refused(release: Operated) -> None:
    kind = "validatingadmissionpolicybinding"
    guard = release.get(kind, "stridegate-exemptions")

    release.server.kubectl("delete", kind, "stridegate-exemptions")
    # The operator looks every half minute.
    eventually(lambda: release.condition("production", "Enforcing")["reason"] == "ExemptionGuardMissing")
    with pytest.raises(CommandFailed) as refusal:
        release.server.kubectl(
            "--namespace=stridegate-canary", "create", "--dry-run=server", "-f", "-", stdin=json.dumps(BAD_POD)
        )
    holder = release.get("lease", "stridegate-operator", "--namespace", NAMESPACE)["spec"]["holderIdentity"]
    _, metrics = release.probe(holder, "/metrics")
    release.server.kubectl(
        "create", "-f", "-", stdin=json.dumps({**guard, "metadata": {"name": "stridegate-exemptions"}})
    )

    assert "privileged-container" in refusal.value.last_words
    assert 'stridegate_exemption_guard_ok{name="stridegate-exemptions"} 0.0' in metrics
    eventually(lambda: release.condition("production", "Enforcing")["status"] == "True")


def test_a_policy_that_names_a_rule_of_tomorrow_says_so(release: Operated) -> None:
    ahead: dict[str, Any] = POLICY | {"metadata": {"name": "ahead"}}
    ahead["spec"] = {"profile": "baseline", "action": "audit", "rules": {"rule-of-tomorrow": {"action": "deny"}}}
    release.server.kubectl("apply", "-f", "-", stdin=json.dumps(ahead))

    ready = eventually(lambda: release.condition("ahead", "Ready"))

    assert (ready["status"], ready["reason"]) == ("False", "UnknownRule")
    assert "rule-of-tomorrow" in ready["message"]


def test_a_policys_status_says_which_running_workloads_would_not_come_back(release: Operated) -> None:
    """WOULD DENY: from the pods that run, soon after the policy is there or changed."""
    release.server.kubectl("create", "namespace", "adopting")
    running: dict[str, Any] = json.loads(json.dumps(BAD_POD))
    running["metadata"]["namespace"], running["spec"]["nodeName"] = "adopting", "node1"
    release.server.kubectl("create", "-f", "-", stdin=json.dumps(running))
    selector = {"matchLabels": {"kubernetes.io/metadata.name": "adopting"}}
    adopting: dict[str, Any] = POLICY | {"metadata": {"name": "adopting"}}
    adopting["spec"] = {"profile": "baseline", "action": "warn", "namespaceSelector": selector}
    release.server.kubectl("apply", "-f", "-", stdin=json.dumps(adopting))

    def status() -> dict[str, Any]:
        found: dict[str, Any] = release.get("hpol", "adopting").get("status", {})
        return found

    counted = eventually(lambda: (found := status()).get("wouldDeny") and found)
    header, row = release.server.kubectl("get", "hpol", "adopting").splitlines()
    release.server.kubectl("--namespace=adopting", "delete", "pod", "bad", "--force")
    release.server.kubectl(
        "patch", "hpol", "adopting", "--type=merge", "-p", json.dumps({"spec": {"profile": "restricted"}})
    )
    changed = eventually(lambda: (found := status())["observedGeneration"] == 2 and found)
    fixed = eventually(lambda: (found := status())["wouldDeny"] == 0 and found)

    worst = {"namespace": "adopting", "kind": "Pod", "name": "bad", "rules": ["privileged-container"]}
    assert (counted["wouldDeny"], counted["worst"]) == (1, [worst])
    assert {each["type"] for each in counted["conditions"]} == {"Ready", "SelectorTrusted", "Enforcing"}
    assert "WOULD DENY" in header
    assert row.split()[:6] == ["adopting", "baseline", "warn", "none", "1", "1"]
    # What is written for another reason does not take it away.
    assert changed["auditedAt"] >= counted["auditedAt"]
    assert fixed["worst"] == []


def test_a_status_is_written_on_change_alone(release: Operated) -> None:
    eventually(lambda: release.condition("production", "Enforcing")["status"] == "True")
    policy = release.get("hardeningpolicy", "production")

    # The operator looks at every policy when one of them is new.
    other = POLICY | {"metadata": {"name": "other"}}
    release.server.kubectl("apply", "-f", "-", stdin=json.dumps(other))
    eventually(lambda: release.condition("other", "Ready"))

    assert release.get("hardeningpolicy", "production") == policy


def test_the_active_replica_is_alive_and_ready_and_tells_what_it_knows(release: Operated) -> None:
    holder = eventually(
        lambda: release.get("lease", "stridegate-operator", "--namespace", NAMESPACE)["spec"].get("holderIdentity")
    )
    eventually(lambda: release.probe(holder, "/readyz")[0] == 200)

    alive, metrics = release.probe(holder, "/healthz"), release.probe(holder, "/metrics")

    assert alive == (200, "ok\n")
    assert 'stridegate_canary_ok{case="bad"} 1.0' in metrics[1]
    assert "stridegate_operator_active 1.0" in metrics[1]
    # kube-system, the release's own, the scanner's.
    assert "stridegate_excluded_namespaces 3.0" in metrics[1]
    assert "_created" not in metrics[1]


def change_nodes(release: Operated) -> None:
    """Let a node come, be scanned, be told of what changed, get another role, and go."""
    prepare(release.server)
    apply(release.server, node("node1"), scanner_pod("node1"))
    tell_of_node(release.server, "node1")
    tell_of_scanner(release.server, "node1")
    eventually(lambda: "node1" in release.server.kubectl("get", "hrep", "-o", "name"))
    scan(release.server, "node1", at=time.time(), findings=("loose-file",))
    eventually(lambda: release.get("events", "--namespace", "default")["items"])
    apply(release.server, node("node1", **{"node-role.kubernetes.io/control-plane": ""}))
    eventually(lambda: release.get("hrep", "node1")["spec"]["role"] == "control-plane")
    release.server.kubectl("delete", "node", "node1")
    eventually(lambda: "node1" not in release.server.kubectl("get", "hrep", "-o", "name"))


def test_no_object_carries_a_key_of_kopfs(release: Operated) -> None:
    for kind in ("hardeningpolicies", "hardeningexemptions", "namespaces"):
        for each in release.get(kind, "--all-namespaces")["items"]:
            keys = [*each["metadata"].get("annotations", {}), *each["metadata"].get("finalizers", ())]
            assert not [key for key in keys if "kopf" in key or "stridegate" in key]
    # Those on reports are ours, and kopf posts none.
    events = release.get("events", "--all-namespaces")["items"]
    assert {each["involvedObject"]["kind"] for each in events} <= {"HardeningReport"}
    assert {each["source"]["component"] for each in events} <= {"stridegate-operator"}


def test_the_rights_that_are_used_are_the_rights_that_are_granted(release: Operated) -> None:
    me = release.server.kubectl("auth", "whoami", "-o", "jsonpath={.status.userInfo.username}")
    place = ("--namespace", "default")
    reported = exemption(me, "dangerous-capability", name="reported")
    release.server.kubectl("create", *place, "-f", "-", stdin=json.dumps(reported))
    eventually(lambda: release.condition("reported", "Active", *place))
    change_nodes(release)
    granted = set()
    for role in (
        release.get("clusterrole", "stridegate-operator"),
        release.get("clusterrole", "stridegate-cluster-rules"),
        release.get("role", "stridegate-operator", "--namespace", NAMESPACE),
        release.get("role", "stridegate-operator", "--namespace", "stridegate-canary"),
        release.get("role", "stridegate-operator", "--namespace", "default"),
        release.get("role", "stridegate-operator", "--namespace", "kube-public"),
        release.get("role", "stridegate-operator", "--namespace", "stridegate-scanner"),
    ):
        for rule in role["rules"]:
            for resource in rule["resources"]:
                for name in rule.get("resourceNames", ["*"]):
                    granted |= {(verb, resource, name) for verb in rule["verbs"]}
    named = {(resource, name) for _, resource, name in granted if name != "*"}

    used = set()
    for request in release.requests():
        where = request.get("objectRef")
        if where is None:
            continue
        resource = "/".join(filter(None, (where["resource"], where.get("subresource"))))
        name = where.get("name", "*")
        used.add((request["verb"], resource, name if (resource, name) in named else "*"))

    assert used == granted


def test_the_operator_is_never_refused_but_for_the_canary(release: Operated) -> None:
    refused = {
        (each["verb"], each["objectRef"]["resource"])
        for each in release.requests()
        if each["responseStatus"]["code"] == 403
    }

    assert refused == {("create", "pods")}


def test_a_standby_takes_over_when_the_active_one_is_killed(release: Operated) -> None:
    def holder() -> str | None:
        spec = release.get("lease", "stridegate-operator", "--namespace", NAMESPACE)["spec"]
        found: str | None = spec.get("holderIdentity")
        return found

    before = holder()
    standby = release.start_operator("second" if before == "first" else "first")
    assert before is not None

    release.processes[before].stop(signal.SIGKILL)
    after = eventually(lambda: (now := holder()) != before and now)
    damage(release, CONFIGURATIONS[0], {"op": "replace", "path": "/webhooks/0/timeoutSeconds", "value": 9})

    eventually(lambda: (release.armed() or {})[CONFIGURATIONS[0]][0]["timeoutSeconds"] != 9)
    assert release.processes[str(after)] is standby


def test_an_operator_that_is_told_to_end_lets_go_of_the_lease(release: Operated) -> None:
    lease = ("lease", "stridegate-operator", "--namespace", NAMESPACE)
    holder = eventually(lambda: release.get(*lease)["spec"].get("holderIdentity"))

    code = release.processes[holder].stop()

    assert code == 0
    assert "holderIdentity" not in release.get(*lease)["spec"]
    release.processes[holder].start()
    eventually(lambda: release.get(*lease)["spec"].get("holderIdentity") == holder)
