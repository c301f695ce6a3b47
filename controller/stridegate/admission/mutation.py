"""Healing a pod as it is created: what the policies let the webhook patch, as RFC 6902 operations."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from stridegate.admission.kinds import POD
from stridegate.admission.policy_set import Rulebook
from stridegate.admission.records import PATCHED_ANNOTATION, record
from stridegate.admission.responses import encoded
from stridegate.admission.reviews import Request
from stridegate.admission.subjects import kind_of, setting_of
from stridegate.admission.verdicts import Label, Mutation, audit_annotations
from stridegate.engine.decide import Circumstances
from stridegate.engine.exemptions import leave
from stridegate.engine.harden import Hardening, annotate
from stridegate.engine.mend import mend
from stridegate.engine.workloads import known_as
from stridegate.model.pods import PodTemplate
from stridegate.model.views import PodView


def mutate(request: Request, rulebook: Rulebook, *, now: float) -> Mutation:
    """Return the patch for a pod that is being created at a time (Unix, in seconds); anything else is left as it is.

    Raises CannotJudge for what cannot be read.
    """
    kind = kind_of(request)
    if kind is not POD or request.operation != "CREATE" or request.subResource:
        return _unpatched(Label.IGNORED)
    if not rulebook.regime.mending:
        return _unpatched(Label.ALLOWED)
    new = kind.new(request)
    template = new.template or PodTemplate()
    setting = setting_of(request, kind, template)
    if setting.mirror:
        return _unpatched(Label.ALLOWED)
    pod = PodView(template, (), setting)
    workload = kind.workload(new.metadata)
    circumstances = Circumstances(
        namespace=setting.namespace,
        workload=workload,
        leave=leave(rulebook.granted, known_as(workload, new.metadata), pod, now) if rulebook.granted else None,
    )
    hardening = mend(rulebook.regime, pod, circumstances)
    conflicting = tuple(finding.rule.slug for finding in hardening.conflicting)
    if not hardening.operations:
        return Mutation(label=Label.ALLOWED, annotations=audit_annotations(Label.ALLOWED), conflicting=conflicting)
    healing = record(rulebook.regime, pod, hardening.healed)
    operations = hardening.operations
    if template.metadata is not None and pod.annotations.get(PATCHED_ANNOTATION) != healing:
        operations = operations + annotate(pod, PATCHED_ANNOTATION, healing)
    patch = encoded(operations)
    noted = audit_annotations(Label.PATCHED, rulebook.regime.policies)
    noted["patched"] = f"{healing};sha256:{hashlib.sha256(patch).hexdigest()[:16]}"
    return Mutation(
        label=Label.PATCHED,
        annotations=noted,
        patch=patch,
        healed=tuple(_healed(hardening)),
        conflicting=conflicting,
    )


def _healed(hardening: Hardening) -> Iterator[tuple[str, str]]:
    for finding in hardening.healed:
        if finding.violation is not None and finding.violation.patch is not None:
            yield finding.rule.slug, str(finding.violation.patch.safety)


def _unpatched(label: Label) -> Mutation:
    return Mutation(label=label, annotations=audit_annotations(label))
