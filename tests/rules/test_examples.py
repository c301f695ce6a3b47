"""Every rule is what its examples say, wherever a pod or container stands. No rule has code of its own here."""

from __future__ import annotations

import copy
import itertools
from dataclasses import replace
from typing import cast

import pytest
import yaml

from specimens import (
    HERE,
    KINDS,
    broken_by,
    embedded,
    judged,
    kinds_of,
    moved,
    patched,
    pod_of,
    policy,
    regime,
    setting_of,
    slugs,
    view,
)
from stridegate.engine.catalogue import POD_RULES
from stridegate.engine.decide import patches
from stridegate.engine.evaluate import evaluate
from stridegate.engine.examples import JsonMap, hardened_pod, overlay
from stridegate.engine.harden import Hardening, harden
from stridegate.engine.mend import mend
from stridegate.model.container_views import ContainerKind
from stridegate.model.findings import Finding
from stridegate.model.rules import Example, Given, PodRule
from stridegate.model.vocabulary import Patching, Profile

LEVELS = (Profile.BASELINE, Profile.RESTRICTED, Profile.HARDENED)
SHOWN = [(rule, example) for rule in POD_RULES.values() for example in rule.examples]
NAMES = [f"{rule.slug}: {example.title}" for rule, example in SHOWN]

each_example = pytest.mark.parametrize(("rule", "example"), SHOWN, ids=NAMES)


def expected(rule: PodRule, example: Example, kind: ContainerKind = ContainerKind.REGULAR) -> set[str]:
    bad = {rule.slug} if example.verdict == "bad" else set()
    found = {slug for slug in {*bad, *example.also} if kind not in POD_RULES[slug].spares}
    return found | bad if example.shared else found


def found_in(rule: PodRule, example: Example, pod: JsonMap, kind: str = "Pod") -> list[Finding]:
    return judged(
        embedded(pod, kind),
        example.given,
        KINDS[kind],
        named=broken_by(rule, example),
        setting=setting_of(example, kind),
    )


def mended(rule: PodRule, example: Example, pod: JsonMap, kind: str = "Pod") -> Hardening:
    """Return what a policy makes of a pod that allows every patch."""
    named = broken_by(rule, example)
    everything = regime(policy(given=example.given, patching=Patching.ALL, override=True, named=named))
    return mend(everything, view(embedded(pod, kind), KINDS[kind], setting_of(example, kind)), HERE)


@pytest.mark.parametrize("level", LEVELS, ids=str)
@pytest.mark.parametrize("minor", range(38))
def test_the_hardened_pod_breaks_no_rule(level: Profile, minor: int) -> None:
    found = judged(hardened_pod(), Given(pod_security=minor, profile=level))

    assert not found


@each_example
def test_an_example_breaks_exactly_the_rules_it_names(rule: PodRule, example: Example) -> None:
    found = found_in(rule, example, pod_of(example))

    assert slugs(found) == expected(rule, example), [finding.sentence for finding in found]


@each_example
@pytest.mark.parametrize("kind", [ContainerKind.INIT, ContainerKind.SIDECAR, ContainerKind.EPHEMERAL], ids=str)
def test_an_example_means_the_same_in_every_list_of_containers(
    rule: PodRule, example: Example, kind: ContainerKind
) -> None:
    found = found_in(rule, example, moved(pod_of(example), kind))

    assert slugs(found) == expected(rule, example, kind), [finding.sentence for finding in found]


@each_example
def test_an_example_means_the_same_in_every_kind_that_embeds_a_pod(rule: PodRule, example: Example) -> None:
    for kind in kinds_of(example):
        found = found_in(rule, example, pod_of(example), kind)

        assert slugs(found) == expected(rule, example), kind
        for finding in found:
            assert finding.violation is not None
            assert finding.violation.place.pointer[: len(KINDS[kind])] == KINDS[kind]


@each_example
def test_judging_and_mending_leave_the_pod_as_it_was(rule: PodRule, example: Example) -> None:
    pod = pod_of(example)
    before = copy.deepcopy(pod)

    mended(rule, example, pod)

    assert pod == before, rule


@each_example
@pytest.mark.parametrize("kind", ContainerKind, ids=str)
def test_a_patch_heals_what_it_belongs_to(rule: PodRule, example: Example, kind: ContainerKind) -> None:
    pod = pod_of(example) if kind is ContainerKind.REGULAR else moved(pod_of(example), kind)

    hardening = mended(rule, example, pod)

    left = {finding.key for finding in found_in(rule, example, patched(pod, hardening.operations))}
    assert not left & {finding.key for finding in hardening.healed}, rule
    assert not hardening.conflicting


@each_example
def test_a_patch_fits_every_kind_that_embeds_a_pod(rule: PodRule, example: Example) -> None:
    for kind in kinds_of(example):
        operations = mended(rule, example, pod_of(example), kind).operations

        healed = patched(embedded(pod_of(example), kind), operations)
        assert not mended(rule, example, inner(healed, kind), kind).operations, (rule, kind)


def inner(document: JsonMap, kind: str) -> JsonMap:
    """Return the pod in a document."""
    for part in KINDS[kind]:
        document = cast("JsonMap", document[str(part)])
    return document


@each_example
@pytest.mark.parametrize("kind", ContainerKind, ids=str)
def test_a_second_pass_changes_nothing(rule: PodRule, example: Example, kind: ContainerKind) -> None:
    pod = pod_of(example) if kind is ContainerKind.REGULAR else moved(pod_of(example), kind)
    once = patched(pod, mended(rule, example, pod).operations)

    twice = mended(rule, example, once)

    assert not twice.operations, rule


def alone(rule: PodRule, example: Example) -> Hardening:
    """Return what the patches of one rule alone make of its example."""
    everything = regime(policy(given=example.given, override=True, named={rule.slug}))
    pod = view(pod_of(example), (), setting_of(example))
    made = patches(everything, evaluate(everything.mending, pod), HERE)
    return harden(pod, [(finding, patch) for finding, patch in made if finding.rule is rule])


HEALABLE = [(rule, example) for rule, example in SHOWN if alone(rule, example).operations]


def test_every_rule_that_promises_a_fix_shows_it() -> None:
    promising = {rule.slug for rule in POD_RULES.values() if "There is no automatic fix" not in (rule.doc or "")}

    assert {rule.slug for rule, _ in HEALABLE} == promising


@pytest.mark.parametrize(
    ("rule", "example"), HEALABLE, ids=[f"{rule.slug}: {example.title}" for rule, example in HEALABLE]
)
def test_the_patches_of_a_rule_heal_its_example_alone(rule: PodRule, example: Example) -> None:
    hardening = alone(rule, example)

    left = {finding.key for finding in found_in(rule, example, patched(pod_of(example), hardening.operations))}

    assert not left & {finding.key for finding in hardening.healed}


def test_the_patches_of_two_rules_never_contradict_each_other() -> None:
    for (one, first), (other, second) in itertools.combinations(HEALABLE, 2):
        if one is other:
            continue
        both = replace(
            first,
            annotations={**first.annotations, **second.annotations},
            also=(*first.also, *second.also, other.slug),
        )
        pod = pod_of(both)
        pod["spec"] = overlay(pod["spec"], yaml.safe_load(second.spec))

        hardening = mended(one, both, pod)

        assert not hardening.conflicting, (first.title, second.title)
        again = mended(one, both, patched(pod, hardening.operations))
        assert not again.operations, (first.title, second.title)
