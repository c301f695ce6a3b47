"""From findings to a decision: what each policy does with them, strictest first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from stridegate.engine.policies import Claim, Regime
from stridegate.model.edits import Patch
from stridegate.model.findings import Decision, Finding, Ruling
from stridegate.model.policies import Workload
from stridegate.model.vocabulary import Action, Outcome, Patching, Safety


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What a decision depends on beside the findings: where the object stands, and what it belongs to."""

    namespace: str
    workload: Workload
    # Whether the object is the template of pods to come, and whether it is a mirror pod, which runs whatever is
    # answered.
    template: bool = False
    mirror: bool = False


def decide(regime: Regime, findings: Iterable[Finding], circumstances: Circumstances, *, existing: int = 0) -> Decision:
    """Return what becomes of a request with these findings."""
    rulings = sorted(_rulings(regime, findings, circumstances), key=_worst_first)
    return Decision(
        denied=tuple(each for each in rulings if each.action is Action.DENY),
        warned=tuple(each for each in rulings if each.action is Action.WARN),
        audited=tuple(each for each in rulings if each.action is Action.AUDIT),
        existing=existing,
        policies=regime.policies,
    )


def _rulings(regime: Regime, findings: Iterable[Finding], circumstances: Circumstances) -> Iterator[Ruling]:
    ruled: dict[tuple[str, str, str, str], Ruling] = {}
    for finding in findings:
        for claim in regime.claims[finding.question]:
            if _excluded(claim, finding, circumstances):
                continue
            if circumstances.template and healed(regime, claim, finding):
                break
            ruling = Ruling(finding, _action(claim, finding, circumstances), claim.policy, _demanded(claim, finding))
            known = ruled.get(finding.key)
            if known is None or ruling.action > known.action:
                ruled[finding.key] = ruling
            break
    yield from ruled.values()


def patches(regime: Regime, findings: Iterable[Finding], circumstances: Circumstances) -> list[tuple[Finding, Patch]]:
    """Return the patches that the policies let the webhook make."""
    made: list[tuple[Finding, Patch]] = []
    for finding in findings:
        for claim in regime.claims[finding.question]:
            if _excluded(claim, finding, circumstances):
                continue
            if finding.violation is not None and finding.violation.patch is not None and healed(regime, claim, finding):
                made.append((finding, finding.violation.patch))
            break
    return made


def healed(regime: Regime, claim: Claim, finding: Finding) -> bool:
    """Whether the webhook patches the finding away when the pod is created."""
    patch = finding.violation.patch if finding.violation else None
    if patch is None or claim.action < Action.WARN or finding.question not in regime.healers:
        return False
    if patch.overrides and not claim.override:
        return False
    needed = Patching.SAFE if patch.safety is Safety.SAFE else Patching.ALL
    return claim.patching >= needed


def _action(claim: Claim, finding: Finding, circumstances: Circumstances) -> Action:
    most = Action.DENY
    if circumstances.mirror:
        # A denial would only hide the static pod, which runs regardless.
        most = Action.WARN
    elif circumstances.template:
        most = claim.templates
    return min(_demanded(claim, finding), most)


def _demanded(claim: Claim, finding: Finding) -> Action:
    return min(claim.action, Action.WARN) if finding.outcome is Outcome.WARN else claim.action


def _excluded(claim: Claim, finding: Finding, circumstances: Circumstances) -> bool:
    for exclusion in claim.exclusions:
        if circumstances.namespace not in exclusion.namespaces:
            continue
        if exclusion.workload is not None and exclusion.workload != circumstances.workload:
            continue
        if exclusion.containers and _container(finding) not in exclusion.containers:
            continue
        return True
    return False


def _container(finding: Finding) -> str | None:
    """Return the name of the container that a finding is about; ephemeral ones count by name like the rest."""
    if finding.violation is None:
        return None
    owner = finding.violation.place.owner
    listed, _, name = owner.partition("[")
    return name.removesuffix("]") if listed.casefold().endswith("containers") else None


def _worst_first(ruling: Ruling) -> tuple[int, int, str, str]:
    return -ruling.action, -ruling.finding.rule.severity, ruling.finding.rule.slug, ruling.finding.sentence
