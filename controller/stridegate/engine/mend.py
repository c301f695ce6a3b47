"""What the webhook makes of a pod: the patches that its policies let it make, and that leave nothing worse."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from stridegate.engine.amend import amended
from stridegate.engine.decide import Circumstances, patches
from stridegate.engine.difference import compare
from stridegate.engine.evaluate import evaluate
from stridegate.engine.harden import Hardening, agree, write
from stridegate.engine.policies import Regime
from stridegate.model.edits import Edit, Patch
from stridegate.model.findings import Finding
from stridegate.model.places import Pointer
from stridegate.model.rules import Question
from stridegate.model.views import PodView

# One override brings at most one more within reach, and one patch left out seldom shows that another must be; the rest
# is a bound.
_MOST_ROUNDS = 4


def mend(regime: Regime, pod: PodView, circumstances: Circumstances) -> Hardening:
    """Return what the webhook makes of a pod as it is created, so that asking again would make nothing more."""
    mended = Hardening()
    for step in _steps(regime, pod, circumstances):
        mended.operations += write(step.pod, step.edits)
        mended.edits += step.edits
        mended.healed += [finding for finding, _ in step.made]
        mended.conflicting = step.conflicting
    return mended


def become(regime: Regime, template: PodView, circumstances: Circumstances) -> PodView:
    """Return the pod that a template will become: what the webhook heals at its creation is no reason to warn."""
    edits = [edit for step in _steps(regime, template, circumstances) for edit in step.edits]
    return amended(template, edits) if edits else template


@dataclass(frozen=True, slots=True)
class _Step:
    """The patches that are made of a pod at once, and the findings whose patches contradict each other."""

    pod: PodView
    made: Sequence[tuple[Finding, Patch]]
    conflicting: list[Finding]

    @property
    def edits(self) -> list[Edit]:
        """What is changed, in order."""
        return [edit for _, patch in self.made for edit in patch.edits]


def _steps(regime: Regime, pod: PodView, circumstances: Circumstances) -> Iterator[_Step]:
    """Yield what is made of a pod, step by step.

    An edit that changes an explicit value can bring others within reach (`privileged: false` lets escalation be
    forbidden), and so can one that answers a rule in one policy's version of it only, and leaves the finding to another
    policy (`hostUsers: false` at v1.35 and v1.34): the pod is judged again then, as it will be.
    """
    for _ in range(_MOST_ROUNDS):
        found = patches(regime, evaluate(regime.mending, pod), circumstances)
        made, conflicting = agree(pod, improve(regime.measured, pod, found))
        step = _Step(pod, made, conflicting)
        yield step
        if not made or not (regime.overlapping or any(patch.overrides for _, patch in made)):
            return
        pod = amended(pod, step.edits)


def improve(
    questions: Sequence[Question[PodView]], pod: PodView, made: Sequence[tuple[Finding, Patch]]
) -> Sequence[tuple[Finding, Patch]]:
    """Return those patches after which none of the questions finds anything worse than before.

    The questions are those that policies give parameters, and only what answers one of them is tried out: what the
    rules' patches do by themselves is proven for all of them, but what a policy gives one rule to write, another rule,
    or another policy, may forbid.
    """
    for _ in range(_MOST_ROUNDS):
        tried = [patch for finding, patch in made if finding.question in questions]
        worse = set(_worsened(questions, pod, [edit for patch in tried for edit in patch.edits])) if tried else None
        if not worse:
            return made
        above = {pointer[:length] for pointer in worse for length in range(len(pointer))}
        kept = [(finding, patch) for finding, patch in made if not _touches(patch, worse, above)]
        # What cannot be laid to any one of them is laid to all.
        made = kept if len(kept) < len(made) else ()
    return ()


def _worsened(questions: Iterable[Question[PodView]], pod: PodView, edits: Iterable[Edit]) -> Iterator[Pointer]:
    """Yield where something is worse once edits are made; a rule that then cannot judge points at everything."""
    after = amended(pod, edits)
    for question in questions:
        found = evaluate([question], after)
        if found:
            for finding in compare(pod, evaluate([question], pod), after, found).answerable:
                yield finding.violation.place.pointer if finding.violation else ()


def _touches(patch: Patch, places: set[Pointer], above: set[Pointer]) -> bool:
    """Whether a patch changes one of these places, something in it, or what it stands in."""
    for edit in patch.edits:
        pointer = edit.place.pointer
        if pointer in above or any(pointer[:length] in places for length in range(len(pointer) + 1)):
            return True
    return False
