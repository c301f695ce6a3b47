"""What somebody with Kubernetes' own role `edit` in a namespace can do about the policy there: nothing."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any, Final

import pytest

from enforced import CONFIGURATION, SYSTEM, Caller, enforcing, namespaced
from exempting import AGGREGATED, exemption
from localkube.api_server import ApiServer
from reviewing import policy
from specimens import laid_over
from stridegate.engine.examples import JsonMap, hardened_pod
from stridegate.model.policies import RuleSetting
from stridegate.model.quantities import parse_quantity
from stridegate.model.rules import Parameters, Quantity
from stridegate.model.vocabulary import Action

pytestmark = pytest.mark.api_server

SHOP: Final = "tenants-shop"
TENANT: Final = "tenants-alice"
POLICY: Final = "tenants"
DRY: Final = "?dryRun=All"
BAD: Final = """
hostPID: true
containers: [{name: app, securityContext: {privileged: true, allowPrivilegeEscalation: null}}]
volumes: [{name: engine, hostPath: {path: /run/containerd/containerd.sock}}]
"""
EXPECTED: Final = {"privileged-container", "host-pid", "host-path-volume", "container-runtime-socket"}
WORKLOADS: Final = {
    "api/v1/replicationcontrollers": "ReplicationController",
    "apis/apps/v1/deployments": "Deployment",
    "apis/apps/v1/statefulsets": "StatefulSet",
    "apis/apps/v1/daemonsets": "DaemonSet",
    "apis/apps/v1/replicasets": "ReplicaSet",
    "apis/batch/v1/jobs": "Job",
    "apis/batch/v1/cronjobs": "CronJob",
}
CONTROLLERS: Final = (
    *("replicaset-controller", "statefulset-controller", "daemon-set-controller", "job-controller"),
    "replication-controller",
)


@pytest.fixture(scope="module")
def enforced(api_server: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    ceiling = Parameters(ceiling=Quantity("1Gi", parse_quantity("1Gi")))
    held = policy(POLICY, templates=Action.DENY, rules={"excessive-memory-limit": RuleSetting(parameters=ceiling)})
    with enforcing(api_server, tmp_path_factory.mktemp("tenants"), {SHOP: [held]}):
        for role in AGGREGATED["edit"]:
            name = f"tenants-{role}"
            api_server.kubectl(
                *("create", "rolebinding", name, f"--namespace={SHOP}"),
                *(f"--clusterrole=system:{role}", f"--user={TENANT}"),
            )
        yield api_server


@pytest.fixture
def tenant(enforced: ApiServer) -> Iterator[Caller]:
    with Caller(enforced, TENANT, ["system:authenticated"]) as tenant:
        yield tenant


@pytest.fixture
def stored(tenant: Caller) -> Iterator[str]:
    """A pod of the tenant's that keeps to the policy."""
    pods = namespaced("api/v1/pods", SHOP)
    made = tenant.ask("POST", pods, hardened_pod() | {"metadata": {"name": "stored"}})
    assert made.accepted, made.message
    yield f"{pods}/stored"
    assert tenant.ask("DELETE", f"{pods}/stored?gracePeriodSeconds=0").accepted


def workload(kind: str, pod: JsonMap) -> dict[str, Any]:
    """Return a workload of a kind whose pods are like one."""
    spec = copy.deepcopy(pod["spec"])
    assert isinstance(spec, dict)
    if kind in {"Job", "CronJob"}:
        spec["restartPolicy"] = "Never"
    made: dict[str, Any] = {"template": {"metadata": {"labels": {"app": "web"}}, "spec": spec}}
    if kind == "CronJob":
        made = {"schedule": "0 0 * * *", "jobTemplate": {"spec": made}}
    elif kind == "ReplicationController":
        made["selector"] = {"app": "web"}
    elif kind != "Job":
        made["selector"] = {"matchLabels": {"app": "web"}}
    return {"kind": kind, "metadata": {"name": "web"}, "spec": made}


MARKS: Final[list[JsonMap]] = [
    {"name": "web"},
    {"generateName": "web-"},
    {"name": "web", "namespace": SHOP, "labels": {"stridegate.dev/exempt": "true", "app": "stridegate"}},
    {"name": "web", "annotations": {"kubernetes.io/config.mirror": "x", "stridegate.dev/patched": "x"}},
    {"name": "web", "finalizers": ["example.com/x"], "deletionGracePeriodSeconds": 0},
    {
        "name": "web",
        "ownerReferences": [
            {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "x", "uid": "1", "controller": True}
        ],
    },
]


@pytest.mark.parametrize("metadata", MARKS, ids=",".join)
def test_a_pod_is_refused_however_it_is_marked(tenant: Caller, metadata: JsonMap) -> None:
    # The API server wants a node's name beside the mark of a mirror pod.
    pod = laid_over(f"{BAD}\nnodeName: node1") | {"metadata": metadata}

    answer = tenant.ask("POST", namespaced("api/v1/pods", SHOP) + DRY, pod)

    assert answer.denied >= EXPECTED, answer.message


@pytest.mark.parametrize("content", ["application/json", "application/yaml"])
def test_a_pod_is_refused_in_every_encoding_and_by_every_verb_that_makes_one(tenant: Caller, content: str) -> None:
    pods = namespaced("api/v1/pods", SHOP)
    pod = laid_over(BAD) | {"metadata": {"name": "web"}}

    posted = tenant.ask("POST", pods + DRY, pod, content=content)
    applied = tenant.ask("PATCH", f"{pods}/web{DRY}&fieldManager=x", pod, content="application/apply-patch+yaml")

    assert posted.denied >= EXPECTED, posted.message
    assert applied.denied >= EXPECTED, applied.message


def test_a_pod_that_runs_is_not_given_what_the_policy_denies(tenant: Caller, stored: str) -> None:
    swapped = tenant.ask(
        "PATCH", stored + DRY, {"spec": {"containers": [{"name": "app", "image": "registry.example/app:latest"}]}}
    )
    debugged = tenant.ask(
        "PATCH",
        f"{stored}/ephemeralcontainers{DRY}",
        {"spec": {"ephemeralContainers": [{"name": "x", "image": "x:1", "securityContext": {"privileged": True}}]}},
    )
    resized = tenant.ask(
        "PATCH",
        f"{stored}/resize{DRY}",
        {"spec": {"containers": [{"name": "app", "resources": {"limits": {"memory": "2Gi"}}}]}},
    )

    assert swapped.denied == {"mutable-image-tag"}
    # Whether the role has these at all depends on the version of Kubernetes: 403 is either's word.
    assert debugged.code == 403
    assert resized.code == 403


def test_the_administrator_is_refused_the_same_on_the_ways_that_the_role_lacks(
    enforced: ApiServer, stored: str
) -> None:
    with Caller(enforced) as administrator:
        debugged = administrator.ask(
            "PATCH",
            f"{stored}/ephemeralcontainers{DRY}",
            {"spec": {"ephemeralContainers": [{"name": "x", "image": "x:1", "securityContext": {"privileged": True}}]}},
        )
        resized = administrator.ask(
            "PATCH",
            f"{stored}/resize{DRY}",
            {"spec": {"containers": [{"name": "app", "resources": {"limits": {"memory": "2Gi"}}}]}},
        )

    assert "privileged-container" in debugged.denied
    assert resized.denied == {"excessive-memory-limit"}


@pytest.mark.parametrize("resource", WORKLOADS)
def test_no_workload_is_made_or_changed_whose_pods_the_policy_denies(tenant: Caller, resource: str) -> None:
    kind = WORKLOADS[resource]
    place = namespaced(resource, SHOP)
    harmless = workload(kind, hardened_pod())
    assert tenant.ask("POST", place, harmless).accepted

    made = tenant.ask("POST", place + DRY, workload(kind, laid_over(BAD)) | {"metadata": {"name": "other"}})
    changed = tenant.ask("PUT", f"{place}/web{DRY}", workload(kind, laid_over(BAD)))

    assert made.denied >= EXPECTED, made.message
    # The template of a Job is immutable.
    assert changed.denied >= EXPECTED or (kind == "Job" and changed.code == 422), changed.message
    assert tenant.ask("DELETE", f"{place}/web").accepted


@pytest.mark.parametrize("controller", CONTROLLERS)
def test_no_controller_makes_the_pod_for_the_tenant(enforced: ApiServer, controller: str) -> None:
    account = f"system:serviceaccount:kube-system:{controller}"
    groups = ["system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated"]
    pod = laid_over(BAD) | {"metadata": {"generateName": "web-"}}

    with Caller(enforced, account, groups) as controls:
        answer = controls.ask("POST", namespaced("api/v1/pods", SHOP) + DRY, pod)

    assert answer.denied >= EXPECTED, answer.message


def test_an_account_of_the_namespace_that_the_tenant_speaks_for_is_held_to_the_same(enforced: ApiServer) -> None:
    account = f"system:serviceaccount:{SHOP}:builder"
    enforced.kubectl(
        *("create", "rolebinding", "tenants-builder", f"--namespace={SHOP}"),
        *("--clusterrole=cluster-admin", f"--serviceaccount={SHOP}:builder"),
    )

    with Caller(enforced, account, ["system:serviceaccounts", "system:authenticated"]) as builder:
        answer = builder.ask("POST", namespaced("api/v1/pods", SHOP) + DRY, laid_over(BAD))

    assert answer.denied >= EXPECTED, answer.message


_POLICIES: Final = "/apis/stridegate.dev/v1alpha1/hardeningpolicies"
_HOOKS: Final = "/apis/admissionregistration.k8s.io/v1"
FORBIDDEN: Final[list[tuple[str, str, object]]] = [
    ("PATCH", f"/api/v1/namespaces/{SHOP}", {"metadata": {"labels": {"tier": "none"}}}),
    ("PATCH", f"/api/v1/namespaces/{SHOP}", {"metadata": {"labels": {"kubernetes.io/metadata.name": "kube-system"}}}),
    ("PUT", f"/api/v1/namespaces/{SHOP}/finalize", {"metadata": {"name": SHOP}}),
    ("DELETE", f"/api/v1/namespaces/{SHOP}", None),
    ("POST", "/api/v1/namespaces", {"metadata": {"name": "tenants-free"}}),
    ("POST", _POLICIES, {"metadata": {"name": "mine"}, "spec": {"profile": "baseline", "action": "off"}}),
    ("PATCH", f"{_POLICIES}/{POLICY}", {"spec": {"action": "off"}}),
    ("PATCH", f"{_POLICIES}/{POLICY}/status", {"status": {"wouldDeny": 0}}),
    ("DELETE", f"{_POLICIES}/{POLICY}", None),
    (
        "POST",
        f"/apis/stridegate.dev/v1alpha1/namespaces/{SHOP}/hardeningexemptions",
        exemption(TENANT, "privileged-container"),
    ),
    ("PATCH", f"{_HOOKS}/validatingwebhookconfigurations/{CONFIGURATION}", {"webhooks": []}),
    ("DELETE", f"{_HOOKS}/validatingwebhookconfigurations/{CONFIGURATION}", None),
    ("DELETE", f"{_HOOKS}/mutatingwebhookconfigurations/{CONFIGURATION}", None),
    ("PATCH", f"/api/v1/namespaces/{SYSTEM}/services/stridegate-webhook", {"spec": {"ports": []}}),
    ("DELETE", f"/apis/discovery.k8s.io/v1/namespaces/{SYSTEM}/endpointslices/stridegate-webhook", None),
    ("POST", f"/api/v1/namespaces/{SHOP}/pods/stored/binding", {"target": {"kind": "Node", "name": "node1"}}),
    ("PATCH", f"/api/v1/namespaces/{SHOP}/pods/stored/status", {"status": {"phase": "Running"}}),
    ("POST", "/api/v1/namespaces/kube-system/pods", hardened_pod()),
    ("POST", f"/api/v1/namespaces/{SYSTEM}/pods", hardened_pod()),
    ("GET", f"/api/v1/namespaces/{SYSTEM}/secrets/stridegate-tls", None),
    ("POST", "/api/v1/nodes", {"metadata": {"name": "mine"}}),
    ("GET", "/api/v1/nodes/node1/proxy/pods", None),
    (
        "POST",
        "/api/v1/persistentvolumes",
        {
            "metadata": {"name": "mine"},
            "spec": {"hostPath": {"path": "/"}, "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"]},
        },
    ),
    (
        "POST",
        f"/apis/rbac.authorization.k8s.io/v1/namespaces/{SHOP}/rolebindings",
        {
            "metadata": {"name": "mine"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": TENANT}],
        },
    ),
]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    FORBIDDEN,
    ids=[f"{method} {path} {json.dumps(body)[:60]}" for method, path, body in FORBIDDEN],
)
def test_nothing_that_the_policy_rests_on_is_the_tenants(tenant: Caller, method: str, path: str, body: object) -> None:
    answer = tenant.ask(method, path, body)

    assert answer.code == 403
    assert "tridegate denied" not in answer.message
