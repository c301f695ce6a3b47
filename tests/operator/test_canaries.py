"""What the answers to the canary pods mean."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import msgspec
import pytest

from stridegate.engine.catalogue import POD_RULES
from stridegate.engine.evaluate import evaluate
from stridegate.engine.policies import compile_policy, compile_regime
from stridegate.kube.errors import Denied, KubeError, Refused, Unreachable
from stridegate.model.pods import PodTemplate
from stridegate.model.policies import CANARY_POLICY
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile
from stridegate.operator.canaries import Canary, Case, judge, pod

OURS = Denied("POST", 403, 'admission webhook "pods.validate.stridegate.dev" denied the request: Stridegate denied …')
ANOTHERS = Denied("POST", 403, 'admission webhook "pods.example.com" denied the request: no')
FORBIDDEN = Denied("POST", 403, 'pods is forbidden: User "x" cannot create resource "pods"')
DOWN = Refused("POST", 500, 'failed calling webhook "pods.validate.stridegate.dev": connection refused')
AWAY = Unreachable("POST", "timed out")


@pytest.mark.parametrize(
    ("case", "refusal", "well"),
    [
        (Case.GOOD, None, True),
        (Case.GOOD, OURS, False),
        (Case.GOOD, DOWN, False),
        (Case.BAD, OURS, True),
        (Case.BAD, None, False),
        (Case.BAD, ANOTHERS, False),
        (Case.BAD, FORBIDDEN, False),
        (Case.BAD, DOWN, False),
        (Case.BAD, AWAY, False),
    ],
)
def test_only_our_own_refusal_of_the_bad_pod_alone_is_well(case: Case, refusal: KubeError | None, well: bool) -> None:
    assert (judge(case, refusal) is None) is well


def test_the_problem_of_a_canary_is_the_first_that_there_is() -> None:
    at = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)

    assert Canary(at=at, problems={Case.GOOD: None, Case.BAD: None}).problem is None
    assert Canary(at=at, problems={Case.GOOD: None, Case.BAD: "admitted"}).problem == "admitted"


@pytest.mark.parametrize(("case", "found"), [(Case.GOOD, set()), (Case.BAD, {"runtime-annotation"})])
def test_the_canary_policy_finds_fault_with_the_bad_pod_alone(case: Case, found: set[str]) -> None:
    regime = compile_regime({CANARY_POLICY.name: compile_policy(CANARY_POLICY, POD_RULES.values())})
    asked = [question for question in regime.questions if any(each.action > 1 for each in regime.claims[question])]

    findings = evaluate(asked, PodView(msgspec.convert(pod(case), PodTemplate)))

    assert {finding.rule.slug for finding in findings} == found


def test_nobody_else_has_a_reason_to_refuse_the_bad_pod() -> None:
    standards = [rule for rule in POD_RULES.values() if rule.standard]
    regime = compile_regime(
        {"restricted": compile_policy(replace(CANARY_POLICY, profile=Profile.RESTRICTED), standards)}
    )

    assert evaluate(regime.questions, PodView(msgspec.convert(pod(Case.BAD), PodTemplate))) == []
