"""What holds for every pod and all exemptions: they only take, what each names, and together no more than their union."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from leaves import CREATED, EXPIRES, NOW, exemption, let_off, values
from pod_strategies import everything
from specimens import HERE, policy, regime, view
from stridegate.engine.catalogue import POD_RULES
from stridegate.engine.decide import decide
from stridegate.engine.evaluate import evaluate
from stridegate.engine.examples import JsonMap
from stridegate.engine.mend import mend
from stridegate.model.exemptions import LONGEST_LIFE, Exemption
from stridegate.model.findings import Decision, Exempted, FindingKey, Ruling
from stridegate.model.policies import Workload

ASKED = regime(policy())


def decided(pod: JsonMap, *exemptions: Exemption) -> Decision:
    subject = view(pod)
    return decide(ASKED, evaluate(ASKED.questions, subject), let_off(exemptions, subject))


many = settings(max_examples=150, deadline=None)


def keys(rulings: Iterable[Ruling]) -> set[FindingKey]:
    return {each.finding.key for each in rulings}


def keys_exempted(exempted: Iterable[Exempted]) -> set[FindingKey]:
    return {each.ruling.finding.key for each in exempted}


def every(decision: Decision) -> set[FindingKey]:
    return keys(decision.denied + decision.warned + decision.audited)


def exemptions() -> st.SearchStrategy[Exemption]:
    """Return exemptions of the generated pod and of others, for the rules that it breaks and for others."""
    containers = st.frozensets(st.sampled_from(["c0", "c1", "i0", "e0", "debugger"]), max_size=3)
    written = st.lists(
        st.sampled_from(
            values(capability="NET_ADMIN", path="/var/run/docker.sock", port="80", image="nginx", memory="16Gi")
        ),
        max_size=2,
    )
    return st.builds(
        exemption,
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(sorted(POD_RULES)),
        st.sampled_from(sorted(POD_RULES)),
        containers=containers,
        values=written.map(tuple),
        namespace=st.sampled_from([HERE.namespace, HERE.namespace, "other"]),
        workload=st.sampled_from([HERE.workload, HERE.workload, Workload("Deployment", "example")]),
        expires=st.sampled_from([EXPIRES, NOW, NOW + 1, CREATED + LONGEST_LIFE + 1]),
        revoked=st.sampled_from([False, False, True]),
    )


@many
@given(pod=everything(), granted=st.lists(exemptions(), max_size=6))
def test_with_exemptions_nothing_is_decided_that_would_not_be_without(pod: JsonMap, granted: list[Exemption]) -> None:
    without, exempting = decided(pod), decided(pod, *granted)

    assert keys(exempting.denied) <= keys(without.denied)
    assert every(exempting) | keys_exempted(exempting.exempted) == every(without)
    assert every(exempting).isdisjoint(keys_exempted(exempting.exempted))


@many
@given(pod=everything(), granted=exemptions())
def test_an_exemption_never_takes_a_finding_that_it_does_not_name(pod: JsonMap, granted: Exemption) -> None:
    decision = decided(pod, granted)

    ephemeral = {each.get("name") for each in as_maps(pod["spec"], "ephemeralContainers")}
    for exempted in decision.exempted:
        violation = exempted.ruling.finding.violation
        assert violation is not None
        assert exempted.ruling.finding.rule.slug in granted.rules
        assert (granted.namespace, granted.workload, granted.revoked) == (HERE.namespace, HERE.workload, False)
        assert NOW < granted.expires <= CREATED + LONGEST_LIFE
        if granted.containers:
            assert violation.place.containers
            assert set(violation.place.containers) <= granted.containers
        else:
            assert ephemeral.isdisjoint(violation.place.containers)
        if granted.values:
            assert exempted.ruling.finding.rule.value in {each.kind for each in granted.values}


def as_maps(spec: Any, listed: str) -> list[dict[str, Any]]:  # noqa: ANN401 - any JSON
    found = spec.get(listed) if isinstance(spec, dict) else None
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


@many
@given(pod=everything(), granted=st.lists(exemptions(), max_size=6), data=st.data())
def test_exemptions_together_take_the_union_in_whatever_order(
    pod: JsonMap, granted: list[Exemption], data: st.DataObject
) -> None:
    granted = [replace(each, name=f"{each.name}{index}") for index, each in enumerate(granted)]
    shuffled = data.draw(st.permutations(granted))

    together, otherwise = decided(pod, *granted), decided(pod, *shuffled)
    alone = [decided(pod, each) for each in granted]

    assert keys_exempted(together.exempted) == {key for each in alone for key in keys_exempted(each.exempted)}
    assert together.exempted == otherwise.exempted


@many
@given(pod=everything(), granted=st.lists(exemptions(), max_size=4))
def test_no_patch_heals_what_is_exempted(pod: JsonMap, granted: list[Exemption]) -> None:
    subject = view(pod)
    circumstances = let_off(granted, subject)
    exempted = decide(ASKED, evaluate(ASKED.questions, subject), circumstances).exempted

    made = mend(ASKED, subject, circumstances)

    assert keys_exempted(exempted).isdisjoint({each.key for each in made.healed})
