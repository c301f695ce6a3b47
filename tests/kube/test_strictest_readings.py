"""What counts of a HardeningPolicy that cannot be read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from policy_objects import COMPLETE, changed
from stridegate.engine.catalogue import RULES as CATALOGUE
from stridegate.kube.policies import PolicyReading, policy_generation, read_policy, strictest_reading
from stridegate.model.policies import LabelSelector, Policy, RuleSetting
from stridegate.model.rules import NEWEST_POD_SECURITY_MINOR
from stridegate.model.vocabulary import Action, Patching, Profile


def read(obj: dict[str, Any]) -> PolicyReading:
    return read_policy(obj, CATALOGUE)


def test_the_strictest_reading_keeps_what_is_clear() -> None:
    broken = changed("spec/podSecurityVersion", "wrong")

    policy = strictest_reading(broken, CATALOGUE)

    clear = read(COMPLETE).policy
    assert policy == replace(
        clear,
        pod_security=NEWEST_POD_SECURITY_MINOR,
        exclude=tuple(replace(each, reason="unclear") for each in clear.exclude),
    )


@pytest.mark.parametrize(
    ("path", "value", "meant"),
    [
        ("spec/action", "sometimes", {"action": Action.DENY}),
        ("spec/templates", "sometimes", {"templates": Action.DENY}),
        ("spec/profile", "perfect", {"profile": Profile.HARDENED}),
        ("spec/patching", "much", {"patching": Patching.NONE}),
        ("spec/namespaceSelector", "all", {"selector": LabelSelector()}),
        ("spec/rulesVersion", "old", {"rules_version": None}),
        ("spec/rules", "many", {"rules": {}}),
        ("spec/exclude", "nothing", {"exclude": ()}),
    ],
)
def test_the_strictest_reading_takes_what_is_unclear_as_the_strictest(
    path: str, value: object, meant: dict[str, object]
) -> None:
    policy = strictest_reading(changed(path, value), CATALOGUE)

    assert {name: getattr(policy, name) for name in meant} == meant


@pytest.mark.parametrize(
    ("setting", "meant"),
    [
        ({"action": "off", "parameters": {"default": "1.5"}}, Action.OFF),
        ({"action": "sometimes"}, Action.DENY),
        ({"parameters": {"ceiling": "1Gi"}}, None),
        ("broken", Action.DENY),
    ],
)
def test_the_strictest_reading_keeps_an_explicit_action_of_a_rule(setting: object, meant: Action | None) -> None:
    policy = strictest_reading(changed("spec/rules/unlimited-memory", setting), CATALOGUE)

    assert policy.rules["unlimited-memory"] == RuleSetting(action=meant)


@pytest.mark.parametrize(
    ("path", "value", "kept"),
    [
        ("spec/exclude/0/reason", " " * 10, 2),
        ("spec/exclude/0/containers", [1], 1),
        ("spec/exclude/0/nodes", ["n"], 1),
    ],
)
def test_the_strictest_reading_keeps_clear_exclusions(path: str, value: object, kept: int) -> None:
    policy = strictest_reading(changed(path, value), CATALOGUE)

    assert len(policy.exclude) == kept


def test_the_strictest_reading_of_nothing_is_hardened_everywhere() -> None:
    policy = strictest_reading({"metadata": None, "spec": "broken"}, CATALOGUE)

    assert policy == Policy(name="", profile=Profile.HARDENED, action=Action.DENY, templates=Action.DENY)


@pytest.mark.parametrize("metadata", [None, [], {}, {"generation": "3"}])
def test_a_generation_that_is_none_counts_as_zero(metadata: object) -> None:
    assert policy_generation({"metadata": metadata}) == 0
