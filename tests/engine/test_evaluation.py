"""A rule that cannot judge is a finding of its own, and takes no other rule with it."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest

from specimens import HERE, laid_over, pod_of, policy, slugs, view
from stridegate.engine.catalogue import POD_RULES
from stridegate.engine.decide import decide, patches
from stridegate.engine.evaluate import evaluate
from stridegate.engine.policies import Regime, compile_policy, compile_regime
from stridegate.model.errors import WrongType
from stridegate.model.pods import PodTemplate
from stridegate.model.rules import Given, PodRule, Question, Violation
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Outcome, Profile

PRIVILEGED = POD_RULES["privileged-container"]
POD = laid_over("containers: [{name: app, securityContext: {privileged: true}}]")


def breaks(pod: PodView, given: Given) -> Iterator[Violation]:
    """Find what the real rule finds, then break."""
    yield from PRIVILEGED.check(pod, given)
    raise ZeroDivisionError


def misreads(pod: PodView, _: Given) -> Iterator[Violation]:
    """Refuse the first container."""
    yield from ()
    raise WrongType(pod.containers[0].owner, "a map", "text")


BROKEN = replace(PRIVILEGED, slug="broken", check=breaks)
MISREADING = replace(PRIVILEGED, slug="misreading", check=misreads)


def asked(*rules: PodRule) -> Regime:
    return compile_regime({"production": compile_policy(policy(), rules)})


def test_what_was_found_before_a_rule_broke_is_kept(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        found = evaluate([Question(BROKEN, Given()), Question(PRIVILEGED, Given())], view(POD))

    assert [(each.rule.slug, each.outcome) for each in found] == [
        ("broken", Outcome.FAIL),
        ("broken", Outcome.ERROR),
        ("privileged-container", Outcome.FAIL),
    ]
    assert "broken" in caplog.text


def test_an_error_denies_where_its_policy_denies_and_shows_no_traceback(caplog: pytest.LogCaptureFixture) -> None:
    regime = asked(BROKEN)

    with caplog.at_level(logging.CRITICAL):
        decision = decide(regime, evaluate(regime.questions, view(POD)), HERE)

    sentences = [each.finding.sentence for each in decision.denied]
    assert "could not be evaluated: the rule failed; the log has the details" in sentences
    assert "ZeroDivisionError" not in str(sentences)


def test_an_error_that_knows_its_place_says_it() -> None:
    (found,) = evaluate([Question(MISREADING, Given())], view(POD))

    assert found.outcome is Outcome.ERROR
    assert found.sentence == "could not be evaluated: containers[app]: wanted a map, got a string"


def test_an_error_is_never_patched() -> None:
    regime = asked(MISREADING)

    assert not patches(regime, evaluate(regime.questions, view(POD)), HERE)


def test_questions_are_answered_in_their_order() -> None:
    questions = [Question(rule, Given()) for rule in POD_RULES.values() if rule.profile <= Profile.HARDENED]

    found = evaluate(questions, view(laid_over("{hostPID: true, hostNetwork: true, securityContext: null}")))

    asked_first = [question.rule.slug for question in questions]
    assert [each.rule.slug for each in found] == sorted((each.rule.slug for each in found), key=asked_first.index)
    assert slugs(found) == {"host-pid", "host-network", "possible-root-user", "missing-seccomp-profile"}


def test_a_judged_pod_leaves_nothing_to_the_garbage_collector() -> None:
    asked = [Question(rule, Given()) for rule in POD_RULES.values()]
    pods = [view(pod_of(example)) for rule in POD_RULES.values() for example in rule.examples]
    again = [PodTemplate(metadata=pod.metadata, spec=pod.shape) for pod in pods]
    gc.collect()
    gc.disable()

    for template in again:
        evaluate(asked, PodView(template))
    left = gc.collect()

    gc.enable()
    assert again
    assert left == 0
