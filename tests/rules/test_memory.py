"""Memory: what is a limit, for whom, and what a patch may set."""

from __future__ import annotations

from fractions import Fraction

import pytest

from specimens import HERE, judged, laid_over, patched, policy, regime, view
from stridegate.engine.examples import JsonMap
from stridegate.engine.mend import mend
from stridegate.engine.policies import Regime
from stridegate.model.policies import Policy, RuleSetting
from stridegate.model.quantities import parse_quantity
from stridegate.model.rules import Given, Parameters, Quantity
from stridegate.model.vocabulary import Action, Outcome, Patching, Profile


def quantity(text: str) -> Quantity:
    return Quantity(text, parse_quantity(text))


def with_default(default: str, ceiling: str | None = None) -> Regime:
    parameters = Parameters(default=quantity(default))
    rules = {"unlimited-memory": RuleSetting(parameters=parameters, override=True)}
    if ceiling is not None:
        rules["excessive-memory-limit"] = RuleSetting(parameters=Parameters(ceiling=quantity(ceiling)))
    return regime(Policy(name="p", profile=Profile.HARDENED, action=Action.DENY, patching=Patching.ALL, rules=rules))


def limited(limit: str) -> JsonMap:
    return laid_over(f"containers: [{{name: app, resources: {{limits: {{memory: {limit}}}, requests: null}}}}]")


def outcomes(pod: JsonMap, ceiling: str | None = None) -> list[tuple[str, Outcome]]:
    parameters = Parameters(ceiling=quantity(ceiling) if ceiling else None)
    return [(finding.rule.slug, finding.outcome) for finding in judged(pod, Given(parameters=parameters))]


@pytest.mark.parametrize(
    "limit",
    [
        "'0'",
        "0",
        "0Mi",
        "0.0",
        "'-1'",
        "''",
        "1 Gi",
        "1gi",
        "Mi",
        "1e",
        "'0x10'",
        "\u0661",
        "8Ei",
        "10E",
        "1e400",
        "1e19",
    ],
)
def test_what_is_no_limit_fails(limit: str) -> None:
    assert outcomes(limited(limit)) == [("unlimited-memory", Outcome.FAIL)]


@pytest.mark.parametrize(
    "limit",
    ["1e9", "1E", "0.5Gi", "512", "536870912", "1.1Gi", "1181116006400m", "'536870912'", "1.5e3", ".5Gi", "+1Gi"],
)
def test_what_is_a_limit_passes(limit: str) -> None:
    assert not outcomes(limited(limit))


def test_a_limit_that_no_node_can_count_is_not_healed_by_the_request_that_it_became() -> None:
    # To the kubelet 10E is 0 (`resource.Quantity.Value` overflows); the API server has made a request of the limit.
    pod = laid_over("containers: [{name: app, resources: {limits: {memory: 10E}, requests: {memory: 10E}}}]")

    assert outcomes(pod) == [("unlimited-memory", Outcome.FAIL)]
    assert not mend(with_default("256Mi"), view(pod), HERE).operations


@pytest.mark.parametrize("limit", ["7Ei", "9E", "9223372036854710271"])
def test_the_most_that_a_node_counts_is_a_limit(limit: str) -> None:
    assert not outcomes(limited(limit))


@pytest.mark.parametrize("limit", ["512m", "1.5", "'1.5'", "1n"])
def test_thousandths_of_a_byte_are_a_limit_and_warned_about(limit: str) -> None:
    assert outcomes(limited(limit)) == [("unlimited-memory", Outcome.WARN)]


def test_a_limit_of_the_pod_is_for_all_its_containers() -> None:
    assert not outcomes(laid_over("{resources: {limits: {memory: 1Gi}}, containers: [{name: app, resources: null}]}"))


@pytest.mark.parametrize("resources", ["{requests: {memory: 1Gi}}", "{limits: {cpu: '1'}}", "{}"])
def test_other_resources_of_the_pod_are_no_limit(resources: str) -> None:
    pod = laid_over(f"{{resources: {resources}, containers: [{{name: app, resources: null}}]}}")

    assert outcomes(pod) == [("unlimited-memory", Outcome.FAIL)]
    assert not mend(with_default("256Mi"), view(pod), HERE).operations


def test_a_pod_without_limit_by_zero_bounds_nobody() -> None:
    pod = laid_over("{resources: {limits: {memory: '0'}}, containers: [{name: app, resources: null}]}")

    assert outcomes(pod) == [("unlimited-memory", Outcome.FAIL)] * 2


@pytest.mark.parametrize("restart", ["", ", restartPolicy: Always"])
def test_init_containers_and_sidecars_count(restart: str) -> None:
    pod = laid_over(f"initContainers: [{{name: first, image: x, securityContext: null{restart}}}]")

    found = [finding for finding in judged(pod) if finding.rule.slug == "unlimited-memory"]

    assert [finding.key[1] for finding in found] == ["initContainers[first]"]


def test_ephemeral_containers_cannot_have_one() -> None:
    pod = laid_over("ephemeralContainers: [{name: debugger, image: x}]")

    assert "unlimited-memory" not in {slug for slug, _ in outcomes(pod)}


def test_the_patch_sets_limit_and_request() -> None:
    pod = laid_over("containers: [{name: app, resources: null}]")

    operations = mend(with_default("256Mi"), view(pod), HERE).operations

    assert operations == [
        {"op": "add", "path": "/spec/containers/0/resources", "value": {}},
        {"op": "add", "path": "/spec/containers/0/resources/limits", "value": {}},
        {"op": "add", "path": "/spec/containers/0/resources/limits/memory", "value": "256Mi"},
        {"op": "add", "path": "/spec/containers/0/resources/requests", "value": {}},
        {"op": "add", "path": "/spec/containers/0/resources/requests/memory", "value": "256Mi"},
    ]


def test_the_patch_is_never_below_the_request() -> None:
    pod = laid_over("containers: [{name: app, resources: {limits: null, requests: {memory: 1Gi}}}]")

    after = view(patched(pod, mend(with_default("256Mi"), view(pod), HERE).operations))

    resources = after.containers[0].shape.resources
    assert resources is not None
    assert (resources.limits, resources.requests) == ({"memory": "1Gi"}, {"memory": "1Gi"})


def test_the_patch_is_never_above_the_ceiling() -> None:
    pod = laid_over("containers: [{name: app, resources: {limits: null, requests: {memory: 9Gi}}}]")

    assert not mend(with_default("256Mi", ceiling="8Gi"), view(pod), HERE).operations


def test_the_patch_is_never_above_the_ceiling_of_another_policy() -> None:
    generous = Policy(
        name="generous",
        profile=Profile.BASELINE,
        action=Action.DENY,
        patching=Patching.ALL,
        rules={"unlimited-memory": RuleSetting(parameters=Parameters(default=quantity("2Gi")))},
    )
    strict = Policy(
        name="strict",
        profile=Profile.BASELINE,
        action=Action.WARN,
        rules={"excessive-memory-limit": RuleSetting(parameters=Parameters(ceiling=quantity("1Gi")))},
    )
    pod = laid_over("containers: [{name: app, resources: null}]")

    assert mend(regime(generous), view(pod), HERE).operations
    assert not mend(regime(generous, strict), view(pod), HERE).operations


def test_beside_a_request_that_is_no_quantity_there_is_no_patch() -> None:
    pod = laid_over("containers: [{name: app, resources: {limits: null, requests: {memory: lots}}}]")

    assert not mend(with_default("256Mi"), view(pod), HERE).operations


def test_without_a_default_in_the_policy_there_is_no_patch() -> None:
    pod = laid_over("containers: [{name: app, resources: null}]")

    assert not mend(regime(policy()), view(pod), HERE).operations


@pytest.mark.parametrize(("limit", "found"), [("8Gi", 0), ("8589934593", 1), ("1E", 1), ("8192Mi", 0), ("8.1Gi", 1)])
def test_the_ceiling_is_compared_exactly(limit: str, found: int) -> None:
    assert len(outcomes(limited(limit), ceiling="8Gi")) == found


def test_a_larger_limit_above_the_ceiling_is_worse() -> None:
    given = Given(parameters=Parameters(ceiling=quantity("1Gi")))

    ranks = [
        finding.violation.rank
        for limit in ("2Gi", "3Gi")
        for finding in judged(limited(limit), given)
        if finding.violation
    ]

    assert ranks == [2 * 2**30, 3 * 2**30]


def test_the_pod_has_a_ceiling_too() -> None:
    pod = laid_over("resources: {limits: {memory: 9Gi}}")

    assert outcomes(pod, ceiling="8Gi") == [("excessive-memory-limit", Outcome.FAIL)]
    assert Fraction(9 * 2**30) == parse_quantity("9Gi")
