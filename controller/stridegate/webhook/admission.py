"""A call of the API server, from the bytes of its body to the bytes of the answer.

`/validate` never allows on doubt; `/mutate` never denies. The only thing that either waits for is a namespace that was
created a moment ago.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from stridegate.admission import responses
from stridegate.admission.errors import BrokenJudgement, CannotJudge, UnreadableReview
from stridegate.admission.kinds import KINDS, Kinds
from stridegate.admission.policy_set import Rulebook
from stridegate.admission.recall import Recall
from stridegate.admission.responses import Refusal, Reply
from stridegate.admission.reviews import Request, read_review
from stridegate.admission.subjects import scope_of
from stridegate.admission.verdicts import Label, Mutation, Verdict, audit_annotations
from stridegate.engine.evaluate import Fault, contained
from stridegate.model.texts import clean
from stridegate.webhook.journals import Entry, Journal, correlation_id, entry_of
from stridegate.webhook.live import LivePolicySet

_log = logging.getLogger(__name__)

# Seconds after its arrival at which a review is no longer judged: the API server waits for 3 s to validate and 2 s to
# mutate, and an answer that says why beats a timeout.
DEADLINE = 1.0

_PROBLEM_RUNES = 512
_UNSYNCED = "the policies have not been read yet"
_TOO_LATE = "took too long: the webhook is overloaded, try again"


@dataclass(frozen=True, slots=True)
class Call:
    """A call as the transport hands it over: its body, the time it arrived, and the caller's own timeout in seconds, if it says one."""

    body: bytes
    arrived: float
    timeout: float | None


Route = Callable[[Call], Awaitable[Reply]]
# Answers a call in one step, or not at all: None where there is something to wait for.
Shortcut = Callable[[Call], Reply | None]


class Admission:
    """Answers calls by the live policy set, and has the journal tell of them."""

    def __init__(
        self,
        policies: LivePolicySet,
        journal: Journal,
        clock: Callable[[], float],
        kinds: Kinds = KINDS,
        calendar: Callable[[], float] = time.time,
        recall: Recall | None = None,
    ) -> None:
        self._policies = policies
        self._journal = journal
        self._clock = clock
        self._kinds = kinds
        # What exemptions end by: Unix time, where the clock only says how long something took.
        self._calendar = calendar
        self._recall = recall or Recall()

    async def validate(self, call: Call) -> Reply:
        """Return whether what a call asks for is allowed."""
        request = self._read(call, Entry.VALIDATION)
        if isinstance(request, Reply):
            return request
        rulebook = await self._policies.rulebook(scope_of(request))
        if rulebook is None:
            self._journal.refused(Entry.VALIDATION, Label.SHED, _UNSYNCED)
            return responses.refused(503, _UNSYNCED, retry_after=1)
        return self._validated(call, request, rulebook)

    def validate_at_once(self, call: Call) -> Reply | None:
        """Return the same as `validate`, unless its namespace is not known yet."""
        request = self._read(call, Entry.VALIDATION)
        if isinstance(request, Reply):
            return request
        rulebook = self._policies.known(scope_of(request))
        return None if rulebook is None else self._validated(call, request, rulebook)

    async def mutate(self, call: Call) -> Reply:
        """Return the patch for the pod of a call, or none."""
        request = self._read(call, Entry.MUTATION)
        if isinstance(request, Reply):
            return request
        return self._mutated(call, request, await self._policies.rulebook(scope_of(request)))

    def mutate_at_once(self, call: Call) -> Reply | None:
        """Return the same as `mutate`, unless its namespace is not known yet."""
        request = self._read(call, Entry.MUTATION)
        if isinstance(request, Reply):
            return request
        rulebook = self._policies.known(scope_of(request))
        return None if rulebook is None else self._mutated(call, request, rulebook)

    def _read(self, call: Call, entry: Entry) -> Request | Reply:
        try:
            return read_review(call.body)
        except UnreadableReview as problem:
            self._journal.refused(entry, Label.ERROR, str(problem))
            return responses.refused(400, str(problem))

    def _validated(self, call: Call, request: Request, rulebook: Rulebook) -> Reply:
        entry = entry_of(request)
        verdict = self._too_late() if self._late(call, entry) else self._judged(request, rulebook)
        self._journal.validated(entry, request, verdict, self._clock() - call.arrived)
        if verdict.allowed:
            return responses.allowed(request.uid, verdict.warnings, verdict.annotations)
        return responses.denied(request.uid, verdict.message, verdict.annotations, verdict.refusal)

    def _mutated(self, call: Call, request: Request, rulebook: Rulebook | None) -> Reply:
        if rulebook is None:
            mutation = self._unmutated(Label.SHED, _UNSYNCED)
        elif self._late(call, Entry.MUTATION):
            mutation = self._unmutated(Label.SHED, _TOO_LATE)
        else:
            mutation = self._mended(request, rulebook)
        self._journal.mutated(Entry.MUTATION, request, mutation, self._clock() - call.arrived)
        if mutation.patch is None:
            return responses.unpatched(request.uid, mutation.annotations)
        return responses.patched(request.uid, mutation.patch, mutation.annotations)

    def _late(self, call: Call, entry: Entry) -> bool:
        """Tell how long a review waited; return whether that was too long."""
        allowance = DEADLINE if call.timeout is None else min(DEADLINE, call.timeout)
        waited = self._clock() - call.arrived
        self._journal.waited(entry, waited)
        return waited > allowance

    @staticmethod
    def _too_late() -> Verdict:
        return Verdict(
            allowed=False,
            label=Label.SHED,
            annotations=audit_annotations(Label.SHED),
            message=f"Stridegate {_TOO_LATE}",
            refusal=Refusal.TOO_LATE,
            problem=_TOO_LATE,
        )

    def _judged(self, request: Request, rulebook: Rulebook) -> Verdict:
        """Return the verdict on a request; where judging it breaks, it is denied if any policy there denies anything."""
        judged = contained(self._recall.validate, request, rulebook, self._kinds, now=self._calendar())
        if not isinstance(judged, Fault):
            return judged
        correlation = correlation_id()
        if isinstance(judged.error, CannotJudge):
            problem: CannotJudge = judged.error
            allowed = False
        else:
            _log.error("validation broke", extra={"correlation": correlation}, exc_info=judged.error)
            problem = BrokenJudgement(correlation)
            allowed = not rulebook.regime.enforcing
        return Verdict(
            allowed=allowed,
            label=Label.ERROR,
            annotations=audit_annotations(Label.ERROR, rulebook.regime.policies),
            message=f"Stridegate denied the request: {clean(str(problem), _PROBLEM_RUNES)}",
            problem=str(problem),
            correlation=correlation,
        )

    def _mended(self, request: Request, rulebook: Rulebook) -> Mutation:
        """Return the patch for a request; where making it breaks, there is none, and validation judges the pod as it is."""
        mended = contained(self._recall.mutate, request, rulebook, now=self._calendar())
        if not isinstance(mended, Fault):
            return mended
        correlation = correlation_id()
        problem = str(mended.error)
        if not isinstance(mended.error, CannotJudge):
            problem = str(BrokenJudgement(correlation))
            _log.error("mutation broke", extra={"correlation": correlation}, exc_info=mended.error)
        return self._unmutated(Label.ERROR, problem, correlation)

    @staticmethod
    def _unmutated(label: Label, problem: str, correlation: str = "") -> Mutation:
        return Mutation(label=label, annotations=audit_annotations(label), problem=problem, correlation=correlation)
