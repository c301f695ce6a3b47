"""What tests of rules and engine share: from JSON to a view, from policies to a regime, and operations made in JSON."""

from __future__ import annotations

import copy
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import cast

import jsonpatch
import msgspec
import yaml

from stridegate.engine.catalogue import POD_RULES
from stridegate.engine.decide import Circumstances
from stridegate.engine.evaluate import evaluate
from stridegate.engine.examples import CONTAINER, JsonMap, example_pod
from stridegate.engine.harden import Operation
from stridegate.engine.policies import Regime, compile_policy, compile_regime
from stridegate.model.container_views import ContainerKind
from stridegate.model.edits import Json
from stridegate.model.findings import Finding
from stridegate.model.places import Pointer
from stridegate.model.pods import PodTemplate
from stridegate.model.policies import Policy, RuleSetting, Workload
from stridegate.model.rules import Example, Given, Parameters, PodRule, Question
from stridegate.model.settings import Setting
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


def setting_of(example: Example, kind: str = "Pod") -> Setting:
    """Return where an example stands, in a kind that embeds its pod."""
    return example.setting or Setting(namespace=HERE.namespace, template=kind != "Pod")


def kinds_of(example: Example) -> list[str]:
    """Return the kinds that an example speaks of: all of them, unless it is about pods alone, or about templates."""
    return [kind for kind in KINDS if setting_of(example, kind).template is (kind != "Pod")]


def broken_by(rule: PodRule, example: Example) -> frozenset[str]:
    """Return the rules that an example is about, which are asked even if they are advisory."""
    return frozenset({rule.slug, *example.also})


def view(document: Json, prefix: Pointer = (), setting: Setting | None = None) -> PodView:
    """Return the view of the pod that a document embeds."""
    embedded: Json = document
    for part in prefix:
        embedded = cast("JsonMap", embedded)[str(part)]
    return PodView(
        msgspec.convert(embedded, PodTemplate),
        prefix,
        setting or Setting(namespace=HERE.namespace, template=bool(prefix)),
    )


def embedded(pod: JsonMap, kind: str) -> JsonMap:
    """Return an object of a kind that embeds a pod."""
    document: JsonMap = {"metadata": pod["metadata"], "spec": pod["spec"]}
    for part in reversed(KINDS[kind]):
        document = {str(part): document}
    return document if kind == "Pod" else {"metadata": {"name": "example"}, **document}


def moved(pod: JsonMap, kind: ContainerKind) -> JsonMap:
    """Return a pod with the container that examples speak of in another list."""
    spec = copy.deepcopy(cast("JsonMap", pod["spec"]))
    containers = cast("list[JsonMap]", spec["containers"])
    container = next(each for each in containers if each["name"] == CONTAINER)
    spec["containers"] = cast("Json", [each for each in containers if each is not container])
    if kind is ContainerKind.SIDECAR:
        container["restartPolicy"] = "Always"
    listed = "ephemeralContainers" if kind is ContainerKind.EPHEMERAL else "initContainers"
    spec[listed] = [container, *cast("list[Json]", spec.get(listed) or [])]
    return {**pod, "spec": spec}


def questions(
    given: Given, rules: Iterable[PodRule] = POD_RULES.values(), *, named: Collection[str] = ()
) -> list[Question[PodView]]:
    """Return what a policy of a level and version asks that names some rules of no level."""
    return [
        Question(rule, replace(given, parameters=_for(rule, given, named)))
        for rule in rules
        if (rule.profile <= given.profile or rule.slug in named) and rule.standard_since <= given.pod_security
    ]


def _for(rule: PodRule, given: Given, named: Collection[str]) -> Parameters:
    """Return the parameters of a rule: all that are given, but what is allowed means something else to each rule."""
    return given.parameters if rule.slug in named else replace(given.parameters, allow=())


def judged(
    document: Json,
    given: Given | None = None,
    prefix: Pointer = (),
    *,
    named: Collection[str] = (),
    setting: Setting | None = None,
) -> list[Finding]:
    """Return what the rules of a level and version find, and the rules that are named beside them."""
    return evaluate(questions(given or Given(), named=named), view(document, prefix, setting))


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
    named: Collection[str] = (),
) -> Policy:
    """Return a policy that asks the rules of its profile, and those it names, with the same parameters, and no others."""
    given = given or Given()
    unasked = {slug: RuleSetting(action=Action.OFF) for slug, rule in POD_RULES.items() if rule.profile > given.profile}
    asked = {
        slug: RuleSetting(override=override, parameters=_for(rule, given, named))
        for slug, rule in POD_RULES.items()
        if slug in named
        or rule.profile is given.profile is Profile.ADVISORY
        or (rule.profile <= given.profile and (override or given.parameters != Parameters()))
    }
    return Policy(
        name=name,
        profile=Profile(given.profile),
        action=action,
        patching=patching,
        templates=templates,
        pod_security=given.pod_security,
        rules=unasked | asked,
    )


def regime(*policies: Policy) -> Regime:
    """Return what is asked where policies hold together."""
    return compile_regime({each.name: compile_policy(each, POD_RULES.values()) for each in policies})


def patched(document: JsonMap, operations: Iterable[Operation]) -> JsonMap:
    """Return a document with RFC 6902 operations applied, as the API server does it."""
    return cast("JsonMap", jsonpatch.apply_patch(document, json.loads(json.dumps(list(operations)))))
