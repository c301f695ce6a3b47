"""Which policies hold in a namespace."""

from __future__ import annotations

from leaves import exemption
from reviewing import policy
from specimens import HERE
from stridegate.admission.policy_set import PolicySet, compiled, empty_policy_set
from stridegate.engine.catalogue import POD_RULES
from stridegate.engine.exemptions import compile_exemptions
from stridegate.model.policies import IMMUTABLE_LABEL, LabelSelector, Operator, Policy, Requirement


def selector(key: str, *values: str) -> LabelSelector:
    """Return a selector of namespaces that have one of some values of a label."""
    return LabelSelector((Requirement(key, Operator.IN, frozenset(values)),))


def policy_set(*policies: Policy, **namespaces: dict[str, str]) -> PolicySet:
    """Return the set of some policies and namespaces."""
    labelled = {name: {IMMUTABLE_LABEL: name, **labels} for name, labels in namespaces.items()}
    return (
        empty_policy_set(POD_RULES)
        .with_namespaces(labelled)
        .with_policies(compiled(each, POD_RULES) for each in policies)
    )


def names(known: PolicySet, namespace: str) -> tuple[str, ...] | None:
    """Return the names of the policies that hold in a namespace."""
    found = known.rulebook(namespace)
    return found.regime.policies if found else None


def test_policies_hold_where_their_selectors_match() -> None:
    known = policy_set(policy("all"), policy("gold", selector=selector("tier", "gold")), shop={"tier": "gold"}, lab={})

    assert names(known, "shop") == ("all", "gold")
    assert names(known, "lab") == ("all",)


def test_the_built_in_default_holds_where_none_matches() -> None:
    known = policy_set(policy("gold", selector=selector("tier", "gold")), lab={})

    found = known.rulebook("lab")

    assert found is not None
    assert (found.regime.policies, found.selected) == (("default",), False)


def test_only_the_canary_policy_holds_in_the_canary_namespace() -> None:
    known = policy_set(policy("all")).with_namespaces({"stridegate-canary": {}})

    assert names(known, "stridegate-canary") == ("canary",)


def test_a_namespace_that_nobody_knows_has_no_rulebook() -> None:
    assert policy_set(policy("all")).rulebook("new") is None


def test_of_a_namespace_of_which_only_the_name_is_known_everything_that_could_match_holds() -> None:
    known = policy_set(
        policy("all"),
        policy("gold", selector=selector("tier", "gold")),
        policy("named", selector=selector(IMMUTABLE_LABEL, "new")),
        policy("other", selector=selector(IMMUTABLE_LABEL, "other")),
    )

    assert known.strictest("new").regime.policies == ("all", "gold", "named")


def test_namespaces_that_match_the_same_policies_share_one_compilation() -> None:
    known = policy_set(policy("all"), shop={}, lab={})

    assert known.rulebook("shop") is known.rulebook("lab")


def test_what_was_compiled_outlives_a_change_of_namespaces() -> None:
    known = policy_set(policy("all"), shop={})
    before = known.rulebook("shop")

    after = known.with_namespaces({"shop": {IMMUTABLE_LABEL: "shop"}, "lab": {}}).rulebook("lab")

    assert after is before


def test_a_snapshot_does_not_change_when_its_successor_is_made() -> None:
    known = policy_set(policy("all"), shop={})

    known.with_policies([])

    assert names(known, "shop") == ("all",)


def test_exemptions_hold_in_their_own_namespace_only() -> None:
    known = policy_set(policy("all"), shop={}, lab={}).with_exemptions(compile_exemptions([exemption("x", "host-pid")]))

    held = {name: found.granted for name in ("shop", "lab") if (found := known.rulebook(name))}

    assert list(held["shop"]) == [HERE.workload]
    assert held["lab"] == {}


def test_a_namespace_without_exemptions_shares_its_compilation_with_others() -> None:
    known = policy_set(policy("all"), shop={}, lab={}, den={})
    exempting = known.with_exemptions(compile_exemptions([exemption("x", "host-pid")]))

    assert exempting.rulebook("lab") is exempting.rulebook("den")
    exempted, other = exempting.rulebook("shop"), exempting.rulebook("lab")
    assert exempted is not None
    assert other is not None
    assert exempted.regime is other.regime


def test_in_a_namespace_of_which_only_the_name_is_known_no_exemption_applies() -> None:
    known = policy_set(policy("all")).with_exemptions(compile_exemptions([exemption("x", "host-pid", namespace="new")]))

    assert known.strictest("new").granted == {}


def test_what_was_compiled_outlives_a_change_of_exemptions() -> None:
    known = policy_set(policy("all"), shop={}, lab={})
    before = known.rulebook("lab")

    after = known.with_exemptions(compile_exemptions([exemption("x", "host-pid")])).rulebook("lab")

    assert after is before


def test_exemptions_outlive_a_change_of_policies_and_namespaces() -> None:
    known = policy_set(policy("all"), shop={}).with_exemptions(compile_exemptions([exemption("x", "host-pid")]))

    changed = known.with_policies([compiled(policy("other"), POD_RULES)]).with_namespaces({"shop": {}})

    found = changed.rulebook("shop")
    assert found is not None
    assert list(found.granted) == [HERE.workload]


def test_the_digest_is_that_of_the_policies_and_of_nothing_else() -> None:
    one = policy_set(policy("all"), shop={}).with_policies([compiled(policy("all"), POD_RULES, revision="a/1")])
    same = one.with_namespaces({})
    other = one.with_policies([compiled(policy("all"), POD_RULES, revision="a/2")])

    assert one.digest == same.digest != other.digest
