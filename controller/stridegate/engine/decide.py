"""From findings to a decision: what each policy does with them, strictest first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from stridegate.engine.exemptions import Leave
from stridegate.engine.policies import Claim, Regime
from stridegate.model.edits import Patch
from stridegate.model.findings import Decision, Exempted, Finding, FindingKey, Ruling
from stridegate.model.places import Pointer
from stridegate.model.policies import Workload
from stridegate.model.vocabulary import Action, Outcome, Patching, Safety


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What a decision depends on beside the findings: where the object stands, what it belongs to, and what it is let off."""

    namespace: str
    workload: Workload
    # Whether the object is the template of pods to come, and whether it is a mirror pod, which runs whatever is
    # answered.
    template: bool = False
    mirror: bool = False
    # What the exemptions let it do that are in force; None where there are none.
    leave: Leave | None = None


def decide(regime: Regime, findings: Iterable[Finding], circumstances: Circumstances, *, existing: int = 0) -> Decision:
    """Return what becomes of a request with these findings."""
    ruled: dict[FindingKey, Ruling] = {}
    for finding in findings:
        key = finding.key
        for claim in regime.claims[finding.question]:
            if claim.exclusions and _excluded(claim, finding, circumstances):
                continue
            demanded = _demanded(claim, finding)
            ruling = Ruling(finding, min(demanded, _most(claim, circumstances)), claim.policy, demanded)
            known = ruled.get(key)
            if known is None or _strictest_first(ruling) < _strictest_first(known):
                ruled[key] = ruling
    rulings, exempted = _let_off([each for _, each in sorted(ruled.items(), key=_worst_first)], circumstances.leave)
    return Decision(
        denied=tuple([each for each in rulings if each.action is Action.DENY]),
        warned=tuple([each for each in rulings if each.action is Action.WARN]),
        audited=tuple([each for each in rulings if each.action is Action.AUDIT]),
        exempted=exempted,
        existing=existing,
        policies=regime.policies,
    )


def _let_off(rulings: list[Ruling], leave: Leave | None) -> tuple[list[Ruling], tuple[Exempted, ...]]:
    """Return the rulings that stand, and those that exemptions take."""
    if leave is None:
        return rulings, ()
    standing: list[Ruling] = []
    exempted: list[Exempted] = []
    for ruling in rulings:
        exemption = leave.exemption(ruling.finding)
        if exemption is None:
            standing.append(ruling)
        else:
            exempted.append(Exempted(ruling, exemption))
    return standing, tuple(exempted)


def patches(
    regime: Regime, findings: Iterable[Finding], circumstances: Circumstances, author: Safety | None = None
) -> list[tuple[Finding, Patch]]:
    """Return the patches that the policies let the webhook make; or those that an author makes, who goes as far as this.

    For each finding the strictest policy that does not exclude it says whether, and with which value. What is excluded
    or exempted is not patched through another finding either: where a field of the whole pod would heal both, the
    other gets it in its own container, or not at all.
    """
    strictest: dict[FindingKey, tuple[Claim, Finding]] = {}
    spared: list[Finding] = []
    leave = circumstances.leave
    for finding in findings:
        claims = regime.claims[finding.question]
        claim = next((each for each in claims if not _excluded(each, finding, circumstances)), None)
        if claim is None or (leave is not None and leave.exemption(finding) is not None):
            spared.append(finding)
            continue
        key = finding.key
        known = strictest.get(key)
        if known is None or (-claim.action, claim.policy) < (-known[0].action, known[0].policy):
            strictest[key] = (claim, finding)
    left_alone: set[Pointer] = set()
    left_alone.update(*(_pointers(each) for each in spared if each.key not in strictest))
    made: list[tuple[Finding, Patch]] = []
    for claim, finding in strictest.values():
        sparing = _sparing(finding, left_alone) if left_alone else finding
        patch = sparing.violation.patch if sparing.violation else None
        if patch is not None and _allowed(claim, patch, author):
            made.append((sparing, patch))
    return made


def sparing(findings: Iterable[Finding], spared: Iterable[Finding]) -> list[Finding]:
    """Return findings with patches that do not heal these others as well, or with none."""
    left_alone: set[Pointer] = set()
    left_alone.update(*map(_pointers, spared))
    return [_sparing(finding, left_alone) if left_alone else finding for finding in findings]


def _sparing(finding: Finding, left_alone: set[Pointer]) -> Finding:
    """Return a finding with the patch that leaves these places alone, or with none."""
    violation = finding.violation
    if violation is None or violation.patch is None or left_alone.isdisjoint(violation.patch.pointers):
        return finding
    apart = violation.patch.apart
    if apart is not None and not left_alone.isdisjoint(apart.pointers):
        apart = None
    return finding._replace(violation=violation._replace(patch=apart))


def _allowed(claim: Claim, patch: Patch, author: Safety | None) -> bool:
    if author is not None:
        # What policies keep from the webhook is between it and pods whose authors are not asked.
        return patch.safety <= author
    if patch.authored or claim.action < Action.WARN or (patch.overrides and not claim.override):
        return False
    return claim.patching >= (Patching.SAFE if patch.safety is Safety.SAFE else Patching.ALL)


def _pointers(finding: Finding) -> set[Pointer]:
    patch = finding.violation.patch if finding.violation else None
    return patch.pointers if patch else set()


def _most(claim: Claim, circumstances: Circumstances) -> Action:
    """Return the most that happens, whatever is demanded."""
    if circumstances.mirror:
        # A denial would only hide the static pod, which runs regardless.
        return Action.WARN
    return claim.templates if circumstances.template else Action.DENY


def _demanded(claim: Claim, finding: Finding) -> Action:
    return min(claim.action, Action.WARN) if finding.outcome is Outcome.WARN else claim.action


def _excluded(claim: Claim, finding: Finding, circumstances: Circumstances) -> bool:
    for exclusion in claim.exclusions:
        if circumstances.namespace not in exclusion.namespaces:
            continue
        if exclusion.workload is not None and exclusion.workload != circumstances.workload:
            continue
        if exclusion.containers and not _concerns_only(finding, exclusion.containers):
            continue
        return True
    return False


def _concerns_only(finding: Finding, containers: frozenset[str]) -> bool:
    """Whether a finding concerns these containers and no other; ephemeral ones count by name like the rest."""
    concerned = finding.violation.place.containers if finding.violation else ()
    return bool(concerned) and containers.issuperset(concerned)


def _strictest_first(ruling: Ruling) -> tuple[int, int, str]:
    return -ruling.action, -ruling.demanded, ruling.policy


def _worst_first(keyed: tuple[FindingKey, Ruling]) -> tuple[int, int, FindingKey]:
    # The key shares its texts with the pod, where a sentence for each of thousands of findings would copy them.
    key, ruling = keyed
    return -ruling.action, -ruling.finding.question.rule.severity, key
