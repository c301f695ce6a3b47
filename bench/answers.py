"""What is the right answer: the one that both sides give, found by two implementations of the same checks."""

from __future__ import annotations

import re

import jsonpatch

from bench.callers import patch_of, uid_of
from bench.plain_checks import CHECKS, violations
from bench.plain_patches import mend
from bench.reviews import Object, Scenario, pod
from stridegate.engine.catalogue import POD_RULES
from stridegate.model.vocabulary import Profile

_NUMBERED = re.compile(r"^\d+\. ([a-z-]+)", re.MULTILINE)


def check_catalogue() -> None:
    """Raise AssertionError where the plain checks lack a rule of the standards, or have one that is none."""
    standards = {slug for slug, rule in POD_RULES.items() if rule.profile <= Profile.RESTRICTED}
    assert standards <= set(CHECKS), f"there are no plain checks for {sorted(standards - set(CHECKS))}"
    assert set(CHECKS) <= set(POD_RULES), f"there are no rules for {sorted(set(CHECKS) - set(POD_RULES))}"


def judge(scenario: Scenario, number: int, response: Object) -> None:
    """Raise AssertionError where a response is not what the plain checks and patches lead to."""
    document = pod(scenario, number)
    assert response["uid"] == uid_of(scenario, number), response
    if scenario is Scenario.CARELESS:
        assert response["allowed"], response
        patched = jsonpatch.apply_patch(document, patch_of(response))
        mend(document)
        assert patched == document, jsonpatch.make_patch(document, patched).patch
        assert not violations(document), violations(document)
        return
    found = {slug for slug, _ in violations(document)}
    told = set(_NUMBERED.findall(response.get("status", {}).get("message", "")))
    assert response["allowed"] is (not found), response
    assert told == found, sorted(told ^ found)


def judge_constant(_scenario: Scenario, _number: int, response: Object) -> None:
    """Raise AssertionError where a constant response is another."""
    assert response == {"uid": "", "allowed": True}, response
