"""Answering a request: what its author reads, and what the log and the metrics are told."""

from __future__ import annotations

import functools
from collections.abc import Iterator

from stridegate.admission.judgements import Judgement, found_nothing, judge
from stridegate.admission.kinds import KINDS, Kinds
from stridegate.admission.messages import denial, warnings
from stridegate.admission.policy_set import Rulebook
from stridegate.admission.records import undone
from stridegate.admission.reminders import reminders
from stridegate.admission.reviews import Request
from stridegate.admission.verdicts import Count, Label, State, Verdict, audit_annotations
from stridegate.engine.decide import sparing
from stridegate.engine.difference import Difference
from stridegate.engine.policies import Regime
from stridegate.engine.remedies import Remedy, Target, remedy
from stridegate.model.findings import Decision
from stridegate.model.vocabulary import Outcome

# Who makes the children of workloads: nobody reads a warning that they get, and a denial would wedge the owner. Told by
# the requesting user, never by owner references, which anybody can write.
_CONTROLLERS = frozenset(
    {
        "system:serviceaccount:kube-system:deployment-controller",
        "system:serviceaccount:kube-system:cronjob-controller",
        "system:kube-controller-manager",
    }
)


def validate(request: Request, rulebook: Rulebook, kinds: Kinds = KINDS, *, now: float) -> Verdict:
    """Return what becomes of a request at a time (Unix, in seconds).

    Raises CannotJudge for what cannot be judged.
    """
    return answer(judge(request, rulebook, kinds, now=now), request, rulebook)


def answer(judged: Judgement | Label, request: Request, rulebook: Rulebook) -> Verdict:
    """Return the verdict of what was judged in a request."""
    if isinstance(judged, Label):
        return _allowed(judged, () if judged is Label.IGNORED else rulebook.regime.policies)
    decision, circumstances = judged.decision, judged.circumstances
    heard = not (circumstances.template and request.userInfo.username in _CONTROLLERS)
    denied = bool(decision.denied) and heard
    label = Label.DENIED if denied else found_nothing(rulebook)
    rulings = decision.denied + decision.warned + decision.audited
    ending = reminders(decision.exempted, circumstances.leave.now) if circumstances.leave else ()
    introduced = judged.difference.introduced
    return Verdict(
        allowed=not denied,
        label=label,
        annotations=audit_annotations(label, decision.policies, rulings, decision.exempted),
        message=_message(request, rulebook, judged) if denied else "",
        warnings=() if denied or not heard else warnings(judged.addressee, decision.warned, ending),
        workload=circumstances.workload,
        exempted=tuple(each.ruling.finding.rule.slug for each in decision.exempted),
        counts=tuple(_counts(rulebook.regime, decision, judged.difference)),
        faults=tuple(_faults(decision, judged.difference)),
        overwritten=() if judged.pod is None else undone(rulebook.regime, judged.pod, introduced, circumstances),
    )


@functools.lru_cache(maxsize=1024)  # Nearly every review ends here, and there are as many verdicts as sets of policies.
def _allowed(label: Label, policies: tuple[str, ...] = ()) -> Verdict:
    return Verdict(allowed=True, label=label, annotations=audit_annotations(label, policies))


def _message(request: Request, rulebook: Rulebook, judged: Judgement) -> str:
    addressee, decision, pod = judged.addressee, judged.decision, judged.pod
    if pod is None:
        # Patches mend pods alone.
        fix = Remedy(command=None, check_first=(), unhealed=len(decision.denied))
        return denial(addressee, decision.denied, fix, exempted=len(decision.exempted))
    target = Target(
        namespace=addressee.namespace,
        workload=addressee.workload,
        own=addressee.own,
        exists=request.operation == "UPDATE",
    )
    # A fix that would heal what is exempted would break it.
    spared = (each.ruling.finding for each in decision.exempted)
    mendable = sparing((each.finding for each in decision.denied), spared)
    fix = remedy(pod, mendable, target, rulebook.regime.measured)
    return denial(addressee, decision.denied, fix, exempted=len(decision.exempted))


def _counts(regime: Regime, decision: Decision, difference: Difference) -> Iterator[Count]:
    worsened = {id(finding) for finding in difference.worsened}
    for ruling in decision.denied + decision.warned + decision.audited:
        state = State.WORSENED if id(ruling.finding) in worsened else State.INTRODUCED
        yield Count(ruling.finding.rule.slug, ruling.action, state)
    for finding in difference.existing:
        yield Count(finding.rule.slug, regime.claims[finding.question][0].action, State.EXISTING)


def _faults(decision: Decision, difference: Difference) -> Iterator[str]:
    ruled = (ruling.finding for ruling in decision.denied + decision.warned + decision.audited)
    for finding in (*ruled, *difference.existing):
        if finding.outcome is Outcome.ERROR:
            yield finding.rule.slug
