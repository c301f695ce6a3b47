"""Compiling policies: which rules are asked in a namespace, with what, and what each policy does with an answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar, cast

from stridegate.model.policies import Exclusion, Policy, RuleSetting
from stridegate.model.rules import AnyQuestion, AnyRule, Given, Parameters, Question
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Action, Patching, Profile

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Claim:
    """One policy's demand of one rule."""

    rule: AnyRule
    given: Given
    action: Action
    policy: str
    patching: Patching
    override: bool
    templates: Action
    exclusions: tuple[Exclusion, ...]


@dataclass(frozen=True, slots=True)
class Regime:
    """Everything that is asked in a namespace, compiled once per set of policies.

    `questions` are those about pods, `others` those about everything else, by the view that they judge. `claims` has
    for each question the demands of the policies that ask it, strictest first, at a tie by the policy's name. `mending`
    are the questions about rules whose findings some policy lets the webhook patch: mutation asks no others. `measured`
    are the questions that policies give parameters: what one policy lets a patch write, they may forbid. `overlapping`
    is whether policies put one of the mending questions in two ways, by version or parameters.
    """

    policies: tuple[str, ...]
    questions: tuple[Question[PodView], ...]
    others: Mapping[type, tuple[AnyQuestion, ...]]
    claims: Mapping[AnyQuestion, tuple[Claim, ...]]
    mending: tuple[Question[PodView], ...]
    measured: tuple[Question[PodView], ...]
    overlapping: bool
    enforcing: bool

    def about(self, subject: type[S]) -> tuple[Question[S], ...]:
        """Return the questions about something that is no pod."""
        return cast("tuple[Question[S], ...]", self.others.get(subject, ()))


def claim(policy: Policy, rule: AnyRule) -> Claim | None:
    """Return what a policy demands of a rule, or None where it is off.

    A rule is asked if the profile has it or the policy names it. A rule newer than the policy's `rulesVersion`, and an
    advisory rule, is only audited until it is named; a check that the pinned version of the Pod Security Standards does
    not have yet is off.
    """
    setting = policy.rules.get(rule.slug)
    if policy.pod_security < rule.standard_since:
        return None
    action = _action(policy, rule, setting)
    if action is Action.OFF:
        return None
    setting = setting or RuleSetting()
    return Claim(
        rule=rule,
        given=_given(policy, rule, setting),
        action=action,
        policy=policy.name,
        patching=policy.patching,
        override=setting.override,
        templates=policy.templates,
        exclusions=tuple(
            exclusion for exclusion in policy.exclude if not exclusion.rules or rule.slug in exclusion.rules
        ),
    )


def _given(policy: Policy, rule: AnyRule, setting: RuleSetting) -> Given:
    if not rule.standard:
        # Stridegate's own rules know neither levels nor versions: policies that differ only there ask once.
        return Given(parameters=setting.parameters)
    return Given(pod_security=policy.pod_security, profile=policy.profile, parameters=setting.parameters)


def _action(policy: Policy, rule: AnyRule, setting: RuleSetting | None) -> Action:
    if setting is not None:
        return policy.action if setting.action is None else setting.action
    if rule.profile is Profile.ADVISORY:
        return min(policy.action, Action.AUDIT)
    if rule.profile > policy.profile:
        return Action.OFF
    if policy.rules_version is not None and not rule.standard and _version(rule.since) > policy.rules_version:
        return min(policy.action, Action.AUDIT)
    return policy.action


def _version(since: str) -> tuple[int, int]:
    major, minor = since.removeprefix("v").split(".")
    return int(major), int(minor)


def compile_policy(policy: Policy, rules: Iterable[AnyRule]) -> tuple[Claim, ...]:
    """Return everything one policy demands."""
    claims = (claim(policy, rule) for rule in rules)
    return tuple(each for each in claims if each is not None)


def compile_regime(compiled: Mapping[str, tuple[Claim, ...]]) -> Regime:
    """Return what is asked where the named policies hold together.

    The strictest wins rule by rule; each judges with its own version and parameters.
    """
    asked: dict[tuple[str, Given], list[Claim]] = {}
    for name in sorted(compiled):
        for each in compiled[name]:
            asked.setdefault((each.rule.slug, each.given), []).append(each)
    claims: dict[AnyQuestion, tuple[Claim, ...]] = {}
    for demands in asked.values():
        demands.sort(key=lambda each: (-each.action, each.policy))
        claims[Question(demands[0].rule, demands[0].given)] = tuple(demands)
    return assemble(tuple(sorted(compiled)), claims)


def assemble(policies: tuple[str, ...], claims: Mapping[AnyQuestion, tuple[Claim, ...]]) -> Regime:
    """Return the regime of questions that are asked already, with the demands that count: those of some policies alone, for one."""
    others: dict[type, tuple[AnyQuestion, ...]] = {}
    for question in sorted(claims, key=lambda question: (-question.rule.severity, question.rule.slug)):
        subject = question.rule.subject
        others[subject] = (*others.get(subject, ()), question)
    questions = cast("tuple[Question[PodView], ...]", others.pop(PodView, ()))
    mended = {each.rule.slug for demands in claims.values() for each in demands if mends(each)}
    mending = tuple(question for question in questions if question.rule.slug in mended)
    return Regime(
        policies=policies,
        questions=questions,
        others=others,
        claims=claims,
        mending=mending,
        measured=tuple(question for question in questions if question.given.parameters != Parameters()),
        overlapping=len({question.rule.slug for question in mending}) < len(mending),
        enforcing=any(each.action is Action.DENY for demands in claims.values() for each in demands),
    )


def mends(claim: Claim) -> bool:
    """Whether a policy lets the webhook make patches of a rule."""
    return claim.patching > Patching.NONE and claim.action >= Action.WARN
