"""Who may grant, change and revoke an exemption, asked of a real API server with the chart's guard and roles."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from accounts import kubeconfig
from charts import Rendered
from exempting import AGGREGATED, GROUP, ROLES, Answer, Cluster, ahead, binding, exemption, members, role, user
from localkube.api_server import ApiServer
from stridegate.engine.catalogue import POD_RULES

pytestmark = pytest.mark.api_server

SYSTEM = "stridegate-system"
KIND = {"apiGroups": ["stridegate.dev"], "resources": ["hardeningexemptions"]}
WRITING = {**KIND, "verbs": ["create", "get", "update", "patch"]}
TWENTY = sorted(POD_RULES)[:20]


def exempting(*slugs: str) -> dict[str, Any]:
    """Return the part of a Role that is the right to exempt from these rules."""
    return {
        "apiGroups": ["stridegate.dev"],
        "resources": ["hardeningrules"],
        "resourceNames": slugs,
        "verbs": ["exempt"],
    }


# alice may exempt from a few rules, bob from any, carol only write the kind, erin only change it; what the group may, its members may.
PEOPLE = [
    *role("alice", "shop", WRITING, exempting("dangerous-capability", "missing-net-raw-drop"), bound_to=user("alice")),
    binding("bob", "shop", {"kind": "ClusterRole", "name": "stridegate-exempter"}, user("bob")),
    binding("bob", SYSTEM, {"kind": "ClusterRole", "name": "stridegate-exempter"}, user("bob")),
    binding("security", "shop", {"kind": "ClusterRole", "name": "stridegate-exempter"}, members("security")),
    *role("carol", "shop", WRITING, bound_to=user("carol")),
    *role("erin", "shop", {**KIND, "verbs": ["get", "update", "patch"]}, bound_to=user("erin")),
    *role(
        "reporter",
        "shop",
        {"apiGroups": ["stridegate.dev"], "resources": ["hardeningexemptions/status"], "verbs": ["patch"]},
        bound_to=user("reporter"),
    ),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """A server of our own: the guard asks whoever grants an exemption on it."""
    with ApiServer(state_dir=tmp_path_factory.mktemp("exempting")) as server:
        yield server


@pytest.fixture(scope="module")
def cluster(server: ApiServer, release: Rendered) -> Iterator[Cluster]:
    cluster = Cluster(server)
    cluster.install(release)
    for namespace in ("shop", "other", SYSTEM):
        server.kubectl("create", "namespace", namespace)
    server.kubectl("apply", "-f", "-", stdin="\n---\n".join(json.dumps(each) for each in PEOPLE))
    bind_own_roles_of_kubernetes(cluster)
    cluster.wait_for_the_guard("shop")
    yield cluster
    cluster.close()


def bind_own_roles_of_kubernetes(cluster: Cluster) -> None:
    """Give tenants the roles `edit` and `admin`, each with every role that a controller would aggregate into it."""
    roles = cluster.ask("GET", f"{ROLES}/clusterroles").body["items"]
    for name, labels in AGGREGATED.items():
        wanted = {f"rbac.authorization.k8s.io/{label}" for label in labels}
        parts = [each["metadata"]["name"] for each in roles if wanted & (each["metadata"].get("labels") or {}).keys()]
        assert len(parts) > 2
        for part in parts:
            bound = binding(
                f"{name}-{part}".replace(":", "-"), "shop", {"kind": "ClusterRole", "name": part}, user(name)
            )
            answer = cluster.ask("POST", f"{ROLES}/namespaces/shop/rolebindings", bound)
            assert answer.code == 201, answer.message


def granted(answer: Answer) -> dict[str, Any]:
    assert answer.code == 201, answer.message
    return answer.body


def test_whoever_holds_the_verb_on_a_rule_exempts_from_it(cluster: Cluster) -> None:
    answer = cluster.grant("shop", exemption("alice", "dangerous-capability"), who="alice")

    assert granted(answer)["spec"]["grantedBy"] == "alice"


def test_whoever_lacks_the_verb_on_a_rule_learns_who_lacks_what_and_what_to_ask_for(cluster: Cluster) -> None:
    answer = cluster.grant("shop", exemption("alice", "privileged-container"), who="alice")

    assert (answer.code, answer.body["reason"]) == (403, "Forbidden")
    assert answer.message.endswith(
        "denied request: alice may not exempt privileged-container in shop; ask an administrator for a Role there with "
        "apiGroups [stridegate.dev], resources [hardeningrules], resourceNames [privileged-container], verbs [exempt]"
    )


def test_whoever_may_only_write_the_kind_exempts_from_nothing(cluster: Cluster) -> None:
    answer = cluster.grant("shop", exemption("carol", "dangerous-capability"), who="carol")

    assert (answer.code, "carol may not exempt dangerous-capability in shop" in answer.message) == (403, True)


def test_the_verb_on_one_rule_of_two_is_not_enough(cluster: Cluster) -> None:
    answer = cluster.grant("shop", exemption("alice", "dangerous-capability", "host-network"), who="alice")

    assert (answer.code, "alice may not exempt host-network in shop" in answer.message) == (403, True)


def test_the_verb_holds_in_its_own_namespace_alone(cluster: Cluster) -> None:
    cluster.server.kubectl(
        "apply",
        "-f",
        "-",
        stdin="\n---\n".join(map(json.dumps, role("alice", "other", WRITING, bound_to=user("alice")))),
    )

    answer = cluster.grant("other", exemption("alice", "dangerous-capability"), who="alice")

    assert (answer.code, "alice may not exempt dangerous-capability in other" in answer.message) == (403, True)


def test_a_member_of_a_group_that_holds_the_verb_exempts(cluster: Cluster) -> None:
    answer = cluster.grant("shop", exemption("dave", "host-network"), who="dave", group="security")

    assert granted(answer)["spec"]["grantedBy"] == "dave"


def test_who_is_no_member_of_the_group_does_not(cluster: Cluster) -> None:
    assert cluster.grant("shop", exemption("dave", "host-network"), who="dave", group="sales").code == 403


def test_a_forged_granter_is_refused(cluster: Cluster) -> None:
    """T87."""
    answer = cluster.grant("shop", exemption("alice", "dangerous-capability"), who="bob")

    assert answer.code == 403
    assert answer.message.endswith("spec.grantedBy must be bob, who creates the exemption; got alice")


def test_an_administrator_cannot_grant_in_another_name_either(cluster: Cluster) -> None:
    """T87."""
    assert cluster.grant("shop", exemption("alice", "dangerous-capability")).code == 403


def test_twenty_rules_are_within_what_an_answer_may_cost(cluster: Cluster) -> None:
    answer = cluster.grant("shop", exemption("bob", *TWENTY), who="bob")

    assert granted(answer)["spec"]["rules"] == TWENTY


def test_of_several_rules_without_the_verb_the_first_is_named(cluster: Cluster) -> None:
    answer = cluster.grant("shop", exemption("carol", *TWENTY), who="carol")

    assert f"denied request: carol may not exempt {TWENTY[0]} in shop" in answer.message


@pytest.mark.parametrize(
    ("expires", "said"),
    [
        ({"days": 91}, "spec.expires must be at most 90 days ahead; got "),
        ({"days": 90, "minutes": 1}, "spec.expires must be at most 90 days ahead; got "),
        ({"minutes": -1}, "spec.expires must be in the future; got "),
    ],
    ids=str,
)
def test_an_exemption_lasts_ninety_days_at_most_and_begins_now(
    cluster: Cluster, expires: dict[str, float], said: str
) -> None:
    answer = cluster.grant("shop", exemption("bob", expires=ahead(**expires)), who="bob")

    assert (answer.code, answer.body["reason"]) == (422, "Invalid")
    assert said in answer.message


def test_an_exemption_of_ninety_days_is_granted(cluster: Cluster) -> None:
    granted(cluster.grant("shop", exemption("bob", expires=ahead(days=90, seconds=-5)), who="bob"))


@pytest.mark.parametrize("rules", [["*"], ["privileged-*"], []], ids=str)
def test_a_wildcard_is_refused(cluster: Cluster, rules: list[str]) -> None:
    """T86."""
    answer = cluster.grant("shop", exemption("bob", rules=rules), who="bob")

    assert answer.code == 422
    assert "spec.rules" in answer.message


def test_nodes_are_exempted_in_stridegates_own_namespace_alone(cluster: Cluster) -> None:
    wanted = exemption("bob", workload=None, nodeSelector={"pool": "edge"})

    elsewhere, home = cluster.grant("shop", wanted, who="bob"), cluster.grant(SYSTEM, wanted, who="bob")

    assert (elsewhere.code, "is for the namespace stridegate-system alone" in elsewhere.message) == (422, True)
    granted(home)


@pytest.mark.parametrize(("who", "code"), [("alice", 201), ("carol", 403), ("bob", 403)])
def test_an_exemption_that_is_applied_is_granted_by_whoever_applies_it(cluster: Cluster, who: str, code: int) -> None:
    """Server-side apply creates by PATCH; what counts is that there was nothing before."""
    wanted = exemption("alice" if who == "bob" else who, "dangerous-capability", name=f"applied-by-{who}")
    path = f"{GROUP}/namespaces/shop/hardeningexemptions/applied-by-{who}?fieldManager=test"

    answer = cluster.ask("PATCH", path, wanted, who, content="apply-patch+yaml")

    assert answer.code == code, answer.message


def test_nobody_writes_the_time_from_which_ninety_days_are_counted(cluster: Cluster) -> None:
    wanted = exemption("bob", expires=ahead(days=120))
    wanted["metadata"]["creationTimestamp"] = ahead(days=60)

    answer = cluster.grant("shop", wanted, who="bob")

    assert (answer.code, "at most 90 days ahead" in answer.message) == (422, True)


@pytest.fixture
def standing(cluster: Cluster) -> dict[str, Any]:
    """An exemption that alice granted."""
    return granted(cluster.grant("shop", exemption("alice", "dangerous-capability"), who="alice"))


def test_whoever_may_change_exemptions_may_revoke_one_that_somebody_else_granted(
    cluster: Cluster, standing: dict[str, Any]
) -> None:
    answer = cluster.change(standing, {"spec": {"revoked": True}}, who="erin")

    assert (answer.code, answer.body["spec"]["revoked"], answer.body["spec"]["grantedBy"]) == (200, True, "alice")


def test_a_revoked_exemption_stays_revoked(cluster: Cluster, standing: dict[str, Any]) -> None:
    cluster.change(standing, {"spec": {"revoked": True}}, who="alice")

    answers = [cluster.change(standing, {"spec": {"revoked": value}}, who="alice") for value in (False, None)]

    assert [each.code for each in answers] == [422, 422]


@pytest.mark.parametrize(
    "change",
    [
        {"rules": ["privileged-container"]},
        {"workload": {"name": "api"}},
        {"workload": None, "nodeSelector": {"pool": "edge"}},
        {"containers": ["other"]},
        {"values": [{"capability": "SYS_ADMIN"}]},
        {"expires": ahead(days=60)},
        {"grantedBy": "erin"},
        {"reason": "another reason altogether"},
        {"ticket": "SEC-1", "revoked": True},
    ],
    ids=str,
)
def test_what_was_granted_stays_as_it_was_granted(
    cluster: Cluster, standing: dict[str, Any], change: dict[str, Any]
) -> None:
    assert cluster.change(standing, {"spec": change}, who="alice").code == 422


def test_others_may_label_an_exemption_that_they_did_not_grant(cluster: Cluster, standing: dict[str, Any]) -> None:
    change = {"metadata": {"labels": {"team": "payments"}, "annotations": {"reviewed": "yes"}}}

    answer = cluster.change(standing, change, who="erin")

    assert (answer.code, answer.body["spec"]["grantedBy"]) == (200, "alice")


def test_an_exemption_outlives_the_right_to_grant_it(cluster: Cluster) -> None:
    """T83: it stays until it expires or is revoked, and can still be labelled and revoked."""
    cluster.server.kubectl(
        "apply", "-f", "-",
        stdin="\n---\n".join(map(json.dumps, role("frank", "shop", WRITING, exempting("host-pid"), bound_to=user("frank")))),
    )  # fmt: skip
    standing = granted(cluster.grant("shop", exemption("frank", "host-pid"), who="frank"))
    cluster.server.kubectl("-n", "shop", "delete", "rolebinding", "frank")

    labelled = cluster.change(standing, {"metadata": {"labels": {"a": "b"}}}, who="erin")
    again = cluster.grant("shop", exemption("frank", "host-pid"), who="frank")

    assert (labelled.code, labelled.body["spec"]) == (200, standing["spec"])
    assert again.code == 403
    assert cluster.change(standing, {"spec": {"revoked": True}}, who="erin").code == 200


def test_whoever_writes_the_status_is_not_asked_for_the_verb(cluster: Cluster, standing: dict[str, Any]) -> None:
    answer = cluster.change(standing, {"status": {"observedGeneration": 1}}, who="reporter", part="/status")

    assert (answer.code, answer.body["status"]["observedGeneration"]) == (200, 1)


@pytest.mark.parametrize("tenant", list(AGGREGATED))
def test_a_tenant_sees_exemptions_and_can_neither_create_nor_change_nor_revoke_one(
    cluster: Cluster, standing: dict[str, Any], tenant: str
) -> None:
    path = f"{GROUP}/namespaces/shop/hardeningexemptions/{standing['metadata']['name']}"

    seen = cluster.ask("GET", path, who=tenant)
    written = [
        cluster.grant("shop", exemption(tenant, "dangerous-capability"), who=tenant),
        cluster.change(standing, {"spec": {"revoked": True}}, who=tenant),
        cluster.change(standing, {"metadata": {"labels": {"a": "b"}}}, who=tenant),
        cluster.change(standing, {"status": {"conditions": []}}, who=tenant, part="/status"),
        cluster.ask("PUT", path, standing, who=tenant),
        cluster.ask("DELETE", path, who=tenant),
    ]

    assert seen.code == 200
    assert [each.code for each in written] == [403] * 6


def test_a_tenant_who_runs_the_namespace_cannot_give_himself_the_right(cluster: Cluster) -> None:
    """RBAC lets nobody hand out what he does not hold; `admin` writes Roles and bindings, and holds neither kind nor verb."""
    made, bound = role("mine", "shop", exempting("dangerous-capability"), bound_to=user("admin"))
    exempter = binding("exempter", "shop", {"kind": "ClusterRole", "name": "stridegate-exempter"}, user("admin"))

    answers = [
        cluster.ask("POST", f"{ROLES}/namespaces/shop/roles", made, who="admin"),
        cluster.ask("POST", f"{ROLES}/namespaces/shop/rolebindings", {**bound, **exempter}, who="admin"),
    ]

    assert [each.code for each in answers] == [403, 403]
    assert "attempting to grant RBAC permissions not currently held" in answers[0].message


def test_a_service_account_grants_by_its_own_name(cluster: Cluster, tmp_path: Path) -> None:
    name = "system:serviceaccount:shop:releaser"
    cluster.server.kubectl("-n", "shop", "create", "serviceaccount", "releaser")
    cluster.server.kubectl(
        "-n",
        "shop",
        "create",
        "rolebinding",
        "releaser",
        "--clusterrole=stridegate-exempter",
        "--serviceaccount=shop:releaser",
    )
    account = kubeconfig(cluster.server, tmp_path / "kubeconfig", "shop", "releaser")

    said = cluster.server.kubectl(
        f"--kubeconfig={account}", "create", "-f", "-", stdin=json.dumps(exemption(name, "host-pid", name="mine"))
    )

    assert "created" in said
