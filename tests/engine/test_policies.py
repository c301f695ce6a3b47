"""What policies ask, alone and together."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import pytest

from specimens import HERE, judged, laid_over, policy, regime, slugs, view
from stridegate.engine.catalogue import POD_RULES
from stridegate.engine.decide import Circumstances, decide
from stridegate.engine.evaluate import evaluate
from stridegate.engine.mend import mend
from stridegate.engine.policies import Regime, claim, compile_policy, compile_regime
from stridegate.model.findings import Decision
from stridegate.model.policies import CANARY_POLICY, DEFAULT_POLICY, Policy, RuleSetting
from stridegate.model.quantities import parse_quantity
from stridegate.model.rules import Given, Parameters, PodRule, Quantity
from stridegate.model.vocabulary import Action, Patching, Profile

PRIVILEGED = laid_over("containers: [{name: app, securityContext: {privileged: true, allowPrivilegeEscalation: null}}]")
CARELESS = laid_over("containers: [{name: app, securityContext: null, resources: null}]")


def decided(pod: object, *policies: Policy, where: Circumstances = HERE) -> Decision:
    asked = regime(*policies)
    return decide(asked, evaluate(asked.questions, view(pod)), where)  # type: ignore[arg-type] # any JSON


def actions(decision: Decision) -> dict[str, Action]:
    rulings = decision.denied + decision.warned + decision.audited
    return {each.finding.rule.slug: each.action for each in rulings}


def named(slug: str, setting: RuleSetting, *, name: str = "named", profile: Profile = Profile.BASELINE) -> Policy:
    return Policy(name=name, profile=profile, action=Action.AUDIT, rules={slug: setting})


@pytest.mark.parametrize(
    ("profile", "count"),
    [
        (Profile.BASELINE, {Profile.BASELINE}),
        (Profile.RESTRICTED, {Profile.BASELINE, Profile.RESTRICTED}),
        (Profile.HARDENED, {Profile.BASELINE, Profile.RESTRICTED, Profile.HARDENED}),
    ],
)
def test_a_profile_asks_the_rules_of_its_level_and_below(profile: Profile, count: set[Profile]) -> None:
    asked = {question.rule.profile for question in regime(policy(given=Given(profile=profile))).questions}

    assert asked == count


def test_a_policy_that_is_off_asks_nothing() -> None:
    assert not regime(policy(action=Action.OFF)).questions


def test_a_rule_above_the_profile_is_asked_when_it_is_named() -> None:
    found = decided(CARELESS, named("unlimited-memory", RuleSetting(action=Action.DENY)))

    assert [each.finding.rule.slug for each in found.denied] == ["unlimited-memory"]


def test_a_named_rule_without_an_action_has_the_policys() -> None:
    assert actions(decided(CARELESS, named("unlimited-memory", RuleSetting())))["unlimited-memory"] is Action.AUDIT


def test_a_named_rule_can_be_switched_off() -> None:
    quiet = Policy(
        name="quiet",
        profile=Profile.HARDENED,
        action=Action.DENY,
        rules={"privileged-container": RuleSetting(action=Action.OFF)},
    )

    assert slugs(each.finding for each in decided(PRIVILEGED, quiet).denied) == {"privilege-escalation"}


def advisory(slug: str = "privileged-container") -> dict[str, PodRule]:
    return {slug: replace(POD_RULES[slug], profile=Profile.ADVISORY, references=())}


@pytest.mark.parametrize(
    ("action", "setting", "becomes"),
    [
        (Action.DENY, None, Action.AUDIT),
        (Action.WARN, None, Action.AUDIT),
        (Action.OFF, None, None),
        (Action.DENY, RuleSetting(), Action.DENY),
        (Action.AUDIT, RuleSetting(action=Action.WARN), Action.WARN),
    ],
)
def test_an_advisory_rule_is_audited_until_it_is_named(
    action: Action, setting: RuleSetting | None, becomes: Action | None
) -> None:
    (rule,) = advisory().values()
    rules = {rule.slug: setting} if setting else {}

    claimed = claim(Policy(name="p", profile=Profile.BASELINE, action=action, rules=rules), rule)

    assert (claimed.action if claimed else None) is becomes


@pytest.mark.parametrize(
    ("rules_version", "since", "named_too", "action"),
    [
        (None, "v9.0", False, Action.DENY),
        ((0, 3), "v0.3", False, Action.DENY),
        ((0, 3), "v0.4", False, Action.AUDIT),
        ((0, 9), "v0.10", False, Action.AUDIT),
        ((0, 3), "v0.4", True, Action.DENY),
    ],
)
def test_a_rule_of_ours_that_is_newer_than_the_pin_is_audited_until_it_is_named(
    rules_version: tuple[int, int] | None, since: str, named_too: bool, action: Action
) -> None:
    rule = replace(POD_RULES["unlimited-memory"], since=since)
    settings = {rule.slug: RuleSetting()} if named_too else {}
    asking = Policy(name="p", profile=Profile.HARDENED, action=Action.DENY, rules_version=rules_version, rules=settings)

    claimed = claim(asking, rule)

    assert claimed is not None
    assert claimed.action is action


def test_the_standards_are_pinned_by_their_own_version_alone() -> None:
    rule = replace(POD_RULES["root-user"], since="v9.0")

    claimed = claim(Policy(name="p", profile=Profile.HARDENED, action=Action.DENY, rules_version=(0, 1)), rule)

    assert claimed is not None
    assert claimed.action is Action.DENY


@pytest.mark.parametrize(("minor", "asked"), [(22, False), (23, True)])
def test_a_check_that_the_pinned_version_does_not_have_is_off(minor: int, asked: bool) -> None:
    questions = regime(policy(given=Given(pod_security=minor))).questions

    assert ("root-user" in {question.rule.slug for question in questions}) is asked


def test_two_policies_the_strictest_wins_rule_by_rule() -> None:
    lax = policy("a-lax", action=Action.AUDIT)
    strict = named("privileged-container", RuleSetting(action=Action.DENY), name="strict")

    found = decided(PRIVILEGED, lax, strict)

    assert [(each.finding.rule.slug, each.policy) for each in found.denied] == [("privileged-container", "strict")]
    assert actions(found)["privilege-escalation"] is Action.AUDIT


def test_at_a_tie_the_first_by_name_speaks() -> None:
    found = decided(PRIVILEGED, policy("zeta"), policy("alpha"))

    assert {each.policy for each in found.denied} == {"alpha"}
    assert found.policies == ("alpha", "zeta")


def test_each_policy_judges_with_its_own_parameters() -> None:
    def ceiling(name: str, size: str, action: Action) -> Policy:
        parameters = Parameters(ceiling=Quantity(size, parse_quantity(size)))
        return named("excessive-memory-limit", RuleSetting(action=action, parameters=parameters), name=name)

    pod = laid_over("containers: [{name: app, resources: {limits: {memory: 3Gi}}}]")
    policies = (ceiling("low", "2Gi", Action.WARN), ceiling("high", "4Gi", Action.DENY))

    found = decided(pod, *policies)

    assert [each.policy for each in found.warned] == ["low"]
    assert not found.denied


def test_each_policy_judges_with_its_own_version() -> None:
    pod = laid_over("securityContext: {sysctls: [{name: net.ipv4.tcp_rmem, value: x}]}")
    old = policy("old", given=Given(pod_security=31, profile=Profile.BASELINE))
    new = policy("new", given=Given(pod_security=32, profile=Profile.BASELINE))

    found = decided(pod, old, new)

    assert [each.policy for each in found.denied] == ["old"]


def test_our_own_rules_are_asked_once_by_policies_that_differ_in_version_only() -> None:
    asked = regime(policy("old", given=Given(pod_security=24)), policy("new", given=Given(pod_security=37))).questions

    own = [question.rule.slug for question in asked if not question.rule.standard]
    assert len(own) == len(set(own))


def test_without_a_policy_a_pod_is_audited_against_the_baseline() -> None:
    found = decided(PRIVILEGED, DEFAULT_POLICY)

    assert set(actions(found).values()) == {Action.AUDIT}
    assert {slug for slug in actions(found) if POD_RULES[slug].profile is not Profile.ADVISORY} == {
        "privileged-container"
    }
    assert not regime(DEFAULT_POLICY).enforcing


def test_the_canary_policy_denies_the_baseline_and_patches_nothing() -> None:
    assert [each.policy for each in decided(PRIVILEGED, CANARY_POLICY).denied] == ["canary"]
    assert not mend(regime(CANARY_POLICY), view(CARELESS), HERE).operations


def test_no_policy_at_all_asks_nothing() -> None:
    empty = compile_regime({})

    assert (empty.policies, empty.questions, empty.mending, empty.enforcing) == ((), (), (), False)


def test_findings_come_worst_first() -> None:
    found = decided(
        laid_over("{hostPID: true, containers: [{name: app, securityContext: {privileged: true}}]}"), policy()
    )

    severities = [each.finding.rule.severity for each in found.denied]
    assert severities == sorted(severities, reverse=True)


def test_a_policy_compiles_to_the_claims_of_its_rules() -> None:
    claims = compile_policy(policy(given=Given(profile=Profile.BASELINE)), POD_RULES.values())

    assert all(each.rule.profile is Profile.BASELINE for each in claims)
    assert {each.rule.slug for each in claims} == {
        slug for slug, rule in POD_RULES.items() if rule.profile is Profile.BASELINE and rule.standard_since <= 37
    }


def test_a_regime_mends_what_any_policy_lets_it_mend() -> None:
    def mending(*policies: Policy) -> set[str]:
        return {question.rule.slug for question in regime(*policies).mending}

    hardened = {slug for slug, rule in POD_RULES.items() if rule.profile <= Profile.HARDENED}
    assert mending(policy(patching=Patching.SAFE)) == hardened
    assert not mending(policy(patching=Patching.NONE))
    assert not mending(policy(action=Action.AUDIT))
    assert mending(policy("a", patching=Patching.NONE), policy("b", patching=Patching.SAFE)) == hardened


def test_a_regime_can_be_built_from_read_only_maps() -> None:
    claims = compile_policy(policy(), POD_RULES.values())

    built: Regime = compile_regime(MappingProxyType({"production": claims}))

    assert len(built.questions) == len(claims)
    assert not judged(laid_over("{}"))
