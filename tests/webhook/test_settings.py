"""What a request says about a pod and the pod itself does not: its namespace, whether it is being made, what it is for."""

from __future__ import annotations

import pytest

from reviewing import RESOURCES, Asked, embedding, mutated, patched, pod, policy, validated
from stridegate.engine.examples import JsonMap
from stridegate.model.edits import Json
from stridegate.model.policies import RuleSetting
from stridegate.model.vocabulary import Action, Patching

TEMPLATED = [kind for kind in RESOURCES if kind != "Pod"]
MIRROR: JsonMap = {"annotations": {"kubernetes.io/config.mirror": "c0ffee"}}
UNTOLD: JsonMap = {"automountServiceAccountToken": None}


def with_token(**spec: Json) -> JsonMap:
    """Return a pod as it arrives at webhooks: with the token that the API server mounted."""
    path = "/var/run/secrets/kubernetes.io/serviceaccount"
    mount: JsonMap = {"name": "kube-api-access-x", "mountPath": path, "readOnly": True}
    token: JsonMap = {"serviceAccountToken": {"path": "token", "expirationSeconds": 3607}}
    return pod(
        {
            "containers": [{"name": "app", "volumeMounts": [mount]}],
            "volumes": [{"name": "kube-api-access-x", "projected": {"sources": [token]}}],
            **spec,
        }
    )


def test_a_pod_that_is_created_on_a_node_of_its_choice_is_denied() -> None:
    verdict = validated(Asked(object=pod({"nodeName": "node1"})))

    assert "pinned-node" in verdict.message


def test_a_pod_that_the_scheduler_bound_may_change_otherwise() -> None:
    old, new = pod({"nodeName": "node1"}), pod({"nodeName": "node1", "tolerations": [{"key": "a.example/b"}]})

    verdict = validated(Asked(operation="UPDATE", object=new, old=old))

    assert verdict.allowed
    assert verdict.warnings == ()


def test_the_mirror_of_a_static_pod_is_where_its_node_is() -> None:
    asked = Asked(
        object=pod({"nodeName": "node1"}, **MIRROR),
        user="system:node:node1",
        groups=("system:nodes", "system:authenticated"),
    )

    verdict = validated(asked)

    assert verdict.allowed
    assert verdict.warnings == ()


def test_the_annotation_of_a_mirror_alone_pins_nothing() -> None:
    verdict = validated(Asked(object=pod({"nodeName": "node1"}, **MIRROR)))

    assert "pinned-node" in verdict.message


@pytest.mark.parametrize("kind", TEMPLATED)
@pytest.mark.parametrize("operation", ["CREATE", "UPDATE"])
def test_a_template_that_pins_its_pods_is_warned_about(kind: str, operation: str) -> None:
    new, old = embedding(kind, pod({"nodeName": "node1"})), embedding(kind, pod())

    verdict = validated(Asked(kind=kind, operation=operation, object=new, old=old if operation == "UPDATE" else None))

    assert any("pinned-node" in line for line in verdict.warnings)


def test_the_namespace_of_a_system_priority_is_the_requests() -> None:
    document = pod({"priorityClassName": "system-node-critical"}, namespace="kube-system")

    verdict = validated(Asked(object=document, namespace="shop"))

    assert "system-priority-class" in verdict.message


def test_the_default_namespace_is_told_by_the_request() -> None:
    demanding = policy(rules={"default-namespace": RuleSetting(action=Action.DENY)})

    there = validated(Asked(object=pod(), namespace="default"), demanding)
    elsewhere = validated(Asked(object=pod(namespace="default"), namespace="shop"), demanding)

    assert "default-namespace" in there.message
    assert elsewhere.allowed


def test_a_pod_is_judged_by_the_token_that_is_mounted() -> None:
    mounted = validated(Asked(object=with_token(automountServiceAccountToken=None)))
    empty = validated(Asked(object=pod(UNTOLD)))
    own = validated(Asked(object=with_token()))

    assert "automounted-token" in mounted.message
    assert empty.allowed
    assert own.allowed


@pytest.mark.parametrize("kind", TEMPLATED)
def test_a_template_is_judged_by_the_token_that_its_pods_will_have(kind: str) -> None:
    verdict = validated(Asked(kind=kind, object=embedding(kind, pod(UNTOLD))))

    assert any("automounted-token" in line for line in verdict.warnings)


def test_a_token_is_never_patched_away_from_a_pod_nor_foreseen_to_be_in_a_template() -> None:
    demanding = policy(patching=Patching.ALL, rules={"automounted-token": RuleSetting(override=True)})
    document = with_token(automountServiceAccountToken=None)

    mutation = mutated(Asked(object=document), demanding)
    verdict = validated(Asked(kind="Deployment", object=embedding("Deployment", pod(UNTOLD))), demanding)

    assert patched(document, mutation)["spec"] == document["spec"]
    assert any("automounted-token" in line for line in verdict.warnings)


def test_the_fix_of_a_token_is_in_the_denial_for_what_a_person_edits() -> None:
    document = with_token(automountServiceAccountToken=None)
    document["metadata"] = {
        "name": "web-5d4f-x",
        "labels": {"pod-template-hash": "5d4f"},
        "ownerReferences": [{"kind": "ReplicaSet", "name": "web-5d4f", "controller": True}],
    }

    message = validated(Asked(object=document)).message

    assert "kubectl -n shop patch deployment web" in message
    assert '{"spec":{"template":{"spec":{"automountServiceAccountToken":false}}}}' in message
    assert "check first: automounted-token" in message


def test_a_debug_container_with_a_target_is_told_once_it_is_new() -> None:
    def debugged(name: str) -> JsonMap:
        confined: JsonMap = {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        return {"name": name, "image": "debug:1", "targetContainerName": "app", "securityContext": confined}

    demanding = policy(rules={"targeted-ephemeral-container": RuleSetting(action=Action.DENY)})
    old = pod({"ephemeralContainers": [debugged("old")]})
    new = pod({"ephemeralContainers": [debugged("old"), debugged("new")]})

    verdict = validated(Asked(operation="UPDATE", subresource="ephemeralcontainers", object=new, old=old), demanding)

    assert verdict.message.count("targeted-ephemeral-container [") == 1
    assert "ephemeralContainers[new]" in verdict.message
