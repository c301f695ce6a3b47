"""What the author of a manifest can make of what was found in it, and why the rest is left."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import cast

from stridegate.engine.amend import amended
from stridegate.engine.decide import Circumstances, patches
from stridegate.engine.evaluate import evaluate
from stridegate.engine.harden import agree
from stridegate.engine.mend import improve
from stridegate.engine.policies import Regime
from stridegate.model.edits import Append, Edit, Patch
from stridegate.model.findings import Finding, FindingKey
from stridegate.model.rules import Parameters, PodRule, Quantity, Question
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Safety


class Obstacle(enum.Enum):
    """Why a finding is left, as people are told."""

    MANUAL = "it needs a person"
    UNJUDGED = "the rule could not judge"
    PARAMETER = "a policy has to give its parameter"
    RISKY = "risky, so only --risky mends it"
    SHARED = "mending it would change what is exempted or excluded too"
    WORSE = "its fix would break another rule"
    CONTRADICTED = "its fix and another contradict each other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """The edits that an author makes, and for each finding that they leave, the reason."""

    edits: tuple[Edit, ...]
    left: Mapping[FindingKey, Obstacle]


def correct(
    regime: Regime, pod: PodView, findings: Sequence[Finding], circumstances: Circumstances, most: Safety
) -> Correction:
    """Return how an author corrects a pod, or a template, who makes patches up to this safety."""
    allowed = patches(regime, findings, circumstances, author=most)
    improving = improve(regime.measured, pod, allowed)
    made, _ = agree(pod, improving)
    steps = tuple({finding.key for finding, _ in each} for each in (made, improving, allowed))
    return Correction(
        edits=_edits(_necessary(pod, made)),
        left={each.key: _obstacle(each, pod, most, steps) for each in findings if each.key not in steps[0]},
    )


def _necessary(pod: PodView, made: Sequence[tuple[Finding, Patch]]) -> Sequence[tuple[Finding, Patch]]:
    """Return the patches without those that a bolder one makes needless: who drops ALL need not drop NET_RAW."""
    bold = {
        edit.place.pointer
        for _, patch in made
        if patch.safety is Safety.RISKY
        for edit in patch.edits
        if isinstance(edit, Append)
    }
    spare = {
        finding.key: finding.question
        for finding, patch in made
        if patch.safety is Safety.SAFE
        and all(isinstance(edit, Append) and edit.place.pointer in bold for edit in patch.edits)
    }
    if not spare:
        return made
    after = amended(pod, _edits([each for each in made if each[0].key not in spare]))
    questions = cast("Sequence[Question[PodView]]", list(dict.fromkeys(spare.values())))
    needed = {finding.key for finding in evaluate(questions, after)}
    return [each for each in made if each[0].key not in spare or each[0].key in needed]


def _edits(made: Sequence[tuple[Finding, Patch]]) -> tuple[Edit, ...]:
    return tuple(edit for _, patch in made for edit in patch.edits)


def _obstacle(finding: Finding, pod: PodView, most: Safety, steps: Sequence[set[FindingKey]]) -> Obstacle:
    _, improving, allowed = steps
    if finding.violation is None:
        return Obstacle.UNJUDGED
    patch = finding.violation.patch
    if patch is None:
        return Obstacle.PARAMETER if _patch_if_given(finding, pod) else Obstacle.MANUAL
    if patch.safety > most:
        return Obstacle.RISKY
    if finding.key not in allowed:
        return Obstacle.SHARED
    return Obstacle.CONTRADICTED if finding.key in improving else Obstacle.WORSE


# Enough for any patch that asks for a quantity, and the least that anything needs.
_SOME = Quantity("1Gi", Fraction(2**30))


def _patch_if_given(finding: Finding, pod: PodView) -> Patch | None:
    """Return the patch that there would be, had a policy given the rule the quantities that it takes."""
    question, parameters = finding.question, finding.question.given.parameters
    takes = question.rule.takes
    if takes.isdisjoint({"default", "size_limit"}):
        return None
    filled = Parameters(
        default=_SOME if "default" in takes else None, size_limit=_SOME if "size_limit" in takes else None
    )
    if parameters.default or parameters.size_limit:
        return None
    asked = Question(cast("PodRule", question.rule), replace(question.given, parameters=filled))
    found = {each.key: each for each in evaluate([asked], pod)}
    violation = found[finding.key].violation if finding.key in found else None
    return violation.patch if violation else None
