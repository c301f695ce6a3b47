"""Mending leaves nothing worse than it was, whichever rule and policy says so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from specimens import HERE, laid_over, patched, view
from stridegate.engine.catalogue import POD_RULES
from stridegate.engine.evaluate import evaluate
from stridegate.engine.mend import mend
from stridegate.engine.policies import Regime, compile_policy, compile_regime
from stridegate.engine.remedies import Remedy, Target, remedy
from stridegate.model.places import Field
from stridegate.model.policies import Policy, RuleSetting, Workload
from stridegate.model.quantities import parse_quantity
from stridegate.model.rules import Given, Parameters, Quantity, Violation
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Action, Patching, Profile
from work import TENFOLD, calls

LIMIT = Field[str]("resources.limits.memory")
UNLIMITED = "{name: small, resources: null}, {name: large, resources: {limits: null, requests: {memory: 4Gi}}}"
TARGET = Target(namespace="shop", workload=Workload("Deployment", "web"), own=False, exists=True)


def quantity(text: str) -> Quantity:
    return Quantity(text, parse_quantity(text))


def larger(pod: PodView, given: Given) -> Iterator[Violation]:
    """Yield every limit above the size that the policy gives."""
    for container in pod.containers:
        limit = LIMIT.of(container)
        if limit and given.parameters.size_limit and parse_quantity(limit) > given.parameters.size_limit.value:
            yield Violation(LIMIT.at(container), observed=limit, wanted="be smaller")


# A rule that nothing in the engine can know of.
SIZED = replace(POD_RULES["excessive-memory-limit"], slug="sized-limit", takes=frozenset({"size_limit"}), check=larger)


def sized(size: str) -> Regime:
    """Return what is asked where one policy limits memory to 1Gi, and another finds what is above a size."""
    limiting = Policy(
        name="limits",
        profile=Profile.BASELINE,
        action=Action.DENY,
        patching=Patching.ALL,
        rules={"unlimited-memory": RuleSetting(parameters=Parameters(default=quantity("1Gi")))},
    )
    sizing = Policy(
        name="sizes",
        profile=Profile.BASELINE,
        action=Action.AUDIT,
        rules={"sized-limit": RuleSetting(parameters=Parameters(size_limit=quantity(size)))},
    )
    rules = (POD_RULES["unlimited-memory"], SIZED)
    return compile_regime({each.name: compile_policy(each, rules) for each in (limiting, sizing)})


def fixed(asked: Regime) -> Remedy:
    """Return the fix of two unlimited containers under a default of 1Gi."""
    pod = laid_over(f"containers: [{UNLIMITED}]")
    findings = [each for each in evaluate(asked.questions, view(pod)) if each.rule.slug == "unlimited-memory"]
    return remedy(view(pod), findings, TARGET, asked.measured)


def test_a_patch_that_another_rule_would_find_worse_is_not_made() -> None:
    pod = laid_over("containers: [{name: app, resources: null}]")

    assert mend(sized("2Gi"), view(pod), HERE).operations
    assert not mend(sized("512Mi"), view(pod), HERE).operations


def test_what_one_container_cannot_have_its_neighbour_gets() -> None:
    pod = laid_over(f"containers: [{UNLIMITED}]")

    after = view(patched(pod, mend(sized("2Gi"), view(pod), HERE).operations))

    assert {each.name: LIMIT.of(each) for each in after.containers if each.name != "app"} == {
        "small": "1Gi",
        "large": None,
    }


def test_a_fix_leaves_out_what_would_be_worse() -> None:
    assert '"small"' in str(fixed(sized("2Gi")).command)
    assert '"large"' not in str(fixed(sized("2Gi")).command)
    assert fixed(sized("2Gi")).unhealed == 1
    assert fixed(sized("512Mi")).command is None


def test_leaving_patches_out_takes_work_in_proportion_to_the_pod() -> None:
    def careless(count: int) -> PodView:
        requests = (
            f"{{name: c{number}, resources: {{requests: {{memory: {number % 2 * 4}Gi}}}}}}" for number in range(count)
        )
        return view(laid_over(f"containers: [{', '.join(requests)}]"))

    hundred, thousand = careless(100), careless(1000)

    assert calls(lambda: mend(sized("2Gi"), thousand, HERE)) < TENFOLD * calls(
        lambda: mend(sized("2Gi"), hundred, HERE)
    )


def test_a_patch_that_answers_one_version_of_a_rule_leaves_no_more_to_patch_for_another() -> None:
    strict = Policy(name="strict", profile=Profile.RESTRICTED, action=Action.DENY, patching=Patching.NONE)
    older = Policy(
        name="older",
        profile=Profile.RESTRICTED,
        action=Action.WARN,
        patching=Patching.ALL,
        pod_security=34,
        rules={"host-user-namespace": RuleSetting(action=Action.WARN)},
    )
    asked = compile_regime({each.name: compile_policy(each, POD_RULES.values()) for each in (strict, older)})
    pod = laid_over("{hostUsers: null, securityContext: {runAsNonRoot: null}}")

    once = patched(pod, mend(asked, view(pod), HERE).operations)

    assert not mend(asked, view(once), HERE).operations
