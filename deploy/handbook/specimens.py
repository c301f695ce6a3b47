"""What becomes of an example: what its rule says about it, and what the webhook makes of it."""

from __future__ import annotations

import difflib
import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast, get_type_hints

import jsonpatch
import msgspec
import yaml

from stridegate.engine.catalogue import POD_RULES
from stridegate.engine.decide import Circumstances
from stridegate.engine.evaluate import evaluate
from stridegate.engine.examples import JsonMap, example_object, example_pod
from stridegate.engine.harden import Operation, harden
from stridegate.engine.mend import mend
from stridegate.engine.policies import compile_policy, compile_regime
from stridegate.kube.policies import PARAMETERS
from stridegate.model.findings import Finding
from stridegate.model.pods import PodTemplate
from stridegate.model.policies import Policy, RuleSetting, Workload
from stridegate.model.rules import (
    NEWEST_POD_SECURITY_MINOR,
    AnyRule,
    ConnectionRule,
    Example,
    Given,
    Parameters,
    PodRule,
    Quantity,
    Question,
)
from stridegate.model.settings import Setting
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Action, Outcome, Patching, Profile

_HERE = Circumstances(namespace="shop", workload=Workload("Pod", "example"))


class Remedy(enum.Enum):
    """Who heals a violation, the readiest first."""

    SAFE = "safe"
    RISKY = "risky"
    OVERRIDE = "override"
    AUTHOR = "by the author"


@dataclass(frozen=True, slots=True, kw_only=True)
class Specimen:
    """An example with what its rule finds in it, and how that is healed, as a diff of the manifest."""

    example: Example
    findings: tuple[Finding, ...]
    remedy: Remedy | None = None
    diff: str = ""

    @property
    def title(self) -> str:
        """What the example shows."""
        return self.example.title

    @property
    def only_warned(self) -> bool:
        """Whether the rule warns at most, whatever the policy's action."""
        return all(finding.outcome is Outcome.WARN for finding in self.findings)


def specimen(rule: AnyRule, example: Example) -> Specimen:
    """Return what becomes of an example under its own rule alone."""
    setting = example.setting or Setting(namespace=_HERE.namespace)
    if not isinstance(rule, PodRule):
        return Specimen(example=example, findings=_found_in_object(rule, example, setting))
    pod = example_pod(yaml.safe_load(example.spec), example.annotations)
    view = PodView(msgspec.convert(pod, PodTemplate), (), setting)
    findings = tuple(evaluate([Question(rule, example.given)], view))
    for remedy, operations in _remedies(rule, example.given, view, findings):
        if operations:
            return Specimen(example=example, findings=findings, remedy=remedy, diff=_difference(pod, operations))
    return Specimen(example=example, findings=findings)


def _found_in_object(rule: AnyRule, example: Example, setting: Setting) -> tuple[Finding, ...]:
    """Return what a rule finds in an example of another kind than a pod, read as the shape that its view declares."""
    document = example_object(rule, yaml.safe_load(example.spec))
    fields = document.get("spec", {"namespace": setting.namespace, **document})
    shape = get_type_hints(rule.subject)["shape"]
    return tuple(evaluate([Question(rule, example.given)], rule.subject(msgspec.convert(fields, shape))))


def _remedies(
    rule: PodRule, given: Given, pod: PodView, findings: tuple[Finding, ...]
) -> Iterator[tuple[Remedy, list[Operation]]]:
    """Yield what heals a pod under ever bolder policies, and at last what its author can do."""
    for remedy, patching, override in (
        (Remedy.SAFE, Patching.SAFE, False),
        (Remedy.RISKY, Patching.ALL, False),
        (Remedy.OVERRIDE, Patching.ALL, True),
    ):
        regime = compile_regime({"alone": compile_policy(_alone(rule, given, patching, override), POD_RULES.values())})
        yield remedy, mend(regime, pod, _HERE).operations
    authored = [
        (finding, finding.violation.patch)
        for finding in findings
        if finding.violation is not None and finding.violation.patch is not None and finding.violation.patch.authored
    ]
    yield Remedy.AUTHOR, harden(pod, authored).operations


def _alone(rule: PodRule, given: Given, patching: Patching, override: bool) -> Policy:  # noqa: FBT001 - as the policy says it
    return Policy(
        name="alone",
        profile=given.profile,
        action=Action.OFF,
        patching=patching,
        pod_security=given.pod_security,
        rules={slug: RuleSetting(action=Action.OFF) for slug in POD_RULES}
        | {rule.slug: RuleSetting(action=Action.DENY, override=override, parameters=given.parameters)},
    )


def _difference(pod: JsonMap, operations: list[Operation]) -> str:
    """Return what operations change in a manifest, as people read it in a diff."""
    healed = cast("JsonMap", jsonpatch.apply_patch(pod, msgspec.json.decode(msgspec.json.encode(operations))))
    before, after = manifest(pod).splitlines(), manifest(healed).splitlines()
    # The first two lines name files, of which there are none.
    lines = list(difflib.unified_diff(before, after, lineterm="", n=2))[2:]
    return "\n".join(" …" if line.startswith("@@") else line for line in lines)


def manifest(value: Mapping[str, object]) -> str:
    """Return a value as YAML, in blocks, as manifests are written."""
    written: str = yaml.safe_dump(dict(value), sort_keys=False, width=110, allow_unicode=True)
    return written


def shown(rule: AnyRule, example: Example) -> str:
    """Return an example as YAML: what it lays over the plainest object; of a connection, what is told about the user."""
    metadata = {"metadata": {"annotations": dict(example.annotations)}} if example.annotations else {}
    told = "userInfo" if isinstance(rule, ConnectionRule) else "spec"
    return manifest(metadata | {told: yaml.safe_load(example.spec)})


def conditions(example: Example) -> str:
    """Return under which policy, and where, an example holds, as far as that matters: the beginning of a sentence, or nothing."""
    given = example.given
    policy = []
    if given.pod_security != NEWEST_POD_SECURITY_MINOR:
        policy.append(f"`podSecurityVersion: v1.{given.pod_security}`")
    if given.profile is not Profile.HARDENED:
        policy.append(f"`profile: {given.profile}`")
    if given.parameters != Parameters():
        policy.append(f"`parameters: {parameters_of(given.parameters)}`")
    told = [f"under {' and '.join(policy)}"] if policy else []
    told += [] if example.setting is None else _places(example.setting)
    return ", ".join(told)


def _places(setting: Setting) -> Iterator[str]:
    if setting.mirror:
        yield "the mirror of a static pod"
    elif setting.template:
        yield "in a template"
    elif not setting.creating:
        yield "in a pod that is already there"
    if setting.namespace not in ("", _HERE.namespace):
        yield f"in the namespace `{setting.namespace}`"


def parameters_of(parameters: Parameters) -> str:
    """Return parameters as a policy writes them, in one line."""
    values: dict[str, object] = {}
    for written, name in PARAMETERS.items():
        value: object = getattr(parameters, name)
        if isinstance(value, Quantity):
            values[written] = value.text
        elif isinstance(value, tuple):
            if value:
                values[written] = list(value)
        elif value is not None:
            values[written] = value
    flow: str = yaml.safe_dump(values, default_flow_style=True, sort_keys=False, width=10_000)
    return flow.strip()
