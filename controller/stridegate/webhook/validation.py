"""Judging a request: what it introduces, what the policies make of that, and what its author reads."""

from __future__ import annotations

import functools
from collections.abc import Iterator

from stridegate.engine.decide import Circumstances, decide
from stridegate.engine.difference import Difference, compare, unchanged
from stridegate.engine.evaluate import evaluate
from stridegate.engine.exemptions import Leave, leave
from stridegate.engine.mend import become
from stridegate.engine.policies import Regime
from stridegate.engine.remedies import Remedy, Target, remedy
from stridegate.engine.workloads import known_as
from stridegate.model.findings import Decision, Finding
from stridegate.model.object_views import ObjectView
from stridegate.model.pods import PodTemplate
from stridegate.model.policies import Workload
from stridegate.model.settings import Setting
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Action, Outcome
from stridegate.webhook.errors import UnknownSubject
from stridegate.webhook.kinds import KINDS, POD, Content, Kinds
from stridegate.webhook.messages import Addressee, denial, warnings
from stridegate.webhook.policy_set import Rulebook
from stridegate.webhook.records import undone
from stridegate.webhook.reminders import reminders
from stridegate.webhook.reviews import Request
from stridegate.webhook.subjects import (
    described,
    ignored_subresource,
    kind_of,
    named,
    setting_of,
)
from stridegate.webhook.verdicts import Count, Label, State, Verdict, audit_annotations

# Who makes the children of workloads: nobody reads a warning that they get, and a denial would wedge the owner. Told by
# the requesting user, never by owner references, which anybody can write.
_CONTROLLERS = frozenset(
    {
        "system:serviceaccount:kube-system:deployment-controller",
        "system:serviceaccount:kube-system:cronjob-controller",
        "system:kube-controller-manager",
    }
)

_NO_POD = PodTemplate()


def validate(request: Request, rulebook: Rulebook, kinds: Kinds = KINDS, *, now: float) -> Verdict:
    """Return what becomes of a request at a time (Unix, in seconds).

    Raises CannotJudge for what cannot be judged.
    """
    if ignored_subresource(request):
        return _allowed(Label.IGNORED)
    kind = kind_of(request, kinds)
    if request.operation == "DELETE":
        # There is no object, and nothing can be introduced.
        return _allowed(Label.IGNORED)
    if request.operation not in kind.operations:
        raise UnknownSubject(described(request), request.operation)
    new = kind.new(request)
    old = kind.old(request) if request.operation == "UPDATE" else None
    if new.empty or (old is not None and _unchanged(old, new)):
        return _allowed(_label(rulebook), rulebook.regime.policies)
    setting = setting_of(request, kind, new.template)
    pod = None if new.template is None else PodView(new.template, kind.prefix, setting)
    findings = evaluate(rulebook.regime.questions, pod) if kind is POD and pod is not None else None
    if findings == []:
        # So it is with every pod that is well kept; whose it is need not be found out.
        return _allowed(_label(rulebook), rulebook.regime.policies)
    workload = kind.workload(new.metadata)
    known = known_as(workload, new.metadata)
    let_off = leave(rulebook.granted, known, pod, now) if rulebook.granted else None
    circumstances = _circumstances(setting, workload, let_off)
    if findings is None:
        findings = _found(rulebook.regime, pod, new.own, circumstances)
    difference = Difference(findings, [], [])
    if old is not None and findings:
        before = None if pod is None else PodView(old.template or _NO_POD, kind.prefix, setting)
        difference = compare(before, _found(rulebook.regime, before, old.own, circumstances), pod, findings)
    addressee = Addressee(
        kind=kind.called,
        name=named(request, new.metadata),
        namespace=circumstances.namespace,
        workload=circumstances.workload,
        # The name that will be known before the next pod like this has its own.
        exemptible=known[-1],
    )
    return _verdict(request, rulebook, addressee, pod, difference, circumstances)


def _circumstances(setting: Setting, workload: Workload, let_off: Leave | None) -> Circumstances:
    return Circumstances(
        namespace=setting.namespace,
        workload=workload,
        template=setting.template,
        mirror=setting.mirror,
        leave=let_off,
    )


def _unchanged(old: Content, new: Content) -> bool:
    if old.own is not None and new.own is not None and old.own.shape != new.own.shape:
        return False
    return unchanged(old.template or _NO_POD, new.template or _NO_POD)


@functools.lru_cache(maxsize=1024)  # Nearly every review ends here, and there are as many verdicts as sets of policies.
def _allowed(label: Label, policies: tuple[str, ...] = ()) -> Verdict:
    return Verdict(allowed=True, label=label, annotations=audit_annotations(label, policies))


def _label(rulebook: Rulebook) -> Label:
    return Label.ALLOWED if rulebook.selected else Label.NO_POLICY


def _found(regime: Regime, pod: PodView | None, own: ObjectView | None, circumstances: Circumstances) -> list[Finding]:
    """Return what is found in a pod, or in the pod that a template will become, and in what is judged beside it."""
    findings: list[Finding] = []
    if pod is not None:
        judged = become(regime, pod, circumstances) if circumstances.template else pod
        findings += evaluate(regime.questions, judged)
    if own is not None:
        findings += evaluate(regime.about(type(own)), own)
    return findings


def _verdict(
    request: Request,
    rulebook: Rulebook,
    addressee: Addressee,
    pod: PodView | None,
    difference: Difference,
    circumstances: Circumstances,
) -> Verdict:
    decision = decide(rulebook.regime, difference.answerable, circumstances, existing=len(difference.existing))
    heard = not (circumstances.template and request.userInfo.username in _CONTROLLERS)
    denied = bool(decision.denied) and heard
    label = Label.DENIED if denied else _label(rulebook)
    rulings = decision.denied + decision.warned + decision.audited
    ending = reminders(decision.exempted, circumstances.leave.now) if circumstances.leave else ()
    return Verdict(
        allowed=not denied,
        label=label,
        annotations=audit_annotations(label, decision.policies, rulings, decision.exempted),
        message=_message(request, rulebook, addressee, pod, decision) if denied else "",
        warnings=() if denied or not heard else warnings(addressee, decision.warned, ending),
        workload=circumstances.workload,
        exempted=tuple(each.ruling.finding.rule.slug for each in decision.exempted),
        counts=tuple(_counts(rulebook.regime, decision, difference)),
        overwritten=() if pod is None else undone(rulebook.regime, pod, difference.introduced, circumstances),
    )


def _message(
    request: Request, rulebook: Rulebook, addressee: Addressee, pod: PodView | None, decision: Decision
) -> str:
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
    fix = remedy(pod, (each.finding for each in decision.denied), target, rulebook.regime.measured)
    return denial(addressee, decision.denied, fix, exempted=len(decision.exempted))


def _counts(regime: Regime, decision: Decision, difference: Difference) -> Iterator[Count]:
    worsened = {id(finding) for finding in difference.worsened}
    for ruling in decision.denied + decision.warned + decision.audited:
        state = State.WORSENED if id(ruling.finding) in worsened else State.INTRODUCED
        yield _count(ruling.finding, ruling.action, state)
    for finding in difference.existing:
        yield _count(finding, regime.claims[finding.question][0].action, State.EXISTING)


def _count(finding: Finding, action: Action, state: State) -> Count:
    return Count(slug=finding.rule.slug, action=action, state=state, fault=finding.outcome is Outcome.ERROR)
