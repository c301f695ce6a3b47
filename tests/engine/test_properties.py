"""What holds for every pod: laws of judging, comparing and mending, on generated pods."""

from __future__ import annotations

import copy
import re
from fractions import Fraction
from typing import cast

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pod_steps import Map, child, containers
from pod_strategies import everything
from specimens import HERE, KINDS, THERE, embedded, judged, patched, policy, questions, regime, view
from stridegate.engine.catalogue import POD_RULES
from stridegate.engine.decide import decide
from stridegate.engine.difference import compare
from stridegate.engine.evaluate import evaluate
from stridegate.engine.examples import JsonMap
from stridegate.engine.mend import become, mend
from stridegate.engine.policies import Regime
from stridegate.model.findings import Finding, FindingKey
from stridegate.model.pods import PodTemplate
from stridegate.model.rules import Given, Parameters, Quantity
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Action, Outcome, Patching, Profile

many = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])

PARAMETERS = Parameters(
    default=Quantity("256Mi", Fraction(256 * 2**20)),
    ceiling=Quantity("8Gi", Fraction(8 * 2**30)),
    size_limit=Quantity("64Mi", Fraction(64 * 2**20)),
    paths=("/srv/x", "/run"),
)


@st.composite
def regimes(draw: st.DrawFn, patchings: tuple[Patching, ...] = tuple(Patching)) -> Regime:
    """Return what one or two policies ask together."""
    policies = [
        policy(
            name,
            given=Given(
                pod_security=draw(st.sampled_from([18, 21, 24, 34, 37])),
                profile=draw(st.sampled_from(Profile)),  # ADVISORY: every rule is named
                parameters=draw(st.sampled_from([Parameters(), PARAMETERS])),
            ),
            action=draw(st.sampled_from([Action.AUDIT, Action.WARN, Action.DENY])),
            patching=draw(st.sampled_from(patchings)),
            override=draw(st.booleans()),
        )
        for name in ("first", "second")[: draw(st.integers(1, 2))]
    ]
    return regime(*policies)


def badness(finding: Finding) -> tuple[bool, int]:
    rank = finding.violation.rank if finding.violation else 0
    return finding.outcome is not Outcome.WARN, rank


def by_key(findings: list[Finding]) -> dict[FindingKey, tuple[bool, int]]:
    return {finding.key: badness(finding) for finding in findings}


@many
@given(pod=everything(), asked=regimes())
def test_mending_twice_is_mending_once(pod: JsonMap, asked: Regime) -> None:
    once = patched(pod, mend(asked, view(pod), HERE).operations)

    twice = mend(asked, view(once), HERE)

    assert not twice.operations


@many
@given(pod=everything(), asked=regimes((Patching.SAFE, Patching.ALL)))
def test_mending_makes_no_rule_worse(pod: JsonMap, asked: Regime) -> None:
    everything_asked = Given(profile=Profile.ADVISORY, parameters=PARAMETERS)
    before = by_key(judged(pod, everything_asked))

    after = by_key(judged(patched(pod, mend(asked, view(pod), HERE).operations), everything_asked))

    assert {key: after[key] for key in after if not of_ours(key)}.items() <= before.items()


def of_ours(key: FindingKey) -> bool:
    """Whether an advisory rule finds a volume that a patch added: without a size limit where its policy gives none."""
    return key[0] == "unlimited-ephemeral-storage" and key[1].startswith("volumes[stridegate-")


@many
@given(pod=everything(), asked=regimes())
def test_mending_heals_what_it_says_and_nothing_else_appears(pod: JsonMap, asked: Regime) -> None:
    findings = by_key(evaluate(asked.questions, view(pod)))

    mended = mend(asked, view(pod), HERE)

    after = by_key(evaluate(asked.questions, view(patched(pod, mended.operations))))
    appeared = {key for key in after if not of_ours(key)}
    assert appeared <= findings.keys() - {finding.key for finding in mended.healed}


_POINTERS = re.compile(
    r"""
    /spec/securityContext(/(runAsNonRoot|seccompProfile))?
    | /spec/(hostUsers|shareProcessNamespace)
    | /spec/volumes(/-|/[0-9]+/emptyDir/sizeLimit)?
    | /spec/(init|ephemeral)?[cC]ontainers/[0-9]+/(
        securityContext(/(privileged|allowPrivilegeEscalation|readOnlyRootFilesystem|capabilities(/drop(/-)?)?))?
        | resources(/(limits|requests)(/memory)?)?
        | volumeMounts(/-|/[0-9]+/readOnly)?
        | (liveness|readiness|startup)Probe/(httpGet|tcpSocket)/host
        | lifecycle/(postStart|preStop)/(httpGet|tcpSocket)/host
    )""",
    re.VERBOSE,
)


@many
@given(pod=everything(), asked=regimes((Patching.ALL,)))
def test_every_operation_is_of_a_closed_list(pod: JsonMap, asked: Regime) -> None:
    operations = mend(asked, view(pod), HERE).operations

    for operation in operations:
        path = str(operation["path"])
        assert _POINTERS.fullmatch(path), path
        assert operation["op"] == ("remove" if path.endswith("/host") else "add")


@many
@given(pod=everything(), asked=regimes((Patching.ALL,)))
def test_mending_keeps_the_order_and_the_members_of_lists(pod: JsonMap, asked: Regime) -> None:
    after = patched(pod, mend(asked, view(pod), HERE).operations)

    assert_grown(pod, after)


def assert_grown(before: object, after: object) -> None:
    """Assert that lists only grew at their end, and that maps lost no key but a host."""
    if isinstance(before, list) and isinstance(after, list):
        assert len(after) >= len(before)
        for old, new in zip(before, after, strict=False):
            assert_grown(old, new)
    elif isinstance(before, dict) and isinstance(after, dict):
        assert before.keys() - after.keys() <= {"host"}
        for key in before.keys() & after.keys():
            assert_grown(before[key], after[key])


@many
@given(pod=everything(), parameters=st.sampled_from([Parameters(), PARAMETERS]))
def test_without_an_override_no_explicit_value_changes(pod: JsonMap, parameters: Parameters) -> None:
    asked = regime(policy(given=Given(parameters=parameters), override=False))

    after = patched(pod, mend(asked, view(pod), HERE).operations)

    assert_filled(pod, after)


def assert_filled(before: object, after: object) -> None:
    if isinstance(before, dict) and isinstance(after, dict):
        for key, value in before.items():
            if value is not None:
                assert_filled(value, after[key])
    elif isinstance(before, list) and isinstance(after, list):
        for old, new in zip(before, after, strict=False):
            assert_filled(old, new)
    else:
        assert before == after


@many
@given(pod=everything(), asked=regimes(), kind=st.sampled_from([kind for kind in KINDS if kind != "Pod"]))
def test_a_template_is_judged_as_the_really_patched_one(pod: JsonMap, asked: Regime, kind: str) -> None:
    document, prefix = embedded(pod, kind), KINDS[kind]
    template = view(document, prefix)

    foreseen = evaluate(asked.questions, become(asked, template, THERE))

    operations = mend(asked, template, THERE).operations
    real = evaluate(asked.questions, view(patched(document, operations), prefix))
    assert [(each.key, each.sentence) for each in foreseen] == [(each.key, each.sentence) for each in real]


@many
@given(pod=everything(), asked=regimes())
def test_an_update_that_changes_nothing_is_answerable_for_nothing(pod: JsonMap, asked: Regime) -> None:
    old, new = view(pod), view(copy.deepcopy(pod))
    findings = evaluate(asked.questions, new)

    difference = compare(old, evaluate(asked.questions, old), new, findings)

    assert not difference.answerable
    assert difference.existing == findings
    assert not decide(asked, difference.answerable, HERE).denied


@many
@given(pod=everything(), asked=regimes())
def test_an_update_from_nothing_is_a_creation(pod: JsonMap, asked: Regime) -> None:
    new = view(pod)
    findings = evaluate(asked.questions, new)

    difference = compare(PodView(PodTemplate()), [], new, findings)

    assert difference.answerable == findings


@many
@given(one=everything(), other=everything(), asked=regimes())
def test_an_update_never_loses_a_finding(one: JsonMap, other: JsonMap, asked: Regime) -> None:
    old, new = view(one), view(other)
    before, after = evaluate(asked.questions, old), evaluate(asked.questions, new)

    difference = compare(old, before, new, after)

    assert len(difference.answerable) + len(difference.existing) == len(after)
    assert {each.key for each in difference.existing} <= {each.key for each in before}


@many
@given(pod=everything(), data=st.data())
def test_reordering_changes_nothing(pod: JsonMap, data: st.DataObject) -> None:
    shuffled = copy.deepcopy(pod)
    spec = child(shuffled, "spec")
    for listed in ("containers", "volumes", "ephemeralContainers"):
        if isinstance(each := spec.get(listed), list):
            spec[listed] = data.draw(st.permutations(each))

    assert by_key(judged(shuffled)) == by_key(judged(pod))


@many
@given(pod=everything())
def test_renaming_changes_nothing_but_names(pod: JsonMap) -> None:
    renamed = copy.deepcopy(pod)
    for container in containers(renamed):
        container["name"] = f"renamed-{container['name']}"
    annotations = cast("Map", child(renamed, "metadata").get("annotations") or {})
    for key, value in list(annotations.items()):
        prefix, slash, name = key.rpartition("/")
        if prefix.startswith("container."):
            annotations[f"{prefix}{slash}renamed-{name}"] = annotations.pop(key)
        elif name == "writable-paths":
            annotations[key] = f"renamed-{value}" if not str(value).startswith("nobody") else value

    before, after = judged(pod), judged(renamed)

    assert [anonymous(each) for each in after] == [anonymous(each) for each in before]


def anonymous(finding: Finding) -> tuple[str, str, str]:
    text = re.sub(r"renamed-", "", f"{finding.key}")
    return finding.rule.slug, text, finding.outcome.value


@many
@given(pod=everything())
def test_a_higher_level_finds_all_that_a_lower_one_does(pod: JsonMap) -> None:
    hardened = {each.key for each in judged(pod)}
    restricted = {each.key for each in judged(pod, Given(profile=Profile.RESTRICTED))}

    assert restricted <= hardened
    assert hardened - restricted <= {each.key for each in judged(pod) if each.rule.profile is Profile.HARDENED}


@many
@given(pod=everything(), minor=st.integers(0, 37), profile=st.sampled_from([Profile.BASELINE, Profile.RESTRICTED]))
def test_each_place_breaks_one_rule_of_a_level(pod: JsonMap, minor: int, profile: Profile) -> None:
    level = Given(pod_security=minor, profile=profile)
    asked = questions(level, [rule for rule in POD_RULES.values() if rule.standard])

    keys = {each.key for each in evaluate(asked, view(pod))}

    assert len({key[1:] for key in keys}) == len(keys)
