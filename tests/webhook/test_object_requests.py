"""What is no pod before a real API server, asked about as the chart says, with a replica that answers and without."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pytest

from enforced import Answer, Caller, enforcing, namespaced
from localkube.api_server import ApiServer
from object_specimens import NAMES, SHOWN, document_of
from replicas import Replica, eventually
from reviewing import PRIVILEGED, embedding, pod
from stridegate.engine.examples import JsonMap
from stridegate.model.policies import Policy, RuleSetting
from stridegate.model.rules import AnyRule, Example, Parameters
from stridegate.model.vocabulary import Action, Profile

pytestmark = pytest.mark.api_server

SHOP: Final = "objects-shop"
VAULT: Final = "objects-vault"

SERVICES, VOLUMES = namespaced("api/v1/services", SHOP), "/api/v1/persistentvolumes"
PODS, JOBS = namespaced("api/v1/pods", SHOP), namespaced("apis/batch/v1/jobs", SHOP)
ROLLOUTS = namespaced("apis/deliveries.example/v1/rollouts", SHOP)
DRY: Final = "?dryRun=All"

VALUES: Final = {
    "exec": {"enabled": True},
    "podTemplates": [
        {
            "group": "deliveries.example",
            "version": "v1",
            "resource": "rollouts",
            "kind": "Rollout",
            "path": "spec.parts.template",
        }
    ],
}
GUARDED: Final = Parameters(namespaces=(VAULT,), groups=("vault-keepers",))
POLICY: Final = Policy(
    name="objects-everywhere",
    profile=Profile.BASELINE,
    action=Action.DENY,
    templates=Action.DENY,
    rules={
        "service-external-ip": RuleSetting(action=Action.DENY),
        "open-load-balancer": RuleSetting(action=Action.DENY),
        "host-path-persistent-volume": RuleSetting(action=Action.DENY),
        "unbounded-job-retries": RuleSetting(action=Action.DENY),
        "runtime-annotation": RuleSetting(action=Action.DENY),
        "exec-into-privileged-pod": RuleSetting(action=Action.DENY, parameters=GUARDED),
    },
)


@dataclass(frozen=True)
class Enforced:
    """An API server that asks a replica, and its administrator."""

    server: ApiServer
    replica: Replica
    caller: Caller

    def away(self) -> None:
        """End the replica; nobody answers then."""
        self.replica.process.kill()
        self.replica.process.wait()

    def back(self) -> None:
        """Have it serve again."""
        self.replica.restart()
        self.replica.wait_ready()


@pytest.fixture(scope="module")
def enforced(api_server: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Enforced]:
    for name in (SHOP, VAULT):
        api_server.kubectl("create", "namespace", name)
    api_server.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(ROLLOUT_KIND))
    api_server.kubectl("wait", "--for=condition=Established", "crd/rollouts.deliveries.example")
    api_server.kubectl(
        "create", "clusterrolebinding", "objects", "--clusterrole=cluster-admin", "--group=objects-everybody"
    )
    with (
        Caller(api_server) as caller,
        enforcing(api_server, tmp_path_factory.mktemp("objects"), {"": [POLICY]}, VALUES) as replica,
    ):
        yield Enforced(api_server, replica, caller)


@pytest.fixture
def unanswered(enforced: Enforced) -> Iterator[Enforced]:
    """The same, once something in it may be done while nobody answers; the replica comes back afterwards."""
    yield enforced
    if enforced.replica.process.poll() is not None:
        enforced.back()


ROLLOUT_KIND: JsonMap = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "rollouts.deliveries.example"},
    "spec": {
        "group": "deliveries.example",
        "names": {"kind": "Rollout", "plural": "rollouts"},
        "scope": "Namespaced",
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {"spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
                    }
                },
            }
        ],
    },
}


def service(name: str, **spec: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever a Service has
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80}], **spec},
    }


def volume(name: str, **source: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever a volume has
    spec = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], **source}
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": spec}


def made(enforced: Enforced, path: str, manifest: dict[str, Any]) -> None:
    """Make something that is accepted."""
    answer = enforced.caller.ask("POST", path, manifest)
    assert answer.accepted, answer.message


def unmade(enforced: Enforced, path: str) -> None:
    enforced.caller.ask("DELETE", path)


class TestExamples:
    @pytest.mark.parametrize(
        ("rule", "example"),
        [pytest.param(*shown, id=name) for shown, name in zip(SHOWN, NAMES, strict=True) if "exec" not in name],
    )
    def test_an_example_is_refused_or_accepted_as_it_says(
        self, enforced: Enforced, rule: AnyRule, example: Example
    ) -> None:
        manifest = document_of(rule, example)
        path = {"Service": SERVICES, "PersistentVolume": VOLUMES, "Job": JOBS}[str(manifest["kind"])]

        answer = enforced.caller.ask("POST", path + DRY, manifest)

        assert answer.denied == {*([rule.slug] if example.verdict == "bad" else []), *example.also}, answer.message
        assert answer.accepted is (not answer.denied), answer.message


class TestServices:
    def test_an_update_is_refused_for_the_address_that_it_adds(self, enforced: Enforced) -> None:
        made(enforced, SERVICES, service("adding"))

        added = enforced.caller.ask("PATCH", f"{SERVICES}/adding", {"spec": {"externalIPs": ["203.0.113.7"]}})
        named = enforced.caller.ask("PATCH", f"{SERVICES}/adding", {"spec": {"type": "LoadBalancer"}})
        moved = enforced.caller.ask("PATCH", f"{SERVICES}/adding", {"spec": {"selector": {"app": "other"}}})

        assert added.code == 403
        assert 'Stridegate denied Service "adding" in "objects-shop"' in added.message
        assert added.denied == {"service-external-ip"}
        assert named.denied == {"open-load-balancer"}
        assert moved.accepted

    def test_what_a_cloud_does_with_a_load_balancer_needs_no_replica(self, unanswered: Enforced) -> None:
        enforced = unanswered
        bounded = service("cloud", type="LoadBalancer", loadBalancerSourceRanges=["192.0.2.0/24"])
        made(enforced, SERVICES, bounded)
        finalizers = {"metadata": {"finalizers": ["service.kubernetes.io/load-balancer-cleanup"]}}
        status = {"status": {"loadBalancer": {"ingress": [{"ip": "198.51.100.9"}]}}}
        enforced.away()

        kept = enforced.caller.ask("PATCH", f"{SERVICES}/cloud", finalizers)
        reported = enforced.caller.ask("PATCH", f"{SERVICES}/cloud/status", status)
        freed = enforced.caller.ask("PATCH", f"{SERVICES}/cloud", {"metadata": {"finalizers": None}})
        opened = enforced.caller.ask("PATCH", f"{SERVICES}/cloud", {"spec": {"loadBalancerSourceRanges": []}})
        inside = enforced.caller.ask("POST", SERVICES + DRY, service("inside"))
        claimed = enforced.caller.ask("POST", SERVICES + DRY, service("claimed", externalIPs=["203.0.113.7"]))

        assert [each.accepted for each in (kept, reported, freed, inside)] == [True] * 4
        assert "failed calling webhook" in opened.message
        assert "failed calling webhook" in claimed.message


class TestPersistentVolumes:
    def test_a_path_of_a_node_is_refused_by_the_policy_that_selects_everything(self, enforced: Enforced) -> None:
        answer = enforced.caller.ask("POST", VOLUMES, volume("socket", hostPath={"path": "/run"}))

        assert answer.code == 403
        assert (
            'Stridegate denied PersistentVolume "socket" (policy objects-everywhere): 1 violation\n'
            "1. host-path-persistent-volume [TIE, high] volume: hostPath is /run, which reaches /run/docker.sock"
        ) in answer.message

    def test_what_is_not_on_a_node_needs_no_replica(self, unanswered: Enforced) -> None:
        enforced = unanswered
        driver = {"driver": "storage.example", "volumeHandle": "one"}
        enforced.away()

        provided = enforced.caller.ask("POST", VOLUMES + DRY, volume("provided", csi=driver))
        on_node = enforced.caller.ask("POST", VOLUMES + DRY, volume("local", hostPath={"path": "/data"}))

        assert provided.accepted
        assert "failed calling webhook" in on_node.message

    def test_binding_a_volume_on_a_node_that_is_there_needs_no_replica(
        self, unanswered: Enforced, request: pytest.FixtureRequest
    ) -> None:
        enforced = unanswered
        request.addfinalizer(lambda: unmade(enforced, f"{VOLUMES}/old"))
        enforced.server.kubectl("patch", "hardeningpolicy", POLICY.name, "--type=merge", "-p", _action("audit"))
        eventually(
            lambda: enforced.caller.ask("POST", VOLUMES + DRY, volume("old", hostPath={"path": "/data"})).accepted
        )
        made(enforced, VOLUMES, volume("old", hostPath={"path": "/data"}))
        enforced.server.kubectl("patch", "hardeningpolicy", POLICY.name, "--type=merge", "-p", _action("deny"))
        eventually(
            lambda: bool(enforced.caller.ask("POST", VOLUMES + DRY, volume("x", hostPath={"path": "/a"})).denied)
        )
        enforced.away()

        bound = enforced.caller.ask(
            "PATCH", f"{VOLUMES}/old", {"spec": {"claimRef": {"namespace": SHOP, "name": "data"}}}
        )

        assert bound.accepted, bound.message


def _action(word: str) -> str:
    return json.dumps({"spec": {"rules": {"host-path-persistent-volume": {"action": word}}}})


class TestWorkloads:
    def test_a_job_is_refused_for_its_retries_and_for_its_pods(self, enforced: Enforced) -> None:
        job = {"apiVersion": "batch/v1", "kind": "Job", **embedding("Job", pod())}
        job["metadata"] = {"name": "retried"}
        job["spec"]["template"]["spec"] = {**PRIVILEGED["spec"], "restartPolicy": "Never"}  # type: ignore[index,call-overload,dict-item] # maps

        answer = enforced.caller.ask("POST", JOBS + DRY, job)

        assert answer.denied == {"unbounded-job-retries", "privileged-container"}
        assert "job: backoffLimit is 6 → must be at most 5" in answer.message

    def test_a_kind_of_the_charts_choice_is_judged_by_its_template(self, enforced: Enforced) -> None:
        def rollout(document: JsonMap) -> JsonMap:
            parts: JsonMap = {"parts": {"template": {"spec": document["spec"]}}}
            return {
                "apiVersion": "deliveries.example/v1",
                "kind": "Rollout",
                "metadata": {"name": "web"},
                "spec": parts,
            }

        refused = enforced.caller.ask("POST", ROLLOUTS + DRY, rollout(PRIVILEGED))
        accepted = enforced.caller.ask("POST", ROLLOUTS + DRY, rollout(pod()))

        assert refused.denied == {"privileged-container"}
        assert 'Stridegate denied Rollout "web" in "objects-shop"' in refused.message
        assert accepted.accepted, accepted.message


class TestConnections:
    @staticmethod
    def connect(enforced: Enforced, verb: str, namespace: str, *groups: str) -> Answer:
        query = "command=id&stdout=true" if verb == "exec" else "stdout=true"
        with Caller(enforced.server, user="alice", groups=("objects-everybody", *groups)) as caller:
            return caller.ask("POST", f"{namespaced('api/v1/pods', namespace, 'web')}/{verb}?{query}")

    @pytest.mark.parametrize("verb", ["exec", "attach"])
    def test_only_a_member_of_the_groups_gets_into_a_guarded_namespace(self, enforced: Enforced, verb: str) -> None:
        refused = self.connect(enforced, verb, VAULT)
        member = self.connect(enforced, verb, VAULT, "vault-keepers")
        elsewhere = self.connect(enforced, verb, SHOP)

        assert refused.denied == {"exec-into-privileged-pod"}, refused.message
        assert f'"web" in "{VAULT}"' in refused.message
        # They get as far as the pod, which is not there.
        assert [member.code, elsewhere.code] == [404, 404]


class TestPodsWithoutAReplica:
    def test_labels_and_finalizers_change_while_nobody_answers_and_images_do_not(self, unanswered: Enforced) -> None:
        enforced, path = unanswered, f"{PODS}/kept"
        made(enforced, PODS, {**pod(), "metadata": {"name": "kept", "finalizers": ["objects.example/kept"]}})
        image = {"spec": {"containers": [{"name": "app", "image": "registry.example/other:1"}]}}
        enforced.away()

        labelled = enforced.caller.ask("PATCH", path, {"metadata": {"labels": {"tier": "web"}}})
        changed = enforced.caller.ask("PATCH", path, image)
        both = enforced.caller.ask("PATCH", path, {**image, "metadata": {"labels": {"tier": "db"}}})
        annotated = enforced.caller.ask("PATCH", path, {"metadata": {"annotations": {"io.katacontainers.x": "1"}}})
        reported = enforced.caller.ask("PATCH", f"{path}/status", {"status": {"message": "there"}})
        deleted = enforced.caller.ask("DELETE", path, {"gracePeriodSeconds": 0})
        freed = enforced.caller.ask("PATCH", path, {"metadata": {"finalizers": None}})
        gone = enforced.caller.ask("GET", path)

        assert [each.accepted for each in (labelled, reported, deleted, freed)] == [True] * 4
        assert all("failed calling webhook" in each.message for each in (changed, both, annotated))
        assert gone.code == 404

    def test_with_a_replica_an_update_is_judged_as_ever(self, enforced: Enforced) -> None:
        path = f"{PODS}/judged"
        made(enforced, PODS, {**pod(), "metadata": {"name": "judged"}})
        debug = {"name": "debug", "image": "x:1", "securityContext": {"privileged": True}}

        labelled = enforced.caller.ask("PATCH", path, {"metadata": {"labels": {"tier": "web"}}})
        annotated = enforced.caller.ask("PATCH", path, {"metadata": {"annotations": {"io.katacontainers.x": "1"}}})
        debugged = enforced.caller.ask(
            "PATCH", f"{path}/ephemeralcontainers", {"spec": {"ephemeralContainers": [debug]}}
        )

        assert labelled.accepted
        assert annotated.denied == {"runtime-annotation"}
        assert debugged.denied == {"privileged-container"}
