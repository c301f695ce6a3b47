"""Every field that a policy may have changes what becomes of some pod: none is accepted and then ignored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from hardeningpolicies import SCHEMA
from leaves import NOW
from reviewing import Asked, container, embedding, pod
from stridegate.admission.mutation import mutate
from stridegate.admission.policy_set import compiled, empty_policy_set
from stridegate.admission.reviews import read_review
from stridegate.admission.validation import validate
from stridegate.engine.catalogue import RULES
from stridegate.engine.examples import JsonMap
from stridegate.kube.policies import read_policy
from stridegate.model.edits import Json

NAMESPACE = {"kubernetes.io/metadata.name": "shop", "tier": "production"}
DENY: dict[str, Any] = {"profile": "hardened", "action": "deny"}


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A pod under a policy, and under the same policy but for one field."""

    pod: JsonMap
    under: Mapping[str, Any] = field(default_factory=lambda: DENY)
    but: Mapping[str, Any]
    kind: str = "Pod"
    # What else is special about the request.
    request: Mapping[str, Any] = field(default_factory=dict)


def bare(**fields: Json) -> JsonMap:
    return pod({"containers": [{"name": "app", **fields}]})


def rule(slug: str, **setting: object) -> dict[str, Any]:
    return DENY | {"patching": "all", "rules": {slug: setting}}


def excluding(**more: object) -> dict[str, Any]:
    """Return a policy with an exclusion, and something more about it."""
    return DENY | {"exclude": [{"namespaces": ["shop"], "reason": "a test", **more}]}


PRIVILEGED = pod(container(privileged=True))
WRITABLE = pod(container(readOnlyRootFilesystem=None))
UNLIMITED = pod({"containers": [{"name": "app", "resources": None}]})
IN_MEMORY = pod({"volumes": [{"name": "x", "emptyDir": {"medium": "Memory"}}]})
SYSTEM = pod({"priorityClassName": "system-node-critical"})
TOKEN: JsonMap = {"serviceAccountToken": {"path": "token", "expirationSeconds": 7200}}
LASTING = pod({"volumes": [{"name": "x", "projected": {"sources": [TOKEN]}}]})


def selecting(**selector: object) -> dict[str, Any]:
    return DENY | {"namespaceSelector": selector}


def parameter(slug: str, name: str, value: object) -> dict[str, Any]:
    return rule(slug, parameters={name: value})


ELSEWHERE = {"key": "tier", "operator": "In", "values": ["test"]}
TRIALS: dict[str, Trial] = {
    "namespaceSelector.matchLabels": Trial(pod=PRIVILEGED, but=selecting(matchLabels={"tier": "test"})),
    "namespaceSelector.matchExpressions.key": Trial(
        pod=PRIVILEGED,
        under=selecting(matchExpressions=[{"key": "tier", "operator": "Exists"}]),
        but=selecting(matchExpressions=[{"key": "team", "operator": "Exists"}]),
    ),
    "namespaceSelector.matchExpressions.operator": Trial(
        pod=PRIVILEGED,
        under=selecting(matchExpressions=[ELSEWHERE]),
        but=selecting(matchExpressions=[ELSEWHERE | {"operator": "NotIn"}]),
    ),
    "namespaceSelector.matchExpressions.values": Trial(
        pod=PRIVILEGED,
        under=selecting(matchExpressions=[ELSEWHERE]),
        but=selecting(matchExpressions=[ELSEWHERE | {"values": ["production"]}]),
    ),
    "profile": Trial(pod=WRITABLE, but=DENY | {"profile": "restricted"}),
    "action": Trial(pod=PRIVILEGED, but=DENY | {"action": "warn"}),
    "patching": Trial(pod=pod(container(allowPrivilegeEscalation=None)), but=DENY | {"patching": "safe"}),
    "templates": Trial(pod=embedding("Deployment", PRIVILEGED), kind="Deployment", but=DENY | {"templates": "deny"}),
    "podSecurityVersion": Trial(
        pod=bare(livenessProbe={"httpGet": {"port": 80, "host": "192.0.2.1"}}),
        but=DENY | {"podSecurityVersion": "v1.33"},
    ),
    "rulesVersion": Trial(pod=WRITABLE, but=DENY | {"rulesVersion": "v0.0"}),
    "rules.action": Trial(pod=PRIVILEGED, but=rule("privileged-container", action="off")),
    "rules.override": Trial(
        pod=pod(container(readOnlyRootFilesystem=False)),
        under=rule("writable-root-filesystem"),
        but=rule("writable-root-filesystem", override=True),
    ),
    "rules.parameters.default": Trial(pod=UNLIMITED, but=parameter("unlimited-memory", "default", "256Mi")),
    "rules.parameters.ceiling": Trial(
        pod=bare(resources={"limits": {"memory": "9Gi"}}), but=parameter("excessive-memory-limit", "ceiling", "8Gi")
    ),
    "rules.parameters.sizeLimit": Trial(pod=IN_MEMORY, but=parameter("unlimited-memory-volume", "sizeLimit", "64Mi")),
    "rules.parameters.paths": Trial(pod=WRITABLE, but=parameter("writable-root-filesystem", "paths", ["/srv/x"])),
    "rules.parameters.sockets": Trial(
        pod=pod({"volumes": [{"name": "x", "hostPath": {"path": "/srv/engine.sock"}}]}),
        but=parameter("container-runtime-socket", "sockets", ["/srv/engine.sock"]),
    ),
    "rules.parameters.allow": Trial(pod=bare(), but=parameter("untrusted-registry", "allow", ["quay.io"])),
    "rules.parameters.tags": Trial(
        pod=bare(image="registry.example/app:edge"), but=parameter("mutable-image-tag", "tags", ["edge"])
    ),
    "rules.parameters.namespaces": Trial(pod=SYSTEM, but=parameter("system-priority-class", "namespaces", ["shop"])),
    "rules.parameters.maximumSeconds": Trial(
        pod=LASTING, but=parameter("overlong-projected-token", "maximumSeconds", 3600)
    ),
    "rules.parameters.groups": Trial(
        pod={"stdin": True},
        request={
            "operation": "CONNECT",
            "subresource": "exec",
            "object_kind": "PodExecOptions",
            "groups": ("keepers",),
        },
        under=rule("exec-into-privileged-pod", parameters={"namespaces": ["shop"]}),
        but=rule("exec-into-privileged-pod", parameters={"namespaces": ["shop"], "groups": ["keepers"]}),
    ),
    "exclude.namespaces": Trial(pod=PRIVILEGED, but=excluding()),
    "exclude.workload.kind": Trial(
        pod=PRIVILEGED,
        under=excluding(workload={"kind": "Pod", "name": "web"}),
        but=excluding(workload={"kind": "DaemonSet", "name": "web"}),
    ),
    "exclude.workload.name": Trial(
        pod=PRIVILEGED,
        under=excluding(workload={"kind": "Pod", "name": "web"}),
        but=excluding(workload={"kind": "Pod", "name": "other"}),
    ),
    "exclude.containers": Trial(pod=PRIVILEGED, under=excluding(), but=excluding(containers=["other"])),
    "exclude.rules": Trial(pod=PRIVILEGED, under=excluding(), but=excluding(rules=["host-pid"])),
}

# For those who review the policy: the schema demands it, and no verdict depends on it.
FOR_PEOPLE = {"exclude.reason"}


def fields_of(schema: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield every field of a schema that holds a value and no further fields, by its path."""
    inner = schema.get("items", schema)
    if "properties" in inner:
        for name, each in inner["properties"].items():
            yield from fields_of(each, (*path, name))
    elif isinstance(inner.get("additionalProperties"), dict) and "properties" in inner["additionalProperties"]:
        yield from fields_of(inner["additionalProperties"], path)
    else:
        yield ".".join(path)


def outcome(trial: Trial, spec: Mapping[str, Any]) -> tuple[object, ...]:
    """Return everything that a policy makes of a pod."""
    policy = read_policy({"metadata": {"name": "trial"}, "spec": spec}, RULES).policy
    known = empty_policy_set(RULES).with_namespaces({"shop": NAMESPACE})
    rulebook = known.with_policies([compiled(policy, RULES)]).rulebook("shop")
    assert rulebook is not None
    request = read_review(Asked(object=trial.pod, kind=trial.kind, **trial.request).body())
    verdict = validate(request, rulebook, now=NOW)
    made = mutate(request, rulebook, now=NOW).patch if request.operation == "CREATE" else None
    patch = msgspec.json.decode(made) if made else None
    return verdict.allowed, verdict.message, verdict.warnings, sorted(verdict.annotations.items()), patch


@pytest.mark.parametrize("path", TRIALS)
def test_a_field_changes_what_becomes_of_a_pod(path: str) -> None:
    trial = TRIALS[path]

    assert outcome(trial, trial.under) != outcome(trial, trial.but)


def test_no_field_of_the_schema_is_left_untried() -> None:
    assert set(fields_of(SCHEMA["properties"]["spec"])) == TRIALS.keys() | FOR_PEOPLE
