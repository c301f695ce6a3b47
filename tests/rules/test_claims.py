"""The policy for the threat model answers every claim that any rule answers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from charts import SAMPLES, load
from object_specimens import view_of
from specimens import HERE, pod_of, setting_of, view
from stridegate.engine.catalogue import RULES
from stridegate.engine.decide import decide
from stridegate.engine.evaluate import evaluate
from stridegate.engine.mend import mend
from stridegate.engine.policies import compile_policy, compile_regime
from stridegate.kube.policies import read_policy
from stridegate.model.rules import AnyRule, Example, Given, PodRule
from stridegate.model.settings import Setting
from stridegate.model.threats import COMPONENTS, THREATS

POLICY = read_policy(load(SAMPLES / "threat-model.yaml"), RULES).policy

# Its patch wants nodes that can map users, which a sample cannot know: the sample says so, and leaves it audited.
AUDITED = {"host-user-namespace"}


def spoken_of(rule: AnyRule, example: Example) -> set[str]:
    """Return the rules by which the policy refuses, heals or warns about an example."""
    held = compile_regime({POLICY.name: compile_policy(POLICY, RULES.values())})
    if isinstance(rule, PodRule):
        pod = view(pod_of(example), (), setting_of(example))
        decision = decide(held, evaluate(held.questions, pod), HERE)
        healed = {finding.rule.slug for finding in mend(held, pod, HERE).healed}
    else:
        there = view_of(rule, replace(example, setting=Setting(namespace=HERE.namespace)))
        decision = decide(held, evaluate(held.about(rule.subject), there), HERE)
        healed = set()
    return healed | {ruling.finding.rule.slug for ruling in (*decision.denied, *decision.warned)}


def examples_of(rule: AnyRule) -> tuple[list[Example], list[Example]]:
    """Return the bad examples of a rule, and those of them that are bad whatever a policy gives it."""
    bad = [each for each in rule.examples if each.verdict == "bad"]
    return bad, [each for each in bad if each.given == Given()]


@pytest.mark.parametrize("slug", [slug for slug in THREATS if any(slug in rule.threats for rule in RULES.values())])
def test_the_policy_for_the_threat_model_answers_a_claim(slug: str) -> None:
    answering = [rule for rule in RULES.values() if slug in rule.threats and rule.slug not in AUDITED]

    assert answering
    for rule in answering:
        some, certain = examples_of(rule)
        assert any(rule.slug in spoken_of(rule, each) for each in some), rule.slug
        assert all(rule.slug in spoken_of(rule, each) for each in certain), rule.slug


def test_every_claim_is_aimed_at_one_component() -> None:
    claims = [threat.slug for threats in COMPONENTS.values() for threat in threats]

    assert len(claims) == len(set(claims)) == len(THREATS)


def test_a_claim_that_no_rule_answers_says_who_does() -> None:
    ruled = {slug for rule in RULES.values() for slug in rule.threats}

    assert not [
        threat.slug for threat in THREATS.values() if not (threat.slug in ruled or threat.elsewhere or threat.unseen)
    ]
