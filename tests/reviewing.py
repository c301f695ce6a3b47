"""AdmissionReviews as the API server sends them, and what the webhook makes of them in process."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import jsonpatch
import msgspec

from leaves import NOW
from stridegate.admission.mutation import mutate
from stridegate.admission.policy_set import Rulebook, compiled, empty_policy_set
from stridegate.admission.reviews import read_review
from stridegate.admission.validation import validate
from stridegate.admission.verdicts import Mutation, Verdict
from stridegate.engine.catalogue import RULES
from stridegate.engine.examples import JsonMap, hardened_pod, overlay
from stridegate.engine.exemptions import compile_exemptions
from stridegate.model.edits import Json
from stridegate.model.exemptions import Exemption
from stridegate.model.policies import Policy
from stridegate.model.vocabulary import Action, Patching, Profile

RESOURCES = {
    "Pod": ("", "v1", "pods"),
    "ReplicationController": ("", "v1", "replicationcontrollers"),
    "Deployment": ("apps", "v1", "deployments"),
    "StatefulSet": ("apps", "v1", "statefulsets"),
    "DaemonSet": ("apps", "v1", "daemonsets"),
    "ReplicaSet": ("apps", "v1", "replicasets"),
    "Job": ("batch", "v1", "jobs"),
    "CronJob": ("batch", "v1", "cronjobs"),
}
# What embeds no pod.
OBJECTS = {"Service": ("", "v1", "services"), "PersistentVolume": ("", "v1", "persistentvolumes")}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request, with everything that may vary about it."""

    object: Json = None
    old: Json = None
    kind: str = "Pod"
    operation: str = "CREATE"
    subresource: str = ""
    object_kind: str = ""
    namespace: str | None = "shop"
    user: str = "alice"
    groups: tuple[str, ...] = ("system:authenticated",)
    uid: str = "705ab4f5-6393-11e8-b7cc-42010a800002"
    name: str = "web"
    dry_run: bool = False

    def document(self) -> dict[str, Any]:
        """Return the AdmissionReview."""
        known = RESOURCES | OBJECTS
        group, version, resource = known.get(self.kind, ("example.com", "v1", self.kind.lower() + "s"))
        return {
            "apiVersion": "admission.k8s.io/v1",
            "kind": "AdmissionReview",
            "request": {
                "uid": self.uid,
                "kind": {"group": group, "version": version, "kind": self.object_kind or self.kind},
                "resource": {"group": group, "version": version, "resource": resource},
                **({"subResource": self.subresource} if self.subresource else {}),
                "name": self.name,
                **({} if self.namespace is None else {"namespace": self.namespace}),
                "operation": self.operation,
                "userInfo": {"username": self.user, "groups": list(self.groups)},
                "object": self.object,
                "oldObject": self.old,
                "dryRun": self.dry_run,
                "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
            },
        }

    def body(self) -> bytes:
        """Return the bytes that are sent."""
        return json.dumps(self.document()).encode()


def pod(over: Mapping[str, Json] | None = None, **metadata: Json) -> JsonMap:
    """Return the hardened pod with something laid over its spec, and metadata."""
    document = hardened_pod()
    document["spec"] = overlay(document["spec"], dict(over or {}))
    document["metadata"] = {"name": "web", "namespace": "shop", **metadata}
    return document


def container(**fields: Json) -> dict[str, Json]:
    """Return a spec to lay over the hardened pod's, that changes the security context of its one container."""
    return {"containers": [{"name": "app", "securityContext": fields}]}


PRIVILEGED = pod(container(privileged=True, allowPrivilegeEscalation=None))


def policy(
    name: str = "production",
    *,
    action: Action = Action.DENY,
    patching: Patching = Patching.NONE,
    profile: Profile = Profile.HARDENED,
    **more: Any,  # noqa: ANN401 - whatever a policy has
) -> Policy:
    """Return a policy."""
    return Policy(name=name, action=action, patching=patching, profile=profile, **more)


def rulebook(*policies: Policy, exemptions: Iterable[Exemption] = (), namespace: str | None = "shop") -> Rulebook:
    """Return what holds under some policies and exemptions in a namespace, or for what belongs to none."""
    labelled = {} if namespace is None else {namespace: {"kubernetes.io/metadata.name": namespace}}
    known = empty_policy_set(RULES).with_namespaces(labelled).with_exemptions(compile_exemptions(exemptions))
    found = known.with_policies(compiled(each, RULES) for each in policies).rulebook(namespace)
    assert found is not None
    return found


def validated(asked: Asked, *policies: Policy, exemptions: Iterable[Exemption] = (), now: float = NOW) -> Verdict:
    """Return the verdict on a request under some policies, else under one that denies everything."""
    held = rulebook(*(policies or (policy(),)), exemptions=exemptions, namespace=asked.namespace)
    return validate(read_review(asked.body()), held, now=now)


def mutated(asked: Asked, *policies: Policy, exemptions: Iterable[Exemption] = (), now: float = NOW) -> Mutation:
    """Return what becomes of a request under some policies, else under one that patches all it can."""
    chosen = policies or (policy(patching=Patching.ALL),)
    held = rulebook(*chosen, exemptions=exemptions, namespace=asked.namespace)
    return mutate(read_review(asked.body()), held, now=now)


def patched(document: JsonMap, mutation: Mutation) -> JsonMap:
    """Return a document with a mutation's patch applied."""
    operations = msgspec.json.decode(mutation.patch or b"[]")
    return cast("JsonMap", jsonpatch.apply_patch(document, operations))


def response_of(body: bytes) -> dict[str, Any]:
    """Return the response in an AdmissionReview, with its patch decoded."""
    review = json.loads(body)
    assert review["apiVersion"] == "admission.k8s.io/v1"
    assert review["kind"] == "AdmissionReview"
    response: dict[str, Any] = review["response"]
    if "patch" in response:
        response["patch"] = json.loads(base64.b64decode(response["patch"]))
    return response


def embedding(kind: str, document: JsonMap) -> JsonMap:
    """Return a workload of a kind whose pods are made from this one."""
    template: JsonMap = {"metadata": {"labels": {"app": "web"}}, "spec": document["spec"]}
    spec: JsonMap = {"template": template}
    if kind == "CronJob":
        spec = {"jobTemplate": {"spec": spec}}
    return {"metadata": {"name": "web", "namespace": "shop"}, "spec": spec}
