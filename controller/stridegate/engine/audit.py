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
from stridegate.model.rules import Question
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Action


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A policy that would refuse a pod if each of its warnings denied.

    `rules` are the slugs that it would name, worst first; `today` says that it refuses the pod as it is written.
    """

    policy: str
    rules: tuple[str, ...]
    today: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Appraisal:
    """What was found in a running pod: what all policies together make of it as it is, and those that would refuse it."""

    decision: Decision | None = None
    refusals: tuple[Refusal, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Alone:
    """One policy as if there were no other: with its warnings raised, and as it is written."""

    policy: str
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
    alike: dict[object, list[_Alone]] = {}
    for name in sorted(compiled):
        alone = _alone(regime, name)
        if alone.raised.enforcing:
            alike.setdefault(_way_of_mending(alone.raised), []).append(alone)
    return Plan(regime=regime, groups=tuple(_group(regime, policies) for policies in alike.values()))


def _alone(regime: Regime, name: str) -> _Alone:
    own = {question: each for question, claims in regime.claims.items() for each in claims if each.policy == name}
    return _Alone(
        policy=name,
        raised=assemble((name,), {question: (_raised(each),) for question, each in own.items()}),
        today=assemble((name,), {question: (each,) for question, each in own.items()}),
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
                    policy=alone.policy,
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
