"""What an exemption's status says: every reason, and when it is written at all."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from stridegate.engine.catalogue import POD_RULES
from stridegate.operator.conditions import Condition
from stridegate.operator.exemptions import (
    Reason,
    Terms,
    Type,
    Usage,
    conditions,
    read,
    seconds_to_next_end,
    status_to_apply,
)

NOW = dt.datetime(2030, 1, 10, tzinfo=dt.UTC)
CREATED, SOON = "2030-01-01T00:00:00Z", "2030-02-01T00:00:00Z"
TERMS = Terms(rules=POD_RULES.keys(), home="stridegate-system")
LAST = dt.datetime(2030, 1, 9, 12, tzinfo=dt.UTC)


def written(namespace: str = "shop", status: object = None, **spec: object) -> dict[str, Any]:
    """Return an exemption as the API server has it; None leaves a field out."""
    wanted = {
        "rules": ["dangerous-capability"],
        "workload": {"kind": "Deployment", "name": "web"},
        "reason": "until the mesh is in place",
        "expires": SOON,
        "grantedBy": "alice",
        **spec,
    }
    return {
        "metadata": {"name": "vpn", "namespace": namespace, "uid": "1", "generation": 2, "creationTimestamp": CREATED},
        "spec": {key: value for key, value in wanted.items() if value is not None},
        **({"status": status} if status else {}),
    }


def active(obj: dict[str, Any], now: dt.datetime = NOW) -> Condition:
    (condition,) = conditions(read(obj), now, None, TERMS)
    return condition


def test_an_exemption_that_holds_says_until_when() -> None:
    assert active(written()) == Condition(
        type=Type.ACTIVE, met=True, reason=Reason.ACTIVE, message="it exempts until 2030-02-01T00:00:00Z"
    )


@pytest.mark.parametrize(
    ("obj", "reason", "said"),
    [
        (written(expires="2030-01-10T00:00:00Z"), Reason.EXPIRED, "its time is over"),
        (written(revoked=True), Reason.REVOKED, "it was taken back"),
        (written(revoked=True, expires="2030-01-02T00:00:00Z"), Reason.REVOKED, "it was taken back"),
        (written(rules=["rule-of-tomorrow"]), Reason.UNKNOWN_RULE, "there are no rules rule-of-tomorrow"),
        (written(reason="why"), Reason.INVALID, "spec.reason: wanted the reason, in 10 to 500 characters, got 'why'"),
        (written(container="vpn"), Reason.INVALID, "container"),
        (written(rules=["*"]), Reason.INVALID, "the slug of a rule, without a wildcard"),
        (
            written(workload=None, nodeSelector={"pool": "edge"}),
            Reason.INVALID,
            "nodes are exempted in the namespace stridegate-system alone",
        ),
    ],
    ids=lambda each: each.value if isinstance(each, Reason) else "",
)
def test_an_exemption_that_exempts_nothing_says_why(obj: dict[str, Any], reason: Reason, said: str) -> None:
    condition = active(obj)

    assert (condition.met, condition.reason) == (False, reason)
    assert said in condition.message


@pytest.mark.parametrize("now", [NOW, dt.datetime(2030, 1, 1, 0, 0, 1, tzinfo=dt.UTC)])
def test_a_lifetime_above_the_maximum_is_void_from_its_first_second(now: dt.datetime) -> None:
    """T80: it was stored while nothing guarded."""
    condition = active(written(expires="2030-04-01T00:00:01Z"), now)

    assert (condition.met, condition.reason) == (False, Reason.TOO_LONG)


def test_a_slug_that_is_not_known_has_no_effect_and_is_named() -> None:
    """T85."""
    condition = active(written(rules=["dangerous-capability", "rule-of-tomorrow"]))

    assert (condition.met, condition.reason) == (True, Reason.UNKNOWN_RULE)
    assert condition.message == "it exempts until 2030-02-01T00:00:00Z, but there are no rules rule-of-tomorrow"


def test_nodes_are_exempted_from_stridegates_own_namespace() -> None:
    assert active(written("stridegate-system", workload=None, nodeSelector={"pool": "edge"})).met


@pytest.mark.parametrize(("now", "reason"), [(True, Reason.USED), (False, Reason.UNUSED)])
def test_what_an_audit_found_is_a_condition(now: bool, reason: Reason) -> None:
    _, used = conditions(read(written()), NOW, Usage(now=now, last=None), TERMS)

    assert (used.type, used.met, used.reason) == (Type.USED, now, reason)


def test_every_reason_is_reached_by_a_test_above() -> None:
    reached = {Reason.ACTIVE, Reason.EXPIRED, Reason.REVOKED, Reason.TOO_LONG, Reason.UNKNOWN_RULE, Reason.INVALID}

    assert reached | {Reason.USED, Reason.UNUSED} == set(Reason)


def to_write(obj: dict[str, Any], used: Usage | None = None, now: dt.datetime = NOW) -> dict[str, Any] | None:
    return status_to_apply(obj, conditions(read(obj), now, used, TERMS), used, now)


def test_the_first_status_is_written_with_the_time_and_the_generation() -> None:
    status = to_write(written()) or {}

    assert status["observedGeneration"] == 2
    assert "lastUsed" not in status
    (condition,) = status["conditions"]
    assert (condition["type"], condition["status"], condition["observedGeneration"]) == ("Active", "True", 2)
    assert condition["lastTransitionTime"] == "2030-01-10T00:00:00Z"


def test_the_same_status_is_not_written_again() -> None:
    obj = written(status=to_write(written()))

    assert to_write(obj, now=NOW + dt.timedelta(days=1)) is None


def test_the_end_of_an_exemption_is_written_once() -> None:
    obj = written(status=to_write(written()))
    later = NOW + dt.timedelta(days=40)

    ended = to_write(obj, now=later)

    assert ended is not None
    assert ended["conditions"][0]["reason"] == "Expired"
    assert to_write(written(status=ended), now=later + dt.timedelta(days=1)) is None


def test_what_an_audit_found_is_written_with_the_time_of_the_last_use() -> None:
    status = to_write(written(), Usage(now=True, last=LAST)) or {}

    assert status["lastUsed"] == "2030-01-09T12:00:00Z"
    assert [(each["type"], each["reason"]) for each in status["conditions"]] == [
        ("Active", "Active"),
        ("Used", "Used"),
    ]


def test_what_an_audit_found_stays_until_the_next_one_knows_more() -> None:
    """A status that is applied without what it had loses it (server-side apply)."""
    audited = to_write(written(), Usage(now=True, last=LAST)) or {}
    ended = to_write(written(status=audited, revoked=True)) or {}

    unchanged, unused = (
        to_write(written(status=audited)),
        to_write(written(status=audited), Usage(now=False, last=None)),
    )

    assert unchanged is None
    assert (ended["lastUsed"], ended["conditions"][1]) == (audited["lastUsed"], audited["conditions"][1])
    assert unused is not None
    assert (unused["lastUsed"], unused["conditions"][1]["reason"]) == (audited["lastUsed"], "Unused")


def test_the_time_of_the_last_use_goes_on_in_steps_of_hours() -> None:
    """One that is used is used at every audit, each of which would otherwise be a write."""
    audited = to_write(written(), Usage(now=True, last=LAST)) or {}
    obj = written(status=audited)

    soon = to_write(obj, Usage(now=True, last=LAST + dt.timedelta(hours=5, minutes=59)))
    later = to_write(obj, Usage(now=True, last=LAST + dt.timedelta(hours=6))) or {}

    assert soon is None
    assert later["lastUsed"] == "2030-01-09T18:00:00Z"


def said_of_use(used: Usage, now: dt.datetime = NOW) -> str:
    return conditions(read(written()), now, used, TERMS)[1].message


def test_an_exemption_that_is_wider_than_needed_says_what_nothing_needs() -> None:
    message = said_of_use(Usage(now=True, last=LAST, spare=("the rule host-pid", "the container vpn")))

    assert message.endswith("wider than needed: nothing that runs needs the rule host-pid, the container vpn")


@pytest.mark.parametrize(("last", "since"), [(LAST, LAST), (None, dt.datetime(2030, 1, 1, tzinfo=dt.UTC))])
def test_an_exemption_that_nothing_needs_for_thirty_days_is_to_be_revoked(
    last: dt.datetime | None, since: dt.datetime
) -> None:
    used = Usage(now=False, last=last)
    month = since + dt.timedelta(days=30)

    before, after = said_of_use(used, month - dt.timedelta(seconds=1)), said_of_use(used, month)

    assert before == "nothing that runs needs it"
    assert after == f"nothing that runs needs it, and nothing has since {since:%Y-%m-%d}: revoke it"


@pytest.mark.parametrize(
    ("exemptions", "seconds"),
    [
        ([], 300),
        ([written()], 300),
        ([written(expires="2030-01-10T00:00:07Z"), written()], 7),
        ([written(expires="2030-01-10T00:00:00Z"), written(expires="2030-01-10T00:00:07Z", revoked=True)], 300),
        ([written(reason="why")], 300),
    ],
)
def test_the_operator_wakes_when_the_first_exemption_ends(exemptions: list[dict[str, Any]], seconds: float) -> None:
    assert seconds_to_next_end(map(read, exemptions), NOW, 300) == seconds
