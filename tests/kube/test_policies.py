"""Reading HardeningPolicy objects: every field that is as it must be."""

from __future__ import annotations

from dataclasses import fields
from fractions import Fraction
from typing import Any

import pytest

from policy_objects import COMPLETE, changed
from stridegate.engine.catalogue import RULES as CATALOGUE
from stridegate.kube.policies import PolicyReading, read_policy
from stridegate.model.policies import Exclusion, LabelSelector, Operator, Policy, Requirement, RuleSetting, Workload
from stridegate.model.rules import NEWEST_POD_SECURITY_MINOR, Parameters, Quantity
from stridegate.model.vocabulary import Action, Patching, Profile


def read(obj: dict[str, Any]) -> PolicyReading:
    return read_policy(obj, CATALOGUE)


def test_every_field_is_read() -> None:
    reading = read(COMPLETE)

    assert reading == PolicyReading(
        generation=3,
        unknown_rules=(),
        policy=Policy(
            name="production",
            selector=LabelSelector(
                (
                    Requirement("tier", Operator.IN, frozenset({"production"})),
                    Requirement("team", Operator.IN, frozenset({"a", "b"})),
                    Requirement("example.com/trial", Operator.DOES_NOT_EXIST),
                )
            ),
            profile=Profile.RESTRICTED,
            action=Action.WARN,
            patching=Patching.SAFE,
            templates=Action.DENY,
            pod_security=30,
            rules_version=(0, 3),
            rules={
                "unlimited-memory": RuleSetting(
                    action=Action.DENY, parameters=Parameters(default=Quantity("256Mi", Fraction(2**28)))
                ),
                "excessive-memory-limit": RuleSetting(
                    parameters=Parameters(ceiling=Quantity("8589934592", Fraction(2**33)))
                ),
                "writable-root-filesystem": RuleSetting(
                    override=True,
                    parameters=Parameters(paths=("/scratch",), size_limit=Quantity("64Mi", Fraction(2**26))),
                ),
                "container-runtime-socket": RuleSetting(parameters=Parameters(sockets=("/run/user/*/engine.sock",))),
                "untrusted-registry": RuleSetting(
                    parameters=Parameters(allow=("*.registry.example:5000/team", "[2001:db8::1]/x"))
                ),
                "mutable-image-tag": RuleSetting(parameters=Parameters(tags=("stable",))),
                "system-priority-class": RuleSetting(parameters=Parameters(namespaces=("node-agents",))),
                "overlong-projected-token": RuleSetting(parameters=Parameters(maximum_seconds=3600)),
                "exec-into-privileged-pod": RuleSetting(
                    parameters=Parameters(namespaces=("vault",), groups=("vault:keepers", "system:masters"))
                ),
            },
            exclude=(
                Exclusion(
                    namespaces=frozenset({"node-agents"}),
                    reason="reads logs",
                    workload=Workload("DaemonSet", "log-reader"),
                    containers=frozenset({"reader"}),
                    rules=frozenset({"host-path-volume"}),
                ),
                Exclusion(namespaces=frozenset({"a", "b"}), reason="being retired"),
            ),
        ),
    )


def test_every_parameter_of_the_model_can_be_read() -> None:
    settings_read = read(COMPLETE).policy.rules.values()

    given_names = {
        each.name for setting in settings_read for each in fields(Parameters) if getattr(setting.parameters, each.name)
    }

    assert given_names == {each.name for each in fields(Parameters)}


def test_what_is_left_out_or_null_has_its_default() -> None:
    spec = {"profile": "baseline", "action": "audit", "patching": None, "rules": None, "exclude": None}

    reading = read({"metadata": {"name": "least"}, "spec": spec})

    assert reading == PolicyReading(
        generation=0,
        unknown_rules=(),
        policy=Policy(name="least", profile=Profile.BASELINE, action=Action.AUDIT),
    )


@pytest.mark.parametrize("selector", [None, {}, {"matchLabels": {}}, {"matchExpressions": []}])
def test_an_empty_selector_selects_everything(selector: object) -> None:
    policy = read(changed("spec/namespaceSelector", selector)).policy

    assert policy.selector.matches({"anything": "at all"})
    assert policy.selector.trusted


@pytest.mark.parametrize("profile", ["baseline", "restricted", "hardened"])
def test_each_profile_is_read(profile: str) -> None:
    assert str(read(changed("spec/profile", profile)).policy.profile) == profile


@pytest.mark.parametrize("action", ["off", "audit", "warn", "deny"])
def test_each_action_is_read(action: str) -> None:
    assert str(read(changed("spec/action", action)).policy.action) == action


@pytest.mark.parametrize("patching", ["none", "safe", "all"])
def test_each_patching_is_read(patching: str) -> None:
    assert str(read(changed("spec/patching", patching)).policy.patching) == patching


@pytest.mark.parametrize(
    ("version", "minor"),
    [("v1.0", 0), ("v1.36", 36), ("latest", NEWEST_POD_SECURITY_MINOR), ("v1.999", NEWEST_POD_SECURITY_MINOR)],
)
def test_a_pod_security_version_is_a_minor_and_the_future_means_the_newest(version: str, minor: int) -> None:
    assert read(changed("spec/podSecurityVersion", version)).policy.pod_security == minor


def test_an_unknown_rule_is_told_and_the_rest_holds() -> None:
    reading = read(changed("spec/rules/rule-of-tomorrow", {"parameters": {"of": "tomorrow"}}))

    assert reading.unknown_rules == ("rule-of-tomorrow",)
    assert "unlimited-memory" in reading.policy.rules
    assert "rule-of-tomorrow" not in reading.policy.rules


def test_an_exclusion_of_an_unknown_rule_does_not_become_one_of_every_rule() -> None:
    reading = read(changed("spec/exclude/1/rules", ["rule-of-tomorrow"]))

    assert reading.unknown_rules == ("rule-of-tomorrow",)
    assert reading.policy.exclude[1].rules == {"rule-of-tomorrow"}
