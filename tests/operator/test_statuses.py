"""What a policy's status says: every reason, and when it is written at all."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from stridegate.engine.catalogue import POD_RULES
from stridegate.kube.objects import Metadata
from stridegate.kube.standings import Standing
from stridegate.model.policies import LabelSelector, Operator, Policy, Requirement
from stridegate.model.vocabulary import Action, Profile
from stridegate.operator.canaries import Canary, Case
from stridegate.operator.certificates import State
from stridegate.operator.conditions import Condition, to_apply
from stridegate.operator.installation import Health
from stridegate.operator.reporting import PolicyBook
from stridegate.operator.statuses import (
    Facts,
    Reason,
    Type,
    enforcing,
    ready,
    selector_trusted,
    status_of,
)

NOW = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
WELL = Health(
    state=State.STEADY,
    unarmed=None,
    trial=False,
    drift=None,
    certificate=None,
    matching={},
    authority_expiry=None,
    leaf_expiry=None,
)
SINGS = Canary(at=NOW, problems={Case.GOOD: None, Case.BAD: None})
SILENT = Canary(at=NOW, problems={Case.GOOD: None, Case.BAD: "a pod that the policy canary refuses was admitted"})
POLICY = Policy(name="p", profile=Profile.HARDENED, action=Action.DENY)
BY_LABEL = LabelSelector((Requirement("tier", Operator.EXISTS),))


def written(**spec: object) -> dict[str, Any]:
    return {
        "metadata": {"name": "p", "uid": "1", "generation": 2},
        "spec": {"profile": "hardened", "action": "deny"} | spec,
    }


def outcome(obj: Mapping[str, object]) -> Condition:
    (reported,) = PolicyBook(POD_RULES).read([(Metadata(name="p", uid="1"), obj)])
    return ready(reported.standing)


@pytest.mark.parametrize(
    ("health", "canary", "guard", "reason"),
    [
        (WELL, SINGS, None, Reason.ENFORCING),
        (replace(WELL, unarmed="no entries"), SINGS, None, Reason.NOT_ARMED),
        (replace(WELL, drift="another failurePolicy"), SINGS, None, Reason.CONFIGURATION_DRIFT),
        (replace(WELL, certificate="expired"), SINGS, None, Reason.CERTIFICATE_INVALID),
        (WELL, SILENT, None, Reason.CANARY_FAILED),
        (WELL, None, None, Reason.CANARY_FAILED),
        (WELL, SINGS, "the binding does not exist", Reason.EXEMPTION_GUARD_MISSING),
        (WELL, SILENT, "the binding does not exist", Reason.CANARY_FAILED),
        (replace(WELL, unarmed="u", drift="d", certificate="c"), SILENT, None, Reason.NOT_ARMED),
        (replace(WELL, drift="d", certificate="c"), SILENT, None, Reason.CONFIGURATION_DRIFT),
        (replace(WELL, certificate="c"), SILENT, None, Reason.CERTIFICATE_INVALID),
    ],
)
def test_enforcing_names_the_first_link_that_is_broken(
    health: Health, canary: Canary | None, guard: str | None, reason: Reason
) -> None:
    condition = enforcing(health, canary, guard)

    assert condition.reason is reason
    assert condition.met is (reason is Reason.ENFORCING)


def test_a_trial_says_what_keeps_it_from_ending() -> None:
    tried = replace(WELL, unarmed="on trial", trial=True)

    assert enforcing(tried, SILENT, None).message == "on trial: a pod that the policy canary refuses was admitted"
    assert enforcing(tried, None, None).message == "on trial"


def test_a_policy_that_is_understood_is_ready() -> None:
    assert (outcome(written()).met, outcome(written()).reason) == (True, Reason.COMPILED)


def test_a_policy_that_cannot_be_read_says_where() -> None:
    condition = outcome(written(patching="some"))

    assert (condition.met, condition.reason) == (False, Reason.INVALID)
    assert "spec.patching: wanted none, safe or all, got 'some'" in condition.message


def test_an_unknown_rule_makes_a_policy_not_ready() -> None:
    condition = outcome(written(rules={"rule-of-tomorrow": {}}))

    assert (condition.met, condition.reason) == (False, Reason.UNKNOWN_RULE)
    assert "rule-of-tomorrow" in condition.message


@pytest.mark.parametrize(
    ("selector", "reason"),
    [
        (LabelSelector(), Reason.TRUSTED),
        (
            LabelSelector((Requirement("kubernetes.io/metadata.name", Operator.NOT_IN, frozenset({"a"})),)),
            Reason.TRUSTED,
        ),
        (BY_LABEL, Reason.EDITABLE_LABEL),
    ],
)
def test_a_selector_is_trusted_where_namespace_editors_cannot_leave_it(selector: LabelSelector, reason: Reason) -> None:
    condition = selector_trusted(replace(POLICY, selector=selector))

    assert condition.reason is reason
    assert condition.met is (reason is Reason.TRUSTED)


def test_every_reason_is_reached_by_a_test_above() -> None:
    reached = {Reason.COMPILED, Reason.INVALID, Reason.UNKNOWN_RULE, Reason.TRUSTED, Reason.EDITABLE_LABEL}
    reached |= {Reason.ENFORCING, Reason.NOT_ARMED, Reason.CONFIGURATION_DRIFT, Reason.CERTIFICATE_INVALID}
    reached |= {Reason.CANARY_FAILED, Reason.EXEMPTION_GUARD_MISSING}

    assert reached == set(Reason)


FIELDS = {"observedGeneration": 2, "namespaces": 3}
CONDITION = Condition(type=Type.READY, met=True, reason=Reason.COMPILED, message="fine")


def test_the_first_status_is_written_with_the_time() -> None:
    assert to_apply(FIELDS, [CONDITION], None, NOW) == {
        "observedGeneration": 2,
        "namespaces": 3,
        "conditions": [
            {
                "type": "Ready",
                "status": "True",
                "reason": "Compiled",
                "message": "fine",
                "observedGeneration": 2,
                "lastTransitionTime": "2030-01-01T00:00:00Z",
            }
        ],
    }


def test_the_same_status_is_not_written_again() -> None:
    live = to_apply(FIELDS, [CONDITION], None, NOW)

    assert to_apply(FIELDS, [CONDITION], live, NOW + dt.timedelta(days=1)) is None


def test_what_others_wrote_into_the_status_is_no_difference() -> None:
    live = to_apply(FIELDS, [CONDITION], None, NOW) or {}
    live |= {"wouldDeny": 3, "conditions": [*live["conditions"], {"type": "Other", "status": "True"}]}  # type: ignore[misc] # a list

    assert to_apply(FIELDS, [CONDITION], live, NOW) is None


@pytest.mark.parametrize(
    "condition",
    [
        replace(CONDITION, message="finer"),
        replace(CONDITION, reason=Reason.TRUSTED),
    ],
)
def test_a_transition_time_stays_while_the_status_does(condition: Condition) -> None:
    live = to_apply(FIELDS, [CONDITION], None, NOW)

    status: Any = to_apply(FIELDS, [condition], live, NOW + dt.timedelta(days=1))

    assert status["conditions"][0]["lastTransitionTime"] == "2030-01-01T00:00:00Z"


def test_a_transition_time_changes_with_the_status() -> None:
    live = to_apply(FIELDS, [CONDITION], None, NOW)

    status: Any = to_apply(FIELDS, [replace(CONDITION, met=False)], live, NOW + dt.timedelta(days=1))

    assert status["conditions"][0]["lastTransitionTime"] == "2030-01-02T00:00:00Z"


@pytest.mark.parametrize("live", ["broken", {"conditions": "broken"}, {"conditions": ["broken"]}])
def test_a_status_that_is_broken_is_replaced(live: object) -> None:
    assert to_apply(FIELDS, [CONDITION], live, NOW) is not None


def test_a_message_fits_the_schema() -> None:
    status: Any = to_apply(FIELDS, [replace(CONDITION, message="x" * 5000)], None, NOW)

    assert len(status["conditions"][0]["message"]) == 1024


SCOPE = LabelSelector((Requirement("kubernetes.io/metadata.name", Operator.NOT_IN, frozenset({"kube-system"})),))


def namespaces(*names: str) -> dict[str, dict[str, str]]:
    return {name: {"kubernetes.io/metadata.name": name, "tier": name} for name in names}


def facts(*names: str) -> Facts:
    return Facts(health=WELL, canary=SINGS, guard=None, namespaces=namespaces(*names), scope=SCOPE)


def count(policy: Policy, *names: str) -> object:
    return status_of(Standing(policy=policy), 2, facts(*names))[0]["namespaces"]


def test_namespaces_are_counted_that_the_policy_selects() -> None:
    selector = LabelSelector((Requirement("tier", Operator.IN, frozenset({"a", "b", "z"})),))

    assert count(replace(POLICY, selector=selector), "a", "b", "c") == 2


def test_namespaces_out_of_the_webhooks_scope_and_the_canarys_are_not_counted() -> None:
    assert count(POLICY, "a", "kube-system", "stridegate-canary") == 1


def test_a_broken_policy_keeps_its_last_good_version() -> None:
    book = PolicyBook(POD_RULES)
    metadata = Metadata(name="p", uid="1")
    book.read([(metadata, written(action="warn"))])

    (reported,) = book.read([(metadata, written(action="wrong"))])

    assert reported.broken
    assert reported.standing.policy is not None
    assert reported.standing.policy.action is Action.WARN
    assert "generation 2 stays in force" in ready(reported.standing).message


def test_a_policy_that_was_broken_at_the_start_counts_as_its_strictest_reading() -> None:
    (reported,) = PolicyBook(POD_RULES).read([(Metadata(name="p", uid="1"), written(action="wrong"))])

    assert reported.standing.policy is not None
    assert reported.standing.policy.action is Action.DENY
    assert "counts as the strictest" in ready(reported.standing).message


def test_a_new_policy_that_is_broken_is_invalid_and_enforced_nowhere() -> None:
    book = PolicyBook(POD_RULES)
    book.read([(Metadata(name="p", uid="1"), written(action="warn"))])

    (reported,) = book.read([(Metadata(name="p", uid="2"), written(action="wrong"))])

    fields, conditions = status_of(reported.standing, 2, facts("a"))
    assert reported.standing.policy is None
    assert fields["namespaces"] == 0
    assert [(each.type, each.met, each.reason) for each in conditions] == [
        (Type.READY, False, Reason.INVALID),
        (Type.ENFORCING, False, Reason.INVALID),
    ]
