"""An exemption takes the findings that it names, for as long as it lasts, and no others."""

from __future__ import annotations

from typing import Any

import pytest

from leaves import (
    ASKED,
    CAPABILITY,
    CREATED,
    DAY,
    EXPIRES,
    NET_ADMIN,
    NOW,
    container,
    decided,
    exemption,
    let_off,
    standing,
    taken,
    values,
)
from specimens import HERE, THERE, policy, regime, view
from stridegate.engine.catalogue import POD_RULES
from stridegate.engine.decide import decide
from stridegate.engine.exemptions import compile_exemptions, leave
from stridegate.engine.workloads import known_as
from stridegate.model.exemptions import LONGEST_LIFE
from stridegate.model.findings import Finding
from stridegate.model.pods import ObjectMeta
from stridegate.model.policies import Workload
from stridegate.model.vocabulary import Action


def test_an_exemption_takes_the_rule_it_names_and_leaves_the_others() -> None:
    decision = decided(NET_ADMIN, exemption("web-vpn", CAPABILITY))

    assert taken(decision) == {CAPABILITY}
    assert standing(decision) == {"host-pid"}


def test_a_decision_tells_who_exempted_what_until_when_and_what_would_have_become_of_it() -> None:
    granted = exemption("web-vpn", CAPABILITY, owner="team-web")

    (exempted,) = decided(NET_ADMIN, granted).exempted

    assert exempted.exemption == granted
    assert (exempted.ruling.action, exempted.ruling.policy) == (Action.DENY, "production")
    assert exempted.ruling.finding.rule.slug == CAPABILITY


def spelled(value: object) -> str:
    """Return a case's name, which must not depend on the order that a set happens to have."""
    fields = value.items() if isinstance(value, dict) else ()
    sets = {key: sorted(each) for key, each in fields if isinstance(each, frozenset)}
    return str({**value, **sets} if isinstance(value, dict) else value)


@pytest.mark.parametrize(
    ("fields", "covers"),
    [
        ({}, True),
        ({"namespace": "other"}, False),
        ({"workload": Workload("Pod", "exampl")}, False),
        ({"workload": Workload("Pod", "example-2")}, False),
        ({"workload": Workload("Deployment", "example")}, False),
        ({"workload": None, "node_selector": {"a": "b"}}, False),
        ({"containers": frozenset({"app"})}, True),
        ({"containers": frozenset({"app", "other"})}, True),
        ({"containers": frozenset({"ap"})}, False),
        ({"containers": frozenset({"App"})}, False),
        ({"values": values(capability="NET_ADMIN")}, True),
        ({"values": values(capability="SYS_ADMIN")}, False),
        ({"values": values(capability="ALL")}, False),
        ({"values": values(image="NET_ADMIN")}, False),
        ({"values": values(digest="NET_ADMIN")}, False),
        ({"values": values(capability="SYS_ADMIN", path="/srv")}, False),
        ({"containers": frozenset({"app"}), "values": values(capability="NET_ADMIN")}, True),
        ({"containers": frozenset({"ap"}), "values": values(capability="NET_ADMIN")}, False),
        ({"revoked": True}, False),
    ],
    ids=spelled,
)
def test_another_namespace_workload_container_or_value_is_not_covered(fields: dict[str, Any], covers: bool) -> None:
    decision = decided(NET_ADMIN, exemption("web-vpn", CAPABILITY, **fields))

    assert (CAPABILITY in taken(decision)) is covers
    assert (CAPABILITY in standing(decision)) is not covers


@pytest.mark.parametrize(
    ("now", "covers"), [(EXPIRES - 1, True), (EXPIRES - 0.001, True), (EXPIRES, False), (EXPIRES + 1, False)]
)
def test_an_exemption_ends_in_the_second_that_it_says(now: float, covers: bool) -> None:
    decision = decided(NET_ADMIN, exemption("web-vpn", CAPABILITY), now=now)

    assert (CAPABILITY in taken(decision)) is covers


def test_an_exemption_that_was_stored_with_too_long_a_life_exempts_nothing() -> None:
    stored = exemption("web-vpn", CAPABILITY, expires=CREATED + LONGEST_LIFE + 1)

    assert not decided(NET_ADMIN, stored).exempted


def test_a_rule_that_nobody_knows_has_no_effect() -> None:
    decision = decided(NET_ADMIN, exemption("web-vpn", "zeppelin"))

    assert not decision.exempted
    assert standing(decision) == {CAPABILITY, "host-pid"}


def test_a_wildcard_is_a_rule_that_nobody_knows() -> None:
    assert not decided(NET_ADMIN, exemption("web-vpn", "*", "dangerous-*")).exempted


def test_two_exemptions_are_never_wider_than_each_of_them() -> None:
    pod = container(
        "securityContext: {privileged: true, allowPrivilegeEscalation: null, capabilities: {add: [NET_ADMIN, SYS_TIME]}}"
    )
    by_rule = exemption("one", CAPABILITY, values=values(capability="NET_ADMIN"))
    by_container = exemption("two", "privileged-container", containers=frozenset({"other"}))

    decision = decided(pod, by_rule, by_container)

    assert [each.ruling.finding.violation and each.ruling.finding.violation.value for each in decision.exempted] == [
        "NET_ADMIN"
    ]
    assert {CAPABILITY, "privileged-container"} <= standing(decision)


def test_of_several_exemptions_the_one_that_ends_last_is_told() -> None:
    exemptions = [
        exemption("b-last", CAPABILITY, expires=EXPIRES + DAY),
        exemption("c-last", CAPABILITY, expires=EXPIRES + DAY),
        exemption("a-first", CAPABILITY),
    ]

    told = [decided(NET_ADMIN, *order).exempted[0].exemption.name for order in (exemptions, exemptions[::-1])]

    assert told == ["b-last", "b-last"]


def test_what_the_old_one_no_longer_covers_its_successor_does() -> None:
    old, new = exemption("old", CAPABILITY), exemption("new", CAPABILITY, expires=EXPIRES + DAY)

    (exempted,) = decided(NET_ADMIN, old, new, now=EXPIRES).exempted

    assert exempted.exemption.name == "new"


def test_a_rule_that_could_not_judge_is_never_exempted() -> None:
    subject = view(NET_ADMIN)
    broken = [Finding(question, None, error="broken") for question in ASKED.questions]

    decision = decide(ASKED, broken, let_off([exemption("all", *POD_RULES)], subject))

    assert not decision.exempted
    assert len(decision.denied) == len(broken)


def test_a_template_is_exempted_as_the_workload_that_it_is_in() -> None:
    deployment = exemption("web-vpn", CAPABILITY, workload=Workload("Deployment", "example"))
    asked = regime(policy(templates=Action.DENY))

    decision = decided(NET_ADMIN, deployment, asked=asked, where=THERE)

    assert taken(decision) == {CAPABILITY}


@pytest.mark.parametrize(
    ("metadata", "names"),
    [
        (ObjectMeta(generateName="batch-"), ["batch-"]),
        (ObjectMeta(name="batch-x7k2p", generateName="batch-"), ["batch-x7k2p", "batch-"]),
        (ObjectMeta(name="batch"), ["batch"]),
    ],
)
def test_a_bare_pod_goes_by_its_name_and_by_what_it_begins_with(metadata: ObjectMeta, names: list[str]) -> None:
    workload = Workload("Pod", metadata.name or metadata.generateName or "")

    assert [each.name for each in known_as(workload, metadata)] == names


def test_a_pod_that_is_owned_goes_by_its_owner_alone() -> None:
    owner = Workload("Deployment", "web")

    assert known_as(owner, ObjectMeta(name="web-5d4f-x7k2p", generateName="web-5d4f-")) == (owner,)


def test_an_exemption_of_either_name_lets_a_generated_pod_off() -> None:
    names = (Workload("Pod", "example"), Workload("Pod", "exam"))

    for name in names:
        assert taken(decided(NET_ADMIN, exemption("batch", CAPABILITY, workload=name), named=names)) == {CAPABILITY}


def test_exemptions_of_both_names_of_a_generated_pod_count_together() -> None:
    own, generated = Workload("Pod", "example"), Workload("Pod", "exam")
    by_name = exemption("one", CAPABILITY, workload=own)
    by_beginning = exemption("two", "host-pid", workload=generated)

    decision = decided(NET_ADMIN, by_name, by_beginning, named=(own, generated))

    assert taken(decision) == {CAPABILITY, "host-pid"}


def test_of_exemptions_of_both_names_the_one_that_ends_last_is_told() -> None:
    own, generated = Workload("Pod", "example"), Workload("Pod", "exam")
    first = exemption("first", CAPABILITY, workload=own)
    last = exemption("last", CAPABILITY, workload=generated, expires=EXPIRES + DAY)

    (exempted,) = decided(NET_ADMIN, first, last, named=(own, generated)).exempted

    assert exempted.exemption == last


def test_what_embeds_no_pod_may_be_exempted_as_well() -> None:
    granted = compile_exemptions([exemption("lb", "open-load-balancer")])[HERE.namespace]

    found = leave(granted, (HERE.workload,), None, NOW)

    assert found is not None
    assert found.ephemeral == frozenset()


def test_exemptions_that_can_never_be_in_force_are_not_kept() -> None:
    never = [
        exemption("revoked", CAPABILITY, revoked=True),
        exemption("long", CAPABILITY, expires=CREATED + LONGEST_LIFE + 1),
        exemption("born dead", CAPABILITY, expires=CREATED),
        exemption("nodes", CAPABILITY, workload=None, node_selector={"a": "b"}),
    ]

    assert compile_exemptions(never) == {}
