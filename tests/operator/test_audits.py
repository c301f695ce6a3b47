"""What an audit amounts to, and what a policy's status says of it and when."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from leaves import exemption
from stridegate.engine.audit import Appraisal, Refusal
from stridegate.engine.catalogue import POD_RULES
from stridegate.model.exemptions import Exemption
from stridegate.model.policies import Workload
from stridegate.operator.audits import MOST_WORST, Audit, Audited, Offender, Tally, Use, audit_fields
from stridegate.operator.exemptions import Usage
from stridegate.operator.rounds import usage

NOW = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
WEB = Workload("Deployment", "web")
SEVERITIES = {slug: rule.severity for slug, rule in POD_RULES.items()}
CRITICAL, HIGH, MEDIUM = "privileged-container", "host-pid", "writable-root-filesystem"


def refused(*rules: str, policy: str = "p", today: bool = False) -> Appraisal:
    return Appraisal(refusals=(Refusal(policies=(policy,), rules=rules, today=today),))


def tally(*policies: str) -> Tally:
    return Tally(policies or ("p",), SEVERITIES)


def test_the_pods_of_a_workload_count_once_with_all_that_they_break() -> None:
    counted = tally()

    counted.take("shop", WEB, refused(MEDIUM))
    counted.take("shop", WEB, refused(CRITICAL, MEDIUM))

    audited = counted.audit(NOW).policies["p"]
    assert (audited.would_deny, audited.survivors) == (1, 0)
    assert audited.worst == (Offender(namespace="shop", workload=WEB, rules=(CRITICAL, MEDIUM)),)


def test_a_workload_survives_if_one_of_its_pods_does() -> None:
    counted = tally()

    counted.take("shop", WEB, refused(MEDIUM, today=True))
    counted.take("shop", WEB, refused(MEDIUM))
    counted.take("shop", Workload("Job", "once"), refused(MEDIUM))

    audited = counted.audit(NOW).policies["p"]
    assert (audited.would_deny, audited.survivors) == (2, 1)


def test_policies_count_for_themselves() -> None:
    counted = tally("a", "b", "c")

    counted.take(
        "shop", WEB, Appraisal(refusals=refused(MEDIUM, policy="a").refusals + refused(HIGH, policy="b").refusals)
    )

    numbers = {
        name: (each.would_deny, [offender.rules for offender in each.worst])
        for name, each in counted.audit(NOW).policies.items()
    }
    assert numbers == {"a": (1, [(MEDIUM,)]), "b": (1, [(HIGH,)]), "c": (0, [])}


def test_the_worst_are_those_with_the_worst_rules_then_with_the_most() -> None:
    counted = tally()
    for name, rules in {
        "a": (MEDIUM,),
        "b": (HIGH,),
        "c": (CRITICAL,),
        "d": (HIGH, MEDIUM),
        "e": (CRITICAL, HIGH),
    }.items():
        counted.take("shop", Workload("Pod", name), refused(*rules))

    worst = counted.audit(NOW).policies["p"].worst

    assert "".join(each.workload.name for each in worst) == "ecdba"


def test_no_more_are_listed_than_a_status_has_room_for_and_always_the_same() -> None:
    names = [f"web-{number:03}" for number in range(100)]
    forth, back = tally(), tally()
    for there, here in zip(names, reversed(names), strict=True):
        forth.take("shop", Workload("Pod", there), refused(HIGH))
        back.take("shop", Workload("Pod", here), refused(HIGH))

    worst = forth.audit(NOW).policies["p"].worst

    assert [each.workload.name for each in worst] == names[:MOST_WORST]
    assert back.audit(NOW).policies["p"].worst == worst


def test_a_pod_that_cannot_be_read_would_be_refused() -> None:
    counted = tally("a", "b")

    counted.take_unreadable("shop", "broken", ["a"])

    audit = counted.audit(NOW)
    assert (audit.policies["a"].would_deny, audit.policies["a"].survivors) == (1, 1)
    assert audit.policies["b"].would_deny == 0


def test_what_owner_references_say_is_shown_as_a_status_can_carry_it() -> None:
    counted = tally()

    counted.take("shop", Workload("K" * 100 + "\x1b[31m", "a\u202eb\n" + "x" * 300), refused(HIGH))

    (offender,) = counted.audit(NOW).policies["p"].worst
    assert offender.workload == Workload("K" * 63, "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}" + "x" * 249)


AUDITED = Audited(at=NOW, would_deny=1, survivors=0, worst=(Offender(namespace="shop", workload=WEB, rules=(HIGH,)),))
WRITTEN = {
    "wouldDeny": 1,
    "worst": [{"namespace": "shop", "kind": "Deployment", "name": "web", "rules": [HIGH]}],
    "auditedAt": "2030-01-01T00:00:00Z",
}


def test_the_first_audit_is_written() -> None:
    assert audit_fields(AUDITED, {"namespaces": 3}) == WRITTEN


@pytest.mark.parametrize("live", [None, "broken", {}])
def test_without_an_audit_nothing_is_said(live: object) -> None:
    assert audit_fields(None, live) == {}


def test_without_an_audit_what_was_said_stays() -> None:
    assert audit_fields(None, {"namespaces": 3, **WRITTEN}) == WRITTEN


def test_an_audit_that_finds_the_same_is_not_told_within_the_hour() -> None:
    again = replace(AUDITED, at=NOW + dt.timedelta(minutes=59))

    assert audit_fields(again, WRITTEN) == WRITTEN


def test_an_audit_that_finds_the_same_is_told_after_an_hour() -> None:
    again = replace(AUDITED, at=NOW + dt.timedelta(hours=1))

    assert audit_fields(again, WRITTEN) == WRITTEN | {"auditedAt": "2030-01-01T01:00:00Z"}


@pytest.mark.parametrize("changed", [{"would_deny": 2}, {"worst": ()}])
def test_an_audit_that_finds_something_else_is_told_at_once(changed: dict[str, object]) -> None:
    again = replace(AUDITED, at=NOW + dt.timedelta(minutes=1), **changed)  # type: ignore[arg-type] # one field of several

    assert audit_fields(again, WRITTEN)["auditedAt"] == "2030-01-01T00:01:00Z"


@pytest.mark.parametrize("written", [None, "yesterday", 5])
def test_a_time_that_cannot_be_read_is_replaced(written: object) -> None:
    again = replace(AUDITED, at=NOW + dt.timedelta(minutes=1))

    assert audit_fields(again, WRITTEN | {"auditedAt": written})["auditedAt"] == "2030-01-01T00:01:00Z"


VPN = exemption("vpn", HIGH, MEDIUM, created=NOW.timestamp(), expires=NOW.timestamp() + 60, containers=frozenset({"a"}))


def audit_with(uses: dict[tuple[str, str], Use]) -> Audit:
    return replace(tally().audit(NOW), uses=uses)


def test_an_exemption_is_used_that_takes_something_and_what_it_takes_nothing_of_is_to_spare() -> None:
    audit = audit_with({("shop", "vpn"): Use(rules={HIGH}, containers=set())})

    assert usage(VPN, audit) == Usage(now=True, last=NOW, spare=(f"the rule {MEDIUM}", "the container a"))


def test_an_exemption_that_takes_nothing_is_not_used() -> None:
    assert usage(VPN, audit_with({})) == Usage(now=False, last=None)


@pytest.mark.parametrize(
    "each",
    [
        replace(VPN, revoked=True),
        replace(VPN, expires=NOW.timestamp()),
        replace(VPN, workload=None, node_selector={"pool": "edge"}),
    ],
)
def test_nothing_is_said_of_exemptions_that_take_nothing_from_pods(each: Exemption) -> None:
    assert usage(each, audit_with({})) is None
