"""An audit policy is read as the API server reads it: the first rule that fits a request decides."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from stridegate.model.nodes.audit_policies import gaps
from stridegate.model.nodes.nodes import NotReadable

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["None", "Metadata", "secrets", "", "*", "get"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["rules", "level", "resources", "group", "verbs", "users", "resourceNames", "omitStages"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
METADATA = "- level: Metadata\n"


def found(rules: str) -> list[str]:
    return [f"{gap.what} {gap.words}" for gap in gaps({"rules": yaml.safe_load(rules) or []}, "/policy.yaml")]


def test_everything_at_metadata_is_complete() -> None:
    assert not found(METADATA)


def test_what_follows_a_rule_for_all_does_not_count() -> None:
    assert not found(METADATA + "- level: RequestResponse\n- level: None\n")


@pytest.mark.parametrize("resources", ["[secrets]", "['*']", "['secrets/*']", "[pods, secrets]", "[]"], ids=str)
def test_secrets_with_contents_are_found_however_they_are_named(resources: str) -> None:
    rules = f"- level: Request\n  resources: [{{group: '', resources: {resources}}}]\n" + METADATA

    assert "secrets logged with contents" in found(rules)


@pytest.mark.parametrize("who", ["users: [alice]", "namespaces: [shop]", "userGroups: ['system:nodes']"])
def test_an_exception_that_leaves_out_is_no_gap(who: str) -> None:
    assert not found(f"- {{level: None, {who}}}\n" + METADATA)


@pytest.mark.parametrize("who", ["users: [alice]", "namespaces: [shop]", "userGroups: ['system:nodes']"])
def test_an_exception_that_logs_contents_is_one(who: str) -> None:
    assert "secrets logged with contents" in found(f"- {{level: RequestResponse, {who}}}\n" + METADATA)


def test_a_rule_for_some_names_covers_no_others() -> None:
    rules = "- level: Metadata\n  resources: [{group: '', resources: [secrets], resourceNames: [a]}]\n"

    assert "secrets not logged: get, list, watch, create, update, patch, delete, deletecollection" in found(rules)


def test_a_rule_for_pods_is_none_for_what_is_below_them() -> None:
    rules = "- level: None\n  resources: [{group: '', resources: [pods]}]\n" + METADATA

    assert not found(rules)


def test_a_rule_for_all_below_pods_is_one_for_exec() -> None:
    rules = "- level: None\n  resources: [{group: '', resources: ['*/exec']}]\n" + METADATA

    assert found(rules) == ["pods/exec not logged: create, get"]


def test_a_verb_that_is_left_out_is_named() -> None:
    rules = "- level: None\n  verbs: [delete]\n  resources: [{group: rbac.authorization.k8s.io}]\n" + METADATA

    assert "roles.rbac.authorization.k8s.io not logged: delete" in found(rules)


def test_a_rule_for_other_paths_is_none_for_resources() -> None:
    assert not found("- {level: None, nonResourceURLs: ['/healthz*']}\n" + METADATA)


def test_a_level_that_nobody_knows_logs_nothing() -> None:
    assert "rules[0] logs nothing, and comes first" in found("- level: Everything\n")


def test_an_empty_policy_logs_nothing() -> None:
    assert len(found("")) == 13


@given(policy=st.dictionaries(st.sampled_from(["rules", "omitStages"]), JSON, max_size=2))
def test_nothing_that_parses_breaks_it(policy: Mapping[str, object]) -> None:
    try:
        result = gaps(policy, "/policy.yaml")
    except NotReadable:
        return

    assert all(gap.what and gap.words for gap in result)
