"""What tests of rules and engine share: from JSON to a view, from policies to a regime, and operations made in JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import cast

import jsonpatch
import msgspec
import yaml

from stridegate.engine.catalogue import POD_RULES
from stridegate.engine.decide import Circumstances
from stridegate.engine.evaluate import evaluate
from stridegate.engine.examples import JsonMap, example_pod
from stridegate.engine.harden import Operation
from stridegate.engine.policies import Regime, compile_policy, compile_regime
from stridegate.model.edits import Json
from stridegate.model.findings import Finding
from stridegate.model.places import Pointer
from stridegate.model.pods import PodTemplate
from stridegate.model.policies import Policy, RuleSetting, Workload
from stridegate.model.rules import Example, Given, Parameters, PodRule, Question
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Action, Patching, Profile

HERE = Circumstances(namespace="shop", workload=Workload("Pod", "example"))
THERE = Circumstances(namespace="shop", workload=Workload("Deployment", "example"), template=True)

# Where each kind that embeds a pod keeps it.
KINDS: Mapping[str, Pointer] = {
    "Pod": (),
    "Deployment": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "ReplicaSet": ("spec", "template"),
    "Job": ("spec", "template"),
    "ReplicationController": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
    "PodTemplate": ("template",),
}


def pod_of(example: Example) -> JsonMap:
    """Return an example's pod."""
    spec = yaml.safe_load(example.spec)
    return example_pod(spec, example.annotations)


def laid_over(spec: str, annotations: Mapping[str, str] | None = None) -> JsonMap:
    """Return the hardened pod with YAML laid over its spec."""
    return example_pod(yaml.safe_load(spec), annotations or {})


def view(document: Json, prefix: Pointer = ()) -> PodView:
    """Return the view of the pod that a document embeds."""
    embedded: Json = document
    for part in prefix:
        embedded = cast("JsonMap", embedded)[str(part)]
    return PodView(msgspec.convert(embedded, PodTemplate), prefix)


def embedded(pod: JsonMap, kind: str) -> JsonMap:
    """Return an object of a kind that embeds a pod."""
    document: JsonMap = {"metadata": pod["metadata"], "spec": pod["spec"]}
    for part in reversed(KINDS[kind]):
        document = {str(part): document}
    return document if kind == "Pod" else {"metadata": {"name": "example"}, **document}


def questions(given: Given, rules: Iterable[PodRule] = POD_RULES.values()) -> list[Question]:
    """Return what a policy of a level and version asks."""
    return [
        Question(rule, given)
        for rule in rules
        if rule.profile <= given.profile and rule.standard_since <= given.pod_security
    ]


def judged(document: Json, given: Given | None = None, prefix: Pointer = ()) -> list[Finding]:
    """Return what the rules of a level and version find."""
    return evaluate(questions(given or Given()), view(document, prefix))


def slugs(findings: Iterable[Finding]) -> set[str]:
    """Return the slugs of findings."""
    return {finding.rule.slug for finding in findings}


def policy(
    name: str = "production",
    *,
    given: Given | None = None,
    action: Action = Action.DENY,
    patching: Patching = Patching.ALL,
    override: bool = False,
    templates: Action = Action.WARN,
) -> Policy:
    """Return a policy that asks every rule of its profile with the same parameters."""
    given = given or Given()
    rules = {
        slug: RuleSetting(override=override, parameters=given.parameters)
        for slug, rule in POD_RULES.items()
        if rule.profile <= given.profile and (override or given.parameters != Parameters())
    }
    return Policy(
        name=name,
        profile=Profile(given.profile),
        action=action,
        patching=patching,
        templates=templates,
        pod_security=given.pod_security,
        rules=rules,
    )


def regime(*policies: Policy) -> Regime:
    """Return what is asked where policies hold together."""
    return compile_regime({each.name: compile_policy(each, POD_RULES.values()) for each in policies})


def patched(document: JsonMap, operations: Iterable[Operation]) -> JsonMap:
    """Return a document with RFC 6902 operations applied, as the API server does it."""
    return cast("JsonMap", jsonpatch.apply_patch(document, json.loads(json.dumps(list(operations)))))
