"""What becomes of findings: templates and mirror pods get less, and patches go by the strictest policy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from specimens import HERE, KINDS, THERE, embedded, laid_over, patched, policy, regime, slugs, view
from stridegate.engine.decide import Circumstances, decide
from stridegate.engine.evaluate import evaluate
from stridegate.engine.examples import JsonMap
from stridegate.engine.mend import become, mend
from stridegate.model.findings import Decision
from stridegate.model.policies import Exclusion, Policy, RuleSetting
from stridegate.model.quantities import parse_quantity
from stridegate.model.rules import Given, Parameters, Quantity
from stridegate.model.vocabulary import Action, Patching, Profile

NO_PROFILE = laid_over("securityContext: {seccompProfile: null}")
MIRROR = replace(HERE, mirror=True)


def decided(pod: JsonMap, where: Circumstances, *policies: Policy) -> Decision:
    asked = regime(*policies)
    return decide(asked, evaluate(asked.questions, view(pod)), where)


def operations(pod: JsonMap, *policies: Policy) -> list[dict[str, object]]:
    return mend(regime(*policies), view(pod), HERE).operations


def test_a_mirror_pod_is_warned_about_at_most() -> None:
    found = decided(laid_over("hostPID: true"), MIRROR, policy())

    assert not found.denied
    assert [each.demanded for each in found.warned] == [Action.DENY]


@pytest.mark.parametrize(
    ("action", "templates", "becomes"),
    [
        (Action.DENY, Action.WARN, Action.WARN),
        (Action.DENY, Action.DENY, Action.DENY),
        (Action.WARN, Action.DENY, Action.WARN),
        (Action.AUDIT, Action.DENY, Action.AUDIT),
    ],
)
def test_a_template_gets_the_most_that_its_policy_says(action: Action, templates: Action, becomes: Action) -> None:
    found = decided(laid_over("hostPID: true"), THERE, policy(action=action, templates=templates))

    (ruling,) = found.denied + found.warned + found.audited
    assert ruling.action is becomes


def test_a_template_is_denied_if_any_policy_that_denies_it_says_so() -> None:
    lenient = policy("a-lenient", templates=Action.WARN)
    strict = policy("strict", templates=Action.DENY)

    found = decided(laid_over("hostPID: true"), THERE, lenient, strict)

    assert [each.policy for each in found.denied] == ["strict"]


def test_a_warning_at_most_stays_one_under_the_strictest_policy() -> None:
    found = decided(laid_over("ephemeralContainers: [{name: debugger, image: x}]"), HERE, policy())

    assert "writable-root-filesystem" in slugs(each.finding for each in found.warned)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "Pod"])
def test_what_is_healed_at_creation_is_not_held_against_a_template(kind: str) -> None:
    document = embedded(NO_PROFILE, kind)
    asked = regime(policy(patching=Patching.SAFE))

    judged = become(asked, view(document, KINDS[kind]), THERE)

    assert not evaluate(asked.questions, judged)
    assert evaluate(asked.questions, view(document, KINDS[kind]))


def test_a_patch_of_one_rule_counts_for_a_template_where_it_heals_another() -> None:
    pod = laid_over("containers: [{name: app, securityContext: {capabilities: null}}]")
    patching = Policy(
        name="patches",
        profile=Profile.RESTRICTED,
        action=Action.DENY,
        patching=Patching.ALL,
    )
    warning = Policy(
        name="warns",
        profile=Profile.BASELINE,
        action=Action.AUDIT,
        rules={"net-raw-capability": RuleSetting(action=Action.WARN)},
    )
    asked = regime(patching, warning)

    left = evaluate(asked.questions, become(asked, view(pod), THERE))

    assert not {each.rule.slug for each in left if each.rule.profile is not Profile.ADVISORY}


@pytest.mark.parametrize(
    ("action", "patching", "made"),
    [
        (Action.DENY, Patching.SAFE, True),
        (Action.WARN, Patching.SAFE, True),
        (Action.AUDIT, Patching.ALL, False),
        (Action.DENY, Patching.NONE, False),
    ],
)
def test_a_safe_patch_is_made_as_far_as_the_policy_lets_it(action: Action, patching: Patching, made: bool) -> None:
    assert bool(operations(NO_PROFILE, policy(action=action, patching=patching))) is made


def test_a_risky_patch_wants_all() -> None:
    pod = laid_over("containers: [{name: app, securityContext: {readOnlyRootFilesystem: null}}]")

    assert not operations(pod, policy(patching=Patching.SAFE))
    assert operations(pod, policy(patching=Patching.ALL))


def test_an_explicit_value_wants_an_override() -> None:
    pod = laid_over("containers: [{name: app, securityContext: {allowPrivilegeEscalation: true}}]")

    assert not operations(pod, policy(patching=Patching.ALL))
    assert operations(pod, policy(patching=Patching.ALL, override=True))
    assert not operations(pod, policy(patching=Patching.SAFE, override=True))


def test_the_strictest_policy_says_whether_a_patch_is_made() -> None:
    strict = policy("strict", action=Action.DENY, patching=Patching.NONE)
    lax = policy("lax", action=Action.WARN, patching=Patching.ALL)

    assert not operations(NO_PROFILE, strict, lax)


def limiting(name: str, size: str, action: Action = Action.DENY) -> Policy:
    return policy(name, action=action, given=Given(parameters=Parameters(default=Quantity(size, parse_quantity(size)))))


@pytest.mark.parametrize(
    ("policies", "size"),
    [
        ((limiting("b", "1Gi"), limiting("a", "2Gi")), "2Gi"),
        ((limiting("a", "1Gi", Action.WARN), limiting("b", "2Gi")), "2Gi"),
        ((limiting("a", "1Gi"), limiting("b", "2Gi", Action.WARN)), "1Gi"),
    ],
    ids=["at a tie the first by name", "the last", "the first"],
)
def test_the_strictest_policy_says_with_which_value(policies: tuple[Policy, ...], size: str) -> None:
    made = operations(laid_over("containers: [{name: app, resources: null}]"), *policies)

    assert {each["value"] for each in made if each["value"] != {}} == {size}


def test_what_is_excluded_is_not_patched() -> None:
    exclusion = Exclusion(namespaces=frozenset({"shop"}), reason="x", rules=frozenset({"missing-seccomp-profile"}))

    assert not operations(NO_PROFILE, replace(policy(), exclude=(exclusion,)))


def test_what_one_policy_excludes_another_still_patches() -> None:
    exclusion = Exclusion(namespaces=frozenset({"shop"}), reason="x")
    sparing = replace(policy("spares", given=Given(pod_security=30)), exclude=(exclusion,))

    assert operations(NO_PROFILE, sparing, policy("warns", action=Action.WARN))


def test_what_one_policy_excludes_another_that_only_audits_does_not_patch() -> None:
    exclusion = Exclusion(namespaces=frozenset({"shop"}), reason="x")
    sparing = replace(policy("spares"), exclude=(exclusion,))

    assert not operations(NO_PROFILE, sparing, policy("audits", action=Action.AUDIT))


EXCLUDED = Exclusion(
    namespaces=frozenset({"shop"}),
    reason="prepares a volume",
    containers=frozenset({"chown"}),
    rules=frozenset({"possible-root-user", "missing-seccomp-profile"}),
)


def contexts(pod: dict[str, Any]) -> dict[str, Any]:
    """Return what the pod, and each container by its name, says about root and seccomp."""
    spec = pod["spec"]
    listed = [*spec.get("initContainers", []), *spec["containers"]]
    said = {"pod": spec, **{each["name"]: each for each in listed}}
    fields = {"runAsNonRoot", "seccompProfile"}
    return {
        name: {key: value for key, value in (each.get("securityContext") or {}).items() if key in fields}
        for name, each in said.items()
    }


def test_a_container_that_is_excluded_is_not_patched_through_its_neighbour() -> None:
    pod = laid_over(
        """
        securityContext: {runAsNonRoot: null, seccompProfile: null}
        initContainers:
        - {name: chown, image: x, securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}}
        """
    )
    asked = regime(replace(policy(), exclude=(EXCLUDED,)))

    after = patched(pod, mend(asked, view(pod), HERE).operations)

    confined = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    assert contexts(after) == {"pod": {}, "chown": {}, "app": confined}
    denied = decide(asked, evaluate(asked.questions, view(after)), HERE).denied
    assert slugs(each.finding for each in denied).isdisjoint(EXCLUDED.rules)
    assert not mend(asked, view(after), HERE).operations


def test_beside_a_container_that_is_root_on_purpose_the_others_are_patched_by_themselves() -> None:
    pod = laid_over(
        """
        securityContext: {runAsNonRoot: null}
        containers: [{name: app, securityContext: {runAsUser: 1000}}]
        initContainers: [{name: chown, image: x, securityContext: {runAsUser: 0}}]
        """
    )
    asked = regime(policy(patching=Patching.SAFE))

    after = patched(pod, mend(asked, view(pod), HERE).operations)

    said = contexts(after)
    assert said["app"] == {"runAsNonRoot": True}
    assert said["chown"] == {}
    assert "runAsNonRoot" not in said["pod"]


def test_a_profile_that_contradicts_the_annotation_of_a_container_is_not_patched_in() -> None:
    pod = laid_over(
        """
        securityContext: {seccompProfile: null}
        initContainers:
        - {name: chown, image: x, securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}}
        """,
        {"container.seccomp.security.alpha.kubernetes.io/app": "localhost/strict.json"},
    )
    asked = regime(replace(policy(), exclude=(EXCLUDED,)))

    after = patched(pod, mend(asked, view(pod), HERE).operations)

    assert "seccompProfile" not in str(after)


def test_what_was_not_patched_is_denied_as_if_nobody_mends() -> None:
    found = decided(NO_PROFILE, HERE, policy(patching=Patching.SAFE))

    assert slugs(each.finding for each in found.denied) == {"missing-seccomp-profile"}
