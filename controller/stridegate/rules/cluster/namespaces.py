"""What every namespace of a tenant is to have: a policy for its network, bounds, and a level that its pods are held to."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from stridegate.model.clusters.rules import ClusterExample, ClusterRule, verdict
from stridegate.model.clusters.views import (
    Cluster,
    Kind,
    Obj,
    at,
    by_namespace,
    labels,
    maps,
    name,
    tenants,
    text,
    texts,
)
from stridegate.model.nodes.verdicts import State, Verdict
from stridegate.model.policies import LabelSelector, Operator, Requirement
from stridegate.model.references import CisDocker, CisKubernetes
from stridegate.model.vocabulary import Severity, Stride

_DENIAL = frozenset({Stride.DENIAL_OF_SERVICE})
_NAMESPACE = "kind: Namespace\nmetadata: {name: shop}\n"
_ENFORCE = "pod-security.kubernetes.io/enforce"


def _closes(policy: Obj, direction: str) -> bool:
    """Whether a NetworkPolicy lets nothing of all pods through in a direction, unless another does."""
    kinds = texts(policy, "spec", "policyTypes") or frozenset({"Ingress"})
    return (
        at(policy, "spec", "podSelector") == {} and direction in kinds and not maps(policy, "spec", direction.lower())
    )


def _default_deny(cluster: Cluster) -> Verdict:
    policies = by_namespace(cluster[Kind.NETWORK_POLICY])
    offenders = []
    for each in tenants(cluster):
        own = policies.get(name(each), []) if name(each) in cluster.populated else None
        if own is not None:
            open_ = [way for way in ("Ingress", "Egress") if not any(_closes(policy, way) for policy in own)]
            offenders += [(f"Namespace {name(each)}", f"open by default: {' and '.join(open_)}")] if open_ else []
    return verdict(offenders, "networkpolicies", "every namespace with pods is closed by default")


def _lacking(kind: Kind, what: str, serves: Callable[[Obj], bool] = lambda _: True) -> Callable[[Cluster], Verdict]:
    def judge(cluster: Cluster) -> Verdict:
        served = {namespace for namespace, own in by_namespace(cluster[kind]).items() if any(map(serves, own))}
        offenders = ((f"Namespace {name(each)}", f"no {what}") for each in tenants(cluster) if name(each) not in served)
        return verdict(offenders, f"{kind.value}s", f"every namespace has a {what}")

    return judge


def _counts(quota: Obj) -> bool:
    hard = at(quota, "spec", "hard")
    return any(str(key).startswith("count/") for key in hard) if isinstance(hard, dict) else False


def _selector(policy: Obj) -> LabelSelector | None:
    """Return what namespaces a HardeningPolicy selects; None for one that nobody can read."""
    selector = at(policy, "spec", "namespaceSelector")
    equal = [
        Requirement(key, Operator.IN, frozenset({value})) for key, value in labels(selector, "matchLabels").items()
    ]
    known = {each.value: each for each in Operator}
    further = maps(selector, "matchExpressions")
    if any(text(each, "operator") not in known for each in further):
        return None
    written = (Requirement(text(each, "key"), known[text(each, "operator")], texts(each, "values")) for each in further)
    return LabelSelector((*equal, *written))


def _held(policies: Iterable[Obj], namespace: Obj) -> bool:
    """Whether a HardeningPolicy warns or denies in a namespace."""
    acting = (each for each in policies if text(each, "spec", "action") in {"warn", "deny"})
    selectors = (_selector(each) for each in acting)
    return any(each is not None and each.matches(labels(namespace)) for each in selectors)


def _level(cluster: Cluster) -> Verdict:
    policies = cluster[Kind.HARDENING_POLICY]
    offenders = (
        (f"Namespace {name(each)}", f"{_ENFORCE}: {labels(each).get(_ENFORCE, 'absent')}")
        for each in tenants(cluster)
        if labels(each).get(_ENFORCE) not in {"baseline", "restricted"} and not _held(policies, each)
    )
    return verdict(offenders, "namespaces and hardeningpolicies", "every namespace is held to a level")


_CLOSED = """
---
kind: NetworkPolicy
metadata: {name: default-deny, namespace: shop}
spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
"""
_HALF = _CLOSED.replace(", Egress", "")
_OPENED = _CLOSED.replace("[Ingress, Egress]", "[Ingress, Egress], egress: [{}]")
_SHOP = frozenset({"shop"})
_POLICY = "---\nkind: HardeningPolicy\nmetadata: {name: p}\nspec: {profile: baseline, action: deny, namespaceSelector: {matchLabels: {tier: a}}}"


def _unreadable(kind: Kind) -> ClusterExample:
    return ClusterExample(title="what may not be read", state=State.UNKNOWN, absent=(kind.value,))


def _bound(kind: str, spec: str) -> str:
    return f"{_NAMESPACE}---\nkind: {kind}\nmetadata: {{name: a, namespace: shop}}\nspec: {spec}"


RULES = (
    ClusterRule(
        slug="missing-default-deny",
        severity=Severity.MEDIUM,
        stride=frozenset({Stride.INFORMATION_DISCLOSURE, Stride.ELEVATION}),
        references=(CisKubernetes("5.3.2"),),
        threats=frozenset({"network-spoofing-to-host", "default-bridge-traffic"}),
        wrong="A namespace with pods lets all traffic through by default.",
        threat="One pod that was broken into reaches every other, and every address outside.",
        wants="have a NetworkPolicy for all its pods without a rule, for ingress and for egress",
        fix="Add a NetworkPolicy with podSelector {} and policyTypes [Ingress, Egress], then one for each way that is used.",
        judge=_default_deny,
        examples=(
            ClusterExample(title="no policy", state=State.FAIL, objects=_NAMESPACE, populated=_SHOP),
            ClusterExample(title="ingress alone", state=State.FAIL, objects=_NAMESPACE + _HALF, populated=_SHOP),
            ClusterExample(
                title="with a way out to all", state=State.FAIL, objects=_NAMESPACE + _OPENED, populated=_SHOP
            ),
            ClusterExample(title="closed", state=State.PASS, objects=_NAMESPACE + _CLOSED, populated=_SHOP),
            ClusterExample(title="without pods", state=State.PASS, objects=_NAMESPACE),
            ClusterExample(
                title="Kubernetes' own",
                state=State.PASS,
                objects="kind: Namespace\nmetadata: {name: kube-system}",
                populated=frozenset({"kube-system"}),
            ),
            _unreadable(Kind.NETWORK_POLICY),
        ),
    ),
    ClusterRule(
        slug="missing-object-count-quota",
        severity=Severity.LOW,
        stride=_DENIAL,
        references=(),
        threats=frozenset({"apiserver-overload"}),
        wrong="A namespace may hold any number of objects.",
        threat="Whoever may create objects in it fills etcd, and the API server stops for all.",
        wants="have a ResourceQuota with a count/… of objects",
        fix="Add a ResourceQuota with hard: {count/configmaps: …, count/secrets: …, count/jobs.batch: …}.",
        judge=_lacking(Kind.RESOURCE_QUOTA, "ResourceQuota of count/…", _counts),
        examples=(
            ClusterExample(title="no quota", state=State.FAIL, objects=_NAMESPACE),
            ClusterExample(
                title="of memory", state=State.FAIL, objects=_bound("ResourceQuota", "{hard: {limits.memory: 1Gi}}")
            ),
            ClusterExample(
                title="of objects", state=State.PASS, objects=_bound("ResourceQuota", "{hard: {count/secrets: '9'}}")
            ),
            _unreadable(Kind.RESOURCE_QUOTA),
        ),
    ),
    ClusterRule(
        slug="missing-resource-quota",
        severity=Severity.LOW,
        stride=_DENIAL,
        references=(),
        threats=frozenset({"noisy-neighbour", "node-resource-exhaustion"}),
        wrong="A namespace may take all of the cluster's memory and processors.",
        threat="One team's mistake evicts the pods of the others.",
        wants="have a ResourceQuota",
        fix="Add a ResourceQuota with requests.cpu, requests.memory and limits.memory.",
        judge=_lacking(Kind.RESOURCE_QUOTA, "ResourceQuota"),
        examples=(
            ClusterExample(title="no quota", state=State.FAIL, objects=_NAMESPACE),
            ClusterExample(
                title="a quota", state=State.PASS, objects=_bound("ResourceQuota", "{hard: {limits.memory: 1Gi}}")
            ),
            _unreadable(Kind.RESOURCE_QUOTA),
        ),
    ),
    ClusterRule(
        slug="missing-limit-range",
        severity=Severity.LOW,
        stride=_DENIAL,
        references=(CisDocker("5.11", before_1_6="5.10"),),
        threats=frozenset({"unlimited-container-memory"}),
        wrong="A namespace gives containers no limits by default.",
        threat="A container without a limit of its own takes the node's memory until its neighbours are killed.",
        wants="have a LimitRange",
        fix="Add a LimitRange with a default memory limit for containers.",
        judge=_lacking(Kind.LIMIT_RANGE, "LimitRange"),
        examples=(
            ClusterExample(title="none", state=State.FAIL, objects=_NAMESPACE),
            ClusterExample(
                title="one", state=State.PASS, objects=_bound("LimitRange", "{limits: [{type: Container}]}")
            ),
            _unreadable(Kind.LIMIT_RANGE),
        ),
    ),
    ClusterRule(
        slug="missing-pod-security-level",
        severity=Severity.MEDIUM,
        stride=frozenset({Stride.ELEVATION}),
        references=(CisKubernetes("5.2.1"),),
        threats=frozenset({"insecure-kubernetes-defaults", "malicious-container-out-of-scope"}),
        wrong="A namespace holds its pods to no level.",
        threat="Whoever may create pods there creates privileged ones, and has the node.",
        wants="have the label pod-security.kubernetes.io/enforce, baseline or restricted, or a HardeningPolicy that warns or denies",
        fix="Select it by a HardeningPolicy, or label it pod-security.kubernetes.io/enforce=baseline.",
        judge=_level,
        examples=(
            ClusterExample(title="no level", state=State.FAIL, objects=_NAMESPACE),
            ClusterExample(
                title="privileged",
                state=State.FAIL,
                objects=f"kind: Namespace\nmetadata: {{name: a, labels: {{{_ENFORCE}: privileged}}}}",
            ),
            ClusterExample(title="a policy for others", state=State.FAIL, objects=_NAMESPACE + _POLICY),
            ClusterExample(
                title="restricted",
                state=State.PASS,
                objects=f"kind: Namespace\nmetadata: {{name: a, labels: {{{_ENFORCE}: restricted}}}}",
            ),
            ClusterExample(
                title="a policy",
                state=State.PASS,
                objects="kind: Namespace\nmetadata: {name: a, labels: {tier: a}}\n" + _POLICY,
            ),
            _unreadable(Kind.NAMESPACE),
        ),
    ),
)
