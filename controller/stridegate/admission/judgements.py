"""Judging a request: what it introduces, and what the policies make of that, before anybody words it."""

from __future__ import annotations

from dataclasses import dataclass

from stridegate.admission.errors import UnknownSubject
from stridegate.admission.kinds import KINDS, POD, Content, Kinds
from stridegate.admission.messages import Addressee
from stridegate.admission.policy_set import Rulebook
from stridegate.admission.reviews import Request
from stridegate.admission.subjects import described, ignored_subresource, kind_of, named, setting_of
from stridegate.admission.verdicts import Label
from stridegate.engine.decide import Circumstances, decide
from stridegate.engine.difference import Difference, compare, unchanged
from stridegate.engine.evaluate import evaluate
from stridegate.engine.exemptions import Leave, leave
from stridegate.engine.mend import become
from stridegate.engine.policies import Regime
from stridegate.engine.workloads import known_as
from stridegate.model.findings import Decision, Finding
from stridegate.model.object_views import ObjectView
from stridegate.model.pods import PodTemplate
from stridegate.model.policies import Workload
from stridegate.model.settings import Setting
from stridegate.model.views import PodView

_NO_POD = PodTemplate()


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What was found in a request and decided about it. `pod` is the one that it embeds, or none."""

    addressee: Addressee
    pod: PodView | None
    difference: Difference
    circumstances: Circumstances
    decision: Decision


def judge(request: Request, rulebook: Rulebook, kinds: Kinds = KINDS, *, now: float) -> Judgement | Label:
    """Return what becomes of a request at a time (Unix, in seconds); only how it ends where nothing was found.

    Raises CannotJudge for what cannot be judged.
    """
    if ignored_subresource(request):
        return Label.IGNORED
    kind = kind_of(request, kinds)
    if request.operation == "DELETE":
        # There is no object, and nothing can be introduced.
        return Label.IGNORED
    if request.operation not in kind.operations:
        raise UnknownSubject(described(request), request.operation)
    new = kind.new(request)
    old = kind.old(request) if request.operation == "UPDATE" else None
    if new.empty or (old is not None and _unchanged(old, new)):
        return found_nothing(rulebook)
    setting = setting_of(request, kind, new.template)
    pod = None if new.template is None else PodView(new.template, kind.prefix, setting)
    findings = evaluate(rulebook.regime.questions, pod) if kind is POD and pod is not None else None
    if findings == []:
        # So it is with every pod that is well kept; whose it is need not be found out.
        return found_nothing(rulebook)
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
    decision = decide(rulebook.regime, difference.answerable, circumstances, existing=len(difference.existing))
    return Judgement(
        addressee=addressee, pod=pod, difference=difference, circumstances=circumstances, decision=decision
    )


def found_nothing(rulebook: Rulebook) -> Label:
    """Return how a request ends in which nothing was found."""
    return Label.ALLOWED if rulebook.selected else Label.NO_POLICY


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


def _found(regime: Regime, pod: PodView | None, own: ObjectView | None, circumstances: Circumstances) -> list[Finding]:
    """Return what is found in a pod, or in the pod that a template will become, and in what is judged beside it."""
    findings: list[Finding] = []
    if pod is not None:
        judged = become(regime, pod, circumstances) if circumstances.template else pod
        findings += evaluate(regime.questions, judged)
    if own is not None:
        findings += evaluate(regime.about(type(own)), own)
    return findings
