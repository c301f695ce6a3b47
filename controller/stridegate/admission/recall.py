"""Judging pods that are alike once: the replicas of a workload, and those that a controller tries to make again and again."""

from __future__ import annotations

from typing import Generic, TypeVar

from stridegate.admission.kinds import KINDS, Kinds
from stridegate.admission.likeness import Likeness, likeness_of
from stridegate.admission.messages import readdressed
from stridegate.admission.mutation import mutate
from stridegate.admission.policy_set import Rulebook
from stridegate.admission.reviews import Request
from stridegate.admission.validation import validate
from stridegate.admission.verdicts import Mutation, Verdict

A = TypeVar("A", Verdict, Mutation)

# There are two generations of verdicts and two of patches. An answer takes some kilobytes, 16 at most: larger ones are not
# kept, since a pod can be made to have thousands of findings.
_GENERATION = 512
_MOST_FINDINGS = 64
_LARGEST_PATCH = 8 * 1024


class _Answers(Generic[A]):
    """The answers given last, by likeness; each holds for the rulebook alone that it was found by.

    A new rulebook is made whenever anything changes of what holds in a namespace. There are two generations, so that
    what is asked for again outlives what is not.
    """

    def __init__(self, generation: int) -> None:
        self._generation = generation
        self._young: dict[tuple[str, bytes], tuple[Rulebook, str, A]] = {}
        self._old: dict[tuple[str, bytes], tuple[Rulebook, str, A]] = {}

    def get(self, likeness: Likeness, rulebook: Rulebook) -> tuple[str, A] | None:
        """Return the answer to a pod that is alike, and that pod's name."""
        key = likeness[:2]
        known = self._young.get(key)
        if known is None:
            known = self._old.get(key)
            if known is None:
                return None
            self._keep(key, known)
        return known[1:] if known[0] is rulebook else None

    def put(self, likeness: Likeness, rulebook: Rulebook, answer: A) -> None:
        """Keep an answer."""
        self._keep(likeness[:2], (rulebook, likeness.name, answer))

    def _keep(self, key: tuple[str, bytes], known: tuple[Rulebook, str, A]) -> None:
        if len(self._young) >= self._generation:
            self._old, self._young = self._young, {}
        self._young[key] = known


class Recall:
    """Answers requests as `validate` and `mutate` do, and answers pods that are alike alike.

    Where exemptions are granted the answer depends on the time as well, and nothing is kept; nor is a verdict in which
    a rule could not judge, which may have had reasons beside the pod, or an answer that is very large.
    """

    def __init__(self, generation: int = _GENERATION) -> None:
        self._verdicts: _Answers[Verdict] = _Answers(generation)
        self._mutations: _Answers[Mutation] = _Answers(generation)
        # How many answers were known.
        self.recalled = 0

    def validate(self, request: Request, rulebook: Rulebook, kinds: Kinds = KINDS, *, now: float) -> Verdict:
        """Return what becomes of a request at a time (Unix, in seconds). Raises CannotJudge for what cannot be judged."""
        likeness = None if rulebook.granted else likeness_of(request)
        if likeness is None:
            return validate(request, rulebook, kinds, now=now)
        known = self._verdicts.get(likeness, rulebook)
        verdict = _renamed(*known, likeness.name) if known else None
        if verdict is not None:
            self.recalled += 1
            return verdict
        verdict = validate(request, rulebook, kinds, now=now)
        if not verdict.faults and len(verdict.counts) <= _MOST_FINDINGS:
            self._verdicts.put(likeness, rulebook, verdict)
        return verdict

    def mutate(self, request: Request, rulebook: Rulebook, *, now: float) -> Mutation:
        """Return the patch for a pod that is created at a time (Unix, in seconds). Raises CannotJudge for what cannot be read."""
        likeness = None if rulebook.granted else likeness_of(request)
        if likeness is None:
            return mutate(request, rulebook, now=now)
        known = self._mutations.get(likeness, rulebook)
        if known is not None:
            self.recalled += 1
            return known[1]
        mutation = mutate(request, rulebook, now=now)
        if len(mutation.patch or b"") <= _LARGEST_PATCH and len(mutation.conflicting) <= _MOST_FINDINGS:
            self._mutations.put(likeness, rulebook, mutation)
        return mutation


def _renamed(name: str, verdict: Verdict, new: str) -> Verdict | None:
    """Return a verdict as it is told of a pod with a new name; None where that cannot be told from the old one's."""
    if verdict.allowed or new == name:
        return verdict
    message = readdressed(verdict.message, name, new)
    return None if message is None else verdict._replace(message=message)
