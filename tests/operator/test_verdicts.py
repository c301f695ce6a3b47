"""What the audit says of a pod that runs is what the webhook would say if it were created again."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from fractions import Fraction
from typing import cast

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leaves import NOW, exemption, let_off
from pod_strategies import everything
from reviewing import Asked, mutated, patched, validated
from specimens import policy
from stridegate.engine.audit import Refusal, appraise, plan
from stridegate.engine.catalogue import POD_RULES
from stridegate.engine.decide import Circumstances
from stridegate.engine.examples import JsonMap
from stridegate.engine.policies import compile_policy
from stridegate.engine.workloads import workload_of
from stridegate.kube.pods import read_pod
from stridegate.model.exemptions import Exemption
from stridegate.model.pods import ObjectMeta
from stridegate.model.policies import Exclusion, Policy, Workload
from stridegate.model.rules import Given, Parameters, Quantity
from stridegate.model.settings import Setting
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Action, Patching, Profile

many = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])

GENERATED = Workload("Pod", "generated")
PARAMETERS = Parameters(
    default=Quantity("256Mi", Fraction(256 * 2**20)),
    ceiling=Quantity("8Gi", Fraction(8 * 2**30)),
    size_limit=Quantity("64Mi", Fraction(64 * 2**20)),
    paths=("/srv/x", "/run"),
)
EXCLUSIONS = (
    (),
    (Exclusion(namespaces=frozenset({"shop"}), reason="it reads the logs", rules=frozenset({"host-path-volume"})),),
    (Exclusion(namespaces=frozenset({"shop"}), reason="it is being replaced", containers=frozenset({"c0"})),),
)


@st.composite
def policies(draw: st.DrawFn) -> list[Policy]:
    """Return a few policies, each with some of its rules set apart from the others."""
    return [_policy(draw, name) for name in ("first", "second", "third")[: draw(st.integers(1, 3))]]


def _policy(draw: st.DrawFn, name: str) -> Policy:
    made = policy(
        name,
        given=Given(
            pod_security=draw(st.sampled_from([21, 34, 37])),
            profile=draw(st.sampled_from([Profile.BASELINE, Profile.RESTRICTED, Profile.HARDENED])),
            parameters=draw(st.sampled_from([Parameters(), PARAMETERS])),
        ),
        action=draw(st.sampled_from([Action.AUDIT, Action.WARN, Action.DENY])),
        patching=draw(st.sampled_from(Patching)),
        override=draw(st.booleans()),
    )
    rules = dict(made.rules)
    for slug in draw(st.lists(st.sampled_from(sorted(rules)), max_size=4)) if rules else ():
        rules[slug] = replace(rules[slug], action=draw(st.sampled_from(Action)))
    return replace(made, rules=rules, exclude=draw(st.sampled_from(EXCLUSIONS)))


def raised(each: Policy) -> Policy:
    """Return a policy with every warning made a denial."""

    def up(action: Action) -> Action:
        return Action.DENY if action is Action.WARN else action

    rules = {
        slug: replace(setting, action=None if setting.action is None else up(setting.action))
        for slug, setting in each.rules.items()
    }
    return replace(each, action=up(each.action), rules=rules)


# Exemptions of the generated pod: for everything in one container, and for rules that the whole pod breaks.
EXEMPTIONS = (
    (),
    (
        exemption("whole", *list(POD_RULES)[::2], workload=GENERATED),
        exemption("narrow", *list(POD_RULES)[1::2], workload=GENERATED, containers=frozenset({"c0", "e0"})),
        exemption("over", *POD_RULES, workload=GENERATED, expires=NOW),
        exemption("another", *POD_RULES, workload=Workload("Pod", "another")),
    ),
)


def refuses(each: Policy, running: JsonMap, exemptions: tuple[Exemption, ...] = ()) -> bool:
    """Ask the webhook for a pod as its owner creates it again, and then for the ephemeral containers that it got."""
    pod = copy.deepcopy(running)
    spec = cast("JsonMap", pod["spec"])
    spec.pop("nodeName", None)
    ephemeral = spec.pop("ephemeralContainers", None)
    created = patched(pod, mutated(Asked(object=pod), each, exemptions=exemptions))
    if not validated(Asked(object=created), each, exemptions=exemptions).allowed:
        return True
    if not ephemeral:
        return False
    debugged = copy.deepcopy(created)
    cast("JsonMap", debugged["spec"])["ephemeralContainers"] = ephemeral
    asked = Asked(object=debugged, old=created, operation="UPDATE", subresource="ephemeralcontainers")
    return not validated(asked, each, exemptions=exemptions).allowed


def audited(running: JsonMap, *asked: Policy, exemptions: tuple[Exemption, ...] = ()) -> dict[str, Refusal]:
    """Return the audit's refusals of a pod, by policy."""
    pod = read_pod(msgspec.Raw(json.dumps(running).encode()))
    view = PodView(pod, (), Setting(namespace="shop", creating=False))
    circumstances = Circumstances(namespace="shop", workload=workload_of(pod.metadata or ObjectMeta()))
    circumstances = let_off(exemptions, view, circumstances=circumstances)
    compiled = {each.name: compile_policy(each, POD_RULES.values()) for each in asked}
    refusals = appraise(plan(compiled), view, circumstances).refusals
    return {name: each for each in refusals for name in each.policies}


@many
@given(running=everything(), asked=policies(), exemptions=st.sampled_from(EXEMPTIONS))
def test_the_audit_refuses_what_the_webhook_would_under_each_policy_alone(
    running: JsonMap, asked: list[Policy], exemptions: tuple[Exemption, ...]
) -> None:
    refusals = audited(running, *asked, exemptions=exemptions)

    assert {each.name: each.name in refusals for each in asked} == {
        each.name: refuses(raised(each), running, exemptions) for each in asked
    }


@many
@given(running=everything(), asked=policies())
def test_a_survivor_is_what_the_webhook_would_refuse_today(running: JsonMap, asked: list[Policy]) -> None:
    refusals = audited(running, *asked)

    surviving = {name for name, refusal in refusals.items() if refusal.today}
    assert surviving == {each.name for each in asked if refuses(each, running)}
