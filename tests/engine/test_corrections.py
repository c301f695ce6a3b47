"""What an author can make of findings, and why the rest is left."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from specimens import HERE, laid_over, policy, regime, view
from stridegate.engine.catalogue import POD_RULES
from stridegate.engine.corrections import Correction, Obstacle, correct
from stridegate.engine.evaluate import evaluate
from stridegate.engine.policies import Regime, compile_policy, compile_regime
from stridegate.model.edits import Append, Assign
from stridegate.model.policies import Exclusion, Policy, RuleSetting
from stridegate.model.rules import Given, Parameters, Quantity
from stridegate.model.vocabulary import Action, Patching, Profile, Safety

BARE = "securityContext: null\ncontainers: [{name: app, securityContext: null}]"
HARDENED = regime(policy(patching=Patching.NONE))


def corrected(asked: Regime, spec: str, most: Safety = Safety.RISKY) -> Correction:
    pod = view(laid_over(spec))
    return correct(asked, pod, evaluate(asked.questions, pod), HERE, most)


def left(correction: Correction) -> dict[str, Obstacle]:
    return {slug: obstacle for (slug, *_), obstacle in correction.left.items()}


def test_an_author_makes_what_a_policy_keeps_from_the_webhook() -> None:
    correction = corrected(HARDENED, "containers: [{name: app, securityContext: {privileged: true}}]")

    assert {edit.value for edit in correction.edits if isinstance(edit, Assign)} == {False}


def test_risky_patches_are_left_to_those_who_ask_for_them() -> None:
    correction = corrected(HARDENED, BARE, Safety.SAFE)

    assert left(correction) == {
        "possible-root-user": Obstacle.RISKY,
        "undropped-capabilities": Obstacle.RISKY,
        "writable-root-filesystem": Obstacle.RISKY,
    }


def test_who_drops_all_capabilities_need_not_drop_one() -> None:
    bold = corrected(HARDENED, BARE)
    careful = corrected(HARDENED, BARE, Safety.SAFE)

    assert [edit.values for edit in bold.edits if isinstance(edit, Append)] == [("ALL",)]
    assert [edit.values for edit in careful.edits if isinstance(edit, Append)] == [("NET_RAW",)]
    assert not bold.left


def test_what_lacks_a_parameter_is_told_from_what_needs_a_person() -> None:
    correction = corrected(HARDENED, "{hostPID: true, containers: [{name: app, resources: null}]}")

    assert left(correction) == {"unlimited-memory": Obstacle.PARAMETER, "host-pid": Obstacle.MANUAL}


def test_what_would_change_something_excluded_is_left() -> None:
    exclusion = Exclusion(
        namespaces=frozenset({HERE.namespace}),
        reason="its image is old",
        containers=frozenset({"old"}),
        rules=frozenset({"writable-root-filesystem"}),
    )
    asked = regime(replace(policy(patching=Patching.NONE), exclude=(exclusion,)))
    writable = "securityContext: {readOnlyRootFilesystem: null}"
    pod = view(
        laid_over(
            f"containers: [{{name: app, {writable}}}, {{name: old, {writable}}}]",
            {"stridegate.dev/writable-paths": "app=/cache; old=/cache"},
        )
    )

    correction = correct(asked, pod, evaluate(asked.questions, pod), HERE, Safety.RISKY)

    # Both would add to the list of volumes.
    found = {key[1]: obstacle for key, obstacle in correction.left.items() if key[0] == "writable-root-filesystem"}
    assert found["containers[app]"] is Obstacle.SHARED


def test_what_another_rule_would_find_worse_is_left() -> None:
    def quantity(text: str, gibibytes: int) -> Quantity:
        return Quantity(text, Fraction(gibibytes * 2**30))

    limits = RuleSetting(parameters=Parameters(default=quantity("4Gi", 4)))
    sizes = RuleSetting(parameters=Parameters(ceiling=quantity("1Gi", 1)), action=Action.DENY)
    rules = {"unlimited-memory": limits, "excessive-memory-limit": sizes}
    asking = Policy(name="limits", profile=Profile.HARDENED, action=Action.DENY, rules=rules)
    asked = compile_regime({"limits": compile_policy(asking, POD_RULES.values())})

    correction = corrected(asked, "containers: [{name: app, resources: null}]")

    assert left(correction)["unlimited-memory"] is Obstacle.WORSE
    assert not [edit for edit in correction.edits if "resources" in edit.place.pointer]


def test_a_rule_that_could_not_judge_is_said_to_be_that() -> None:
    asked = regime(policy(given=Given(), patching=Patching.NONE))
    pod = view(laid_over("volumes: [{name: x, hostPath: wrong}]"))

    correction = correct(asked, pod, evaluate(asked.questions, pod), HERE, Safety.RISKY)

    assert Obstacle.UNJUDGED in left(correction).values()
