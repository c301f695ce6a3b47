"""Judging what already runs: what each policy alone would do with a pod today, and if each of its warnings denied.

Asking is shared: whatever policies ask alike is asked once per pod, and once more for each way in which they mend it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from stridegate.engine.amend import amended
from stridegate.engine.decide import Circumstances, decide, patches
from stridegate.engine.evaluate import evaluate
from stridegate.engine.mend import mend
from stridegate.engine.policies import Claim, Regime, assemble, compile_regime, mends
from stridegate.model.findings import Decision, Finding
from stridegate.model.rules import AnyQuestion, Question
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Action


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Policies that would each refuse a pod if their warnings denied, and for the same reasons.

    `rules` are the slugs that they would name, worst first; `today` says that they refuse the pod as they are written.
    """

    policies: tuple[str, ...]
    rules: tuple[str, ...]
    today: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Appraisal:
    """What was found in a running pod: what all policies together make of it as it is, and those that would refuse it."""

    decision: Decision | None = None
    refusals: tuple[Refusal, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Alone:
    """One policy as if there were no other: with its warnings raised, and as it is written. `names` are all that say the same."""

    names: tuple[str, ...]
    raised: Regime
    today: Regime


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """Policies that mend every pod alike. `mending` stands for all of them, `questions` are what any of them asks."""

    mending: Regime
    questions: tuple[Question[PodView], ...]
    policies: tuple[_Alone, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is asked of pods where some policies hold, compiled once per set of policies."""

    regime: Regime
    groups: tuple[_Group, ...]


_CLEAN = Appraisal()


def plan(compiled: Mapping[str, tuple[Claim, ...]]) -> Plan:
    """Return what is asked where the named policies hold; policies that could refuse nothing are not asked alone."""
    regime = compile_regime(compiled)
    owns: dict[str, dict[AnyQuestion, Claim]] = {name: {} for name in sorted(compiled)}
    for question, claims in regime.claims.items():
        for each in claims:
            owns[each.policy][question] = each
    same: dict[object, list[str]] = {}
    for name, own in owns.items():
        same.setdefault(_demands(own), []).append(name)
    alike: dict[object, list[_Alone]] = {}
    for names in same.values():
        alone = _alone(tuple(names), owns[names[0]])
        if alone.raised.enforcing:
            alike.setdefault(_way_of_mending(alone.raised), []).append(alone)
    groups = tuple(_group(regime, policies) for policies in alike.values())
    # What is found, and what exemptions take of it, differs with what policies exclude alone.
    distinct = {
        question: tuple({each.exclusions: each for each in claims[::-1]}.values())[::-1]
        for question, claims in regime.claims.items()
    }
    return Plan(regime=assemble(regime.policies, distinct), groups=groups)


def _demands(own: Mapping[AnyQuestion, Claim]) -> object:
    """Return what policies have in common that say the same of every pod."""
    return frozenset(
        (question, each.action, each.patching, each.override, each.exclusions) for question, each in own.items()
    )


def _alone(names: tuple[str, ...], own: Mapping[AnyQuestion, Claim]) -> _Alone:
    return _Alone(
        names=names,
        raised=assemble(names[:1], {question: (_raised(each),) for question, each in own.items()}),
        today=assemble(names[:1], {question: (each,) for question, each in own.items()}),
    )


def _raised(claim: Claim) -> Claim:
    return replace(claim, action=Action.DENY) if claim.action is Action.WARN else claim


def _way_of_mending(regime: Regime) -> object:
    """Return what two policies have in common that make the same of every pod."""
    claims = ((question, claim) for question, (claim,) in regime.claims.items())
    ways = frozenset(
        (question, claim.patching, claim.override, claim.exclusions) for question, claim in claims if mends(claim)
    )
    return ways and (ways, frozenset(regime.measured))


def _group(regime: Regime, policies: Sequence[_Alone]) -> _Group:
    asked = {question for each in policies for question in each.raised.questions}
    return _Group(
        mending=policies[0].raised,
        questions=tuple(question for question in regime.questions if question in asked),
        policies=tuple(policies),
    )


def appraise(plan: Plan, pod: PodView, circumstances: Circumstances) -> Appraisal:
    """Return what becomes of a running pod: would each policy alone admit it if it were created again?

    A mirror pod is never refused: its node runs it regardless.
    """
    findings = evaluate(plan.regime.questions, pod)
    if not findings:
        return _CLEAN
    refusals = () if circumstances.mirror else tuple(_refusals(plan, findings, pod, circumstances))
    return Appraisal(decision=decide(plan.regime, findings, circumstances), refusals=refusals)


def _refusals(plan: Plan, findings: list[Finding], pod: PodView, circumstances: Circumstances) -> Iterator[Refusal]:
    for group in plan.groups:
        left = _left(group, findings, pod, circumstances)
        for alone in group.policies if left else ():
            own = [finding for finding in left if finding.question in alone.raised.claims]
            denied = decide(alone.raised, own, circumstances).denied
            if denied:
                yield Refusal(
                    policies=alone.names,
                    rules=tuple(dict.fromkeys(ruling.finding.rule.slug for ruling in denied)),
                    today=alone.today.enforcing and bool(decide(alone.today, own, circumstances).denied),
                )


def _left(group: _Group, findings: list[Finding], pod: PodView, circumstances: Circumstances) -> list[Finding]:
    """Return what is found in the pod that these policies would make of it."""
    healable = [finding for finding in findings if finding.question in group.mending.mending]
    if not patches(group.mending, healable, circumstances):
        return findings
    # Only a pod that is created is patched, and none is created with ephemeral containers.
    ephemeral = (*pod.pointer, "ephemeralContainers")
    edits = mend(group.mending, pod, circumstances).edits
    made = [edit for edit in edits if edit.place.pointer[: len(ephemeral)] != ephemeral]
    return evaluate(group.questions, amended(pod, made))
