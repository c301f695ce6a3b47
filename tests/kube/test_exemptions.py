"""Reading HardeningExemption objects: every field, and the sentence for everything that is not as it must be."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardeningexemptions import COMPLETE as WRITTEN
from hardeningexemptions import FOR_NODES
from stridegate.engine.catalogue import POD_RULES
from stridegate.kube.errors import InvalidExemption
from stridegate.kube.exemptions import read_exemption, unknown_rules
from stridegate.model.exemptions import ExemptedValue, Exemption
from stridegate.model.policies import Workload
from stridegate.model.vocabulary import ValueKind

STAMPED = {"creationTimestamp": "2026-11-21T00:00:00Z", "uid": "u1", "resourceVersion": "1"}
COMPLETE: dict[str, Any] = {**WRITTEN, "metadata": {**WRITTEN["metadata"], **STAMPED}}
NODES: dict[str, Any] = {**FOR_NODES, "metadata": {**FOR_NODES["metadata"], **STAMPED}}

ABSENT: Any = object()


def changed(path: str, value: object, obj: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return an exemption with one field set, or taken away; a number in the path is an index."""
    made = copy.deepcopy(obj or COMPLETE)
    *parents, last = [int(part) if part.isdecimal() else part for part in path.split("/")]
    place: Any = made
    for part in parents:
        place = place[part]
    if value is ABSENT:
        del place[last]
    else:
        place[last] = value
    return made


def problem(obj: dict[str, Any]) -> str:
    with pytest.raises(InvalidExemption) as refusal:
        read_exemption(obj)
    return str(refusal.value)


def test_every_field_is_read() -> None:
    assert read_exemption(COMPLETE) == Exemption(
        name="chart-complete",
        namespace="default",
        rules=frozenset({"dangerous-capability"}),
        workload=Workload("Deployment", "web"),
        containers=frozenset({"vpn"}),
        values=(
            ExemptedValue(ValueKind.CAPABILITY, "NET_ADMIN"),
            ExemptedValue(ValueKind.PATH, "/srv/logs"),
            ExemptedValue(ValueKind.PORT, "8443"),
            ExemptedValue(ValueKind.IMAGE, "registry.example/web:1.0"),
            ExemptedValue(ValueKind.MEMORY, "16Gi"),
        ),
        reason="VPN sidecar until the mesh is in",
        created=1795219200.0,
        expires=1801353600.0,
        granted_by="alice",
        ticket="https://tickets.example/4711",
        owner="team-web",
        revoked=False,
    )


def test_an_exemption_of_nodes_is_read() -> None:
    exemption = read_exemption(NODES)

    assert exemption.workload is None
    assert exemption.node_selector == {"node-role.kubernetes.io/control-plane": "x"}
    assert exemption.values == (ExemptedValue(ValueKind.DIGEST, "sha256:0123"),)


@pytest.mark.parametrize(
    ("expires", "seconds"),
    [("2027-01-31T00:00:00Z", 0), ("2027-01-31T01:00:00+01:00", 0), ("2027-01-30T23:00:01-01:00", 1)],
)
def test_a_time_is_read_with_any_offset(expires: str, seconds: int) -> None:
    assert read_exemption(changed("spec/expires", expires)).expires == 1801353600.0 + seconds


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("spec", ABSENT, "spec.rules: wanted 1 to 20 rules, got nothing"),
        ("spec", "all", "spec: wanted a map, got 'all'"),
        ("spec/rules", ABSENT, "spec.rules: wanted 1 to 20 rules, got nothing"),
        ("spec/rules", [], "spec.rules: wanted 1 to 20 rules, got a list"),
        ("spec/rules", ["host-port"] * 21, "spec.rules: wanted 1 to 20 rules, got a list"),
        ("spec/rules", "host-port", "spec.rules: wanted a list, got 'host-port'"),
        ("spec/rules", ["*"], "spec.rules[0]: wanted the slug of a rule, without a wildcard, got '*'"),
        ("spec/rules", ["host-*"], "spec.rules[0]: wanted the slug of a rule, without a wildcard, got 'host-*'"),
        ("spec/rules", [7], "spec.rules[0]: wanted the slug of a rule, without a wildcard, got 7"),
        ("spec/workload", ABSENT, "spec: wanted either a workload or a nodeSelector, got a map"),
        ("spec/nodeSelector", {"a": "b"}, "spec: wanted either a workload or a nodeSelector, got a map"),
        ("spec/workload/name", "", "spec.workload.name: wanted a name, got ''"),
        ("spec/workload/kind", ABSENT, "spec.workload.kind: wanted a kind such as Deployment, got nothing"),
        ("spec/workload/namespace", "other", "spec.workload: wanted only kind, name, got 'namespace'"),
        ("spec/containers", [], "spec.containers: wanted at least one container, or no list, got a list"),
        ("spec/containers", ["app", 7], "spec.containers[1]: wanted the name of a container, got 7"),
        ("spec/values", [], "spec.values: wanted at least one value, or no list, got a list"),
        (
            "spec/values/0",
            {},
            f"spec.values[0]: wanted exactly one of {', '.join(v.value for v in ValueKind)}, got a map",
        ),
        ("spec/values/0", {"capability": "A", "port": 1}, "spec.values[0]: wanted exactly one of"),
        ("spec/values/0", {"sysctl": "kernel.x"}, "spec.values[0]: wanted only capability"),
        ("spec/values/0/capability", 7, "spec.values[0].capability: wanted a capability, got 7"),
        ("spec/values/2/port", 0, "spec.values[2].port: wanted a port from 1 to 65535, got 0"),
        ("spec/values/2/port", True, "spec.values[2].port: wanted a port from 1 to 65535, got true"),
        ("spec/values/2/port", "80", "spec.values[2].port: wanted a port from 1 to 65535, got '80'"),
        (
            "spec/values/4/memory",
            "much",
            "spec.values[4].memory: wanted a quantity above zero, such as 16Gi, got 'much'",
        ),
        ("spec/values/4/memory", "0", "spec.values[4].memory: wanted a quantity above zero, such as 16Gi, got '0'"),
        ("spec/reason", "no", "spec.reason: wanted the reason, in 10 to 500 characters, got 'no'"),
        ("spec/reason", ABSENT, "spec.reason: wanted the reason, in 10 to 500 characters, got nothing"),
        ("spec/reason", "x" * 501, "spec.reason: wanted the reason, in 10 to 500 characters, got"),
        ("spec/expires", ABSENT, "spec.expires: wanted a time such as 2027-01-31T00:00:00Z, got nothing"),
        ("spec/expires", "never", "spec.expires: wanted a time such as 2027-01-31T00:00:00Z, got 'never'"),
        ("spec/expires", "2027-02-31T00:00:00Z", "spec.expires: wanted a time such as 2027-01-31T00:00:00Z, got"),
        ("spec/expires", "2027-01-31T00:00:00+24:00", "spec.expires: wanted a time such as 2027-01-31T00:00:00Z, got"),
        ("spec/expires", 1801353600, "spec.expires: wanted a time such as 2027-01-31T00:00:00Z, got 1801353600"),
        ("spec/grantedBy", ABSENT, "spec.grantedBy: wanted a user's name, got nothing"),
        ("spec/revoked", "yes", "spec.revoked: wanted true or false, got 'yes'"),
        ("spec/revokd", True, "spec: wanted only rules, workload"),
        ("spec/ticket", 7, "spec.ticket: wanted a text, got 7"),
        ("metadata/creationTimestamp", ABSENT, "metadata.creationTimestamp: wanted a time such as"),
        ("metadata/namespace", ABSENT, "metadata.namespace: wanted a namespace, got nothing"),
    ],
)
def test_whatever_is_not_as_it_must_be_is_said_with_its_place(path: str, value: object, said: str) -> None:
    assert said in problem(changed(path, value))


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("spec/nodeSelector", {}, "spec.nodeSelector: wanted at least one label, got a map"),
        ("spec/nodeSelector", {"a": 1}, "spec.nodeSelector.a: wanted a label's value, got 1"),
        ("spec/containers", ["app"], "spec.containers: wanted nothing: nodes have no containers, got a list"),
    ],
)
def test_what_nodes_cannot_be_exempted_by_is_said(path: str, value: object, said: str) -> None:
    assert said in problem(changed(path, value, NODES))


def test_the_sentence_names_the_exemption() -> None:
    assert problem(changed("spec/rules", ["*"])).startswith("exemption default/chart-complete: spec.rules[0]: wanted")


@pytest.mark.parametrize("metadata", [ABSENT, None, "x", {}, {"name": 7}])
def test_an_exemption_that_cannot_be_told_apart_is_refused_all_the_same(metadata: object) -> None:
    assert "wanted" in problem(changed("metadata", metadata))


def test_rules_that_are_not_known_are_told() -> None:
    exemption = read_exemption(changed("spec/rules", ["host-port", "zeppelin", "airship"]))

    assert unknown_rules(exemption, POD_RULES) == ("airship", "zeppelin")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
PATHS = [
    *(f"spec/{key}" for key in (*COMPLETE["spec"], "nodeSelector", "more")),
    *("spec/rules/0", "spec/containers/0", "spec/workload/kind", "spec/workload/name", "spec/values/0"),
    *("metadata", "metadata/creationTimestamp", "metadata/name", "spec"),
]


@given(path=st.sampled_from(PATHS), value=JSON)
def test_whatever_an_exemption_says_it_is_read_or_refused(path: str, value: object) -> None:
    obj = changed(path, value)

    try:
        exemption = read_exemption(obj)
    except InvalidExemption:
        return

    assert exemption.rules
    assert (exemption.workload is None) is (exemption.node_selector is not None)
