"""What `check` says of a manifest is what the webhook answers when it is created: the same message, the same warnings, the same findings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leaves import NOW, exemption
from pod_strategies import everything
from reviewing import RESOURCES, Asked, embedding, mutated, patched, policy, validated
from stridegate.admission.errors import CannotJudge
from stridegate.admission.verdicts import Verdict
from stridegate.cli.judging.defaults import defaulted
from stridegate.cli.judging.standards import standards
from stridegate.cli.judging.subjects import Judge
from stridegate.cli.manifests.documents import read_text
from stridegate.cli.manifests.sources import Source
from stridegate.cli.results import Problem, Standing, Subject, Unjudged
from stridegate.engine.catalogue import POD_RULES
from stridegate.engine.examples import JsonMap
from stridegate.model.exemptions import Exemption
from stridegate.model.places import Pointer
from stridegate.model.policies import Policy, RuleSetting, Workload
from stridegate.model.vocabulary import Action, Patching, Profile

many = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])

PREFIXES: Mapping[str, Pointer] = {
    kind: ()
    if kind == "Pod"
    else ("spec", "jobTemplate", "spec", "template")
    if kind == "CronJob"
    else ("spec", "template")
    for kind in RESOURCES
}


@st.composite
def policies(draw: st.DrawFn) -> list[Policy]:
    """Return one or two policies, with every action, level of patching and version, and some rules of their own."""
    actions = st.sampled_from(Action)
    slugs = st.sampled_from(sorted(POD_RULES))
    return [
        policy(
            name,
            action=draw(actions),
            patching=draw(st.sampled_from(Patching)),
            profile=draw(st.sampled_from([Profile.BASELINE, Profile.RESTRICTED, Profile.HARDENED])),
            templates=draw(st.sampled_from([Action.WARN, Action.DENY])),
            pod_security=draw(st.sampled_from([18, 21, 24, 34, 37])),
            rules=draw(
                st.dictionaries(slugs, st.builds(RuleSetting, action=actions, override=st.booleans()), max_size=3)
            ),
        )
        for name in ("first", "second")[: draw(st.integers(1, 2))]
    ]


def manifest(kind: str, pod: JsonMap) -> dict[str, Any]:
    """Return a manifest of a kind in the namespace shop that makes such pods."""
    obj: dict[str, Any] = dict(pod if kind == "Pod" else embedding(kind, pod))
    group, version, _ = RESOURCES[kind]
    metadata = (
        {**obj["metadata"], "namespace": "shop"} if isinstance(obj.get("metadata"), dict) else {"namespace": "shop"}
    )
    return {**obj, "apiVersion": f"{group}/{version}" if group else version, "kind": kind, "metadata": metadata}


def exempting(obj: Mapping[str, Any], kind: str, slugs: frozenset[str]) -> list[Exemption]:
    """Return an exemption of an object from some rules; none where there are none."""
    name = obj["metadata"].get("name")
    return [exemption("granted", *slugs, namespace="shop", workload=Workload(kind, name))] if slugs and name else []


def check(
    obj: Mapping[str, Any], given_policies: list[Policy], exemptions: list[Exemption]
) -> Subject | Unjudged | Problem:
    """Return what `check` says of a manifest."""
    (document,) = read_text(json.dumps(obj), Source("web.json")).documents
    labels = {"shop": {"kubernetes.io/metadata.name": "shop"}}
    (outcome,) = Judge(standards(given_policies, exemptions, labels, NOW), advisory=True).document(document)
    return outcome


def answered(obj: Mapping[str, Any], kind: str, given_policies: list[Policy], exemptions: list[Exemption]) -> Verdict:
    """Return what the webhook answers to the request of the API server that creates an object."""
    sent = cast("JsonMap", dict(defaulted(obj, PREFIXES[kind])))
    name = obj["metadata"].get("name") or ""
    asked = Asked(object=sent, kind=kind, name=name)
    if kind == "Pod":
        healed = mutated(asked, *given_policies, exemptions=exemptions)
        asked = Asked(object=patched(sent, healed), kind=kind, name=name)
    return validated(asked, *given_policies, exemptions=exemptions)


@many
@given(
    pod=everything(),
    kind=st.sampled_from(sorted(RESOURCES)),
    given_policies=policies(),
    let_off=st.frozensets(st.sampled_from(sorted(POD_RULES)), max_size=10),
)
def test_a_check_says_what_the_webhook_answers(
    pod: JsonMap, kind: str, given_policies: list[Policy], let_off: frozenset[str]
) -> None:
    obj = manifest(kind, pod)
    exemptions = exempting(obj, kind, let_off)

    outcome = check(obj, given_policies, exemptions)

    try:
        verdict = answered(obj, kind, given_policies, exemptions)
    except CannotJudge:
        assert isinstance(outcome, Problem)
        return
    assert isinstance(outcome, Subject)
    assert outcome.message == verdict.message
    assert outcome.warnings == verdict.warnings
    assert verdict.allowed or outcome.denied
    counted = sorted((count.slug, str(count.action)) for count in verdict.counts)
    counting = [finding for finding in outcome.findings if finding.counts]
    taken = [finding for finding in outcome.findings if not finding.counts]
    assert sorted(finding.rule for finding in counting) == [slug for slug, _ in counted]
    assert sorted(finding.rule for finding in taken) == sorted(verdict.exempted)
    assert {finding.exemption.name for finding in taken if finding.exemption} <= {"granted"}
    if kind == "Pod":
        assert outcome.denied is not verdict.allowed
        assert sorted((finding.rule, str(finding.action)) for finding in counting) == counted


@many
@given(pod=everything(), kind=st.sampled_from(sorted(set(RESOURCES) - {"Pod"})), given_policies=policies())
def test_of_a_workload_a_check_says_what_becomes_of_its_pods(
    pod: JsonMap, kind: str, given_policies: list[Policy]
) -> None:
    obj = manifest(kind, pod)
    outcome = check(obj, given_policies, [])
    made = made_by(obj, kind)

    try:
        verdict = answered(made, "Pod", given_policies, [])
    except CannotJudge:
        assert isinstance(outcome, Problem)
        return

    assert isinstance(outcome, Subject)
    denied = {finding.rule for finding in outcome.findings if finding.standing is Standing.DENIED}
    assert {count.slug for count in verdict.counts if count.action is Action.DENY} <= denied
    assert outcome.denied >= (not verdict.allowed)


def made_by(obj: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """Return the pod that a controller makes of a workload."""
    template: Mapping[str, Any] = obj
    for part in PREFIXES[kind]:
        template = template[str(part)]
    owner = {"kind": kind, "name": obj["metadata"].get("name", ""), "controller": True}
    metadata = {
        **(template.get("metadata") or {}),
        "generateName": "web-",
        "ownerReferences": [owner],
        "namespace": "shop",
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template.get("spec")}
