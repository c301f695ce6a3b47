"""When a report is fresh, what its spec is to be, and what of all that is told as an Event."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from stridegate.kube.known_reports import KnownReport, ListedReport, Reduction, written_spec
from stridegate.kube.nodes import ListedNode, Machine, machine_of
from stridegate.model.exemptions import ExemptedValue, Exemption
from stridegate.model.nodes.nodes import Installation, Role
from stridegate.model.times import write_time
from stridegate.model.vocabulary import ValueKind
from stridegate.operator.assignments import (
    Settings,
    control_plane_addresses,
    difference,
    exempted,
    misplaced,
    node_exemptions,
    node_report,
    stands,
)
from stridegate.operator.cluster_reports import RestartCounts, standings
from stridegate.operator.freshness import OVERDUE, Reason, freshness, of_windows
from stridegate.operator.occurrences import MOST, Occurrences

NOW = 1_800_000_000.0
# When a report was made that is not new any more.
OLD = NOW - 1000
HOME = "stridegate-system"


def machine(name: str = "node1", *, ready: bool = True, **labels: str) -> Machine:
    status = "True" if ready else "Unknown"
    return machine_of(
        msgspec.convert(
            {
                "metadata": {"name": name, "uid": f"uid-{name}", "labels": labels},
                "status": {"conditions": [{"type": "Ready", "status": status}]},
            },
            ListedNode,
        )
    )


def report(name: str = "node1", *, scanned: float | None = NOW, created: float = OLD, **status: Any) -> KnownReport:  # noqa: ANN401 - JSON
    wanted = node_report(machine(name), Settings(), (), ())
    metadata = {
        **wanted["metadata"],  # type: ignore[dict-item] # a map
        "creationTimestamp": write_time(created),
        "ownerReferences": [{"uid": f"uid-{name}"}],
    }
    told = {**({"scannedAt": write_time(scanned)} if scanned is not None else {}), **status}
    return Reduction()(msgspec.convert({"metadata": metadata, "spec": wanted["spec"], "status": told}, ListedReport))


@pytest.mark.parametrize(
    ("reason", "known", "ready", "scanning"),
    [
        (Reason.FRESH, report(), True, True),
        (Reason.FRESH, report(scanned=NOW - OVERDUE), True, True),
        (Reason.FRESH, report(scanned=NOW + 3600), True, True),
        (Reason.OVERDUE, report(scanned=NOW - OVERDUE - 1), True, True),
        (Reason.OVERDUE, report(scanned=None), True, True),
        (Reason.SCANNER_GONE, report(), True, False),
        (Reason.NODE_NOT_READY, report(), False, True),
        (Reason.NODE_NOT_READY, report(scanned=None), False, False),
        (Reason.SCANNER_GONE, report(scanned=None), True, False),
    ],
)
def test_a_report_is_fresh_while_node_and_scanner_are_ready_and_it_was_written_lately(
    reason: Reason,
    known: KnownReport,
    ready: bool,
    scanning: bool,
) -> None:
    found = freshness(known, machine(ready=ready), scanning=scanning, now=NOW)

    assert found is not None
    assert (found.reason, found.met) == (reason, reason is Reason.FRESH)


@pytest.mark.parametrize("scanned", [None, NOW])
@pytest.mark.parametrize(("ready", "scanning"), [(True, False), (False, False)])
def test_a_report_that_has_just_been_made_is_not_called_stale_before_it_was_fresh(
    scanned: float | None, ready: bool, scanning: bool
) -> None:
    made = report(scanned=scanned, created=NOW)
    before = report(scanned=scanned, created=NOW, **condition("True"))

    found = [
        freshness(each, machine(ready=ready), scanning=scanning, now=NOW + later)
        for each, later in ((made, 60), (made, 1000), (before, 60))
    ]

    assert [each and each.met for each in found] == [None, False, False]


def test_nothing_is_said_of_a_report_that_waits_for_its_first_scan() -> None:
    assert freshness(report(scanned=None, created=NOW), machine(), scanning=True, now=NOW + 60) is None


def test_a_node_that_runs_windows_is_told_apart() -> None:
    assert (of_windows().met, of_windows().reason) == (False, Reason.NOT_APPLICABLE)


def test_a_report_stands_until_its_node_or_the_settings_change() -> None:
    wanted = node_report(machine(), Settings(), (), ())
    others = [
        node_report(machine(), Settings(interval=60), (), ()),
        node_report(machine(), Settings(installation=Installation.EKS), (), ()),
        node_report(machine(), Settings(), ("10.0.0.1",), ()),
    ]

    assert stands(report(), wanted)
    assert [stands(report(), each) for each in others] == [False, False, False]


def test_an_address_that_is_none_keeps_no_report_from_being_written() -> None:
    odd = ("192.0.2.10", "control.example", "fe80::1%eth0", "192.0.2.010", "2001:db8::1")
    plane = replace(machine(), role=Role.CONTROL_PLANE, internal=odd)

    assert control_plane_addresses([plane, machine("worker")]) == ("192.0.2.10", "2001:db8::1")


def test_what_a_spec_has_beyond_what_it_is_to_have_is_taken_away() -> None:
    spec = msgspec.json.decode(report().spec)
    known = replace(report(), spec=written_spec({**spec, "controlPlaneAddresses": ["10.0.0.1"]}))

    change = difference(known, node_report(machine(), Settings(), (), ()))

    assert change["spec"] == {**spec, "controlPlaneAddresses": None}


def test_a_report_goes_with_its_node_and_with_an_earlier_one_of_the_name() -> None:
    again = replace(machine(), uid="another")

    assert [misplaced(report(), each) for each in (machine(), None, again)] == [False, True, True]


def exemption(**given: Any) -> Exemption:  # noqa: ANN401 - any field
    wanted = {
        "name": "e", "namespace": HOME, "rules": frozenset({"loose-file"}), "node_selector": {"pool": "edge"},
        "reason": "while moving", "created": NOW, "expires": NOW + 60, "granted_by": "alice", **given,
    }  # fmt: skip
    return Exemption(**wanted)


@pytest.mark.parametrize(
    ("count", "given"),
    [
        (1, exemption()),
        (1, exemption(values=(ExemptedValue(ValueKind.PATH, "/etc/a"),))),
        (0, exemption(node_selector={"pool": "other"})),
        (0, exemption(namespace="shop")),
        (0, exemption(expires=NOW)),
        (0, exemption(revoked=True)),
        (0, exemption(values=(ExemptedValue(ValueKind.CAPABILITY, "NET_ADMIN"),))),
    ],
)
def test_only_what_is_in_force_and_selects_the_node_is_exempted_there(count: int, given: Exemption) -> None:
    found = exempted(machine(pool="edge"), node_exemptions([given], HOME, NOW))

    assert len(found) == count


def delta(since: str, findings: tuple[str, ...] = ("loose-file",)) -> dict[str, Any]:
    return {
        "delta": {"new": len(findings), "regressed": 0, "fixed": 0 if findings else 1, "since": since},
        "findings": [{"rule": each, "state": "Fail", "severity": "high", "lastTransition": since} for each in findings],
    }


def condition(status: str) -> dict[str, Any]:
    return {"conditions": [{"type": "Fresh", "status": status, "reason": "ScannerGone", "message": "why"}]}


def told(*rounds: dict[str, KnownReport]) -> list[tuple[str, str]]:
    """Return reason and type of the Events of the last of some rounds."""
    occurrences = Occurrences()
    events: list[dict[str, Any]] = []
    for each in rounds:
        events = occurrences.news(each, NOW)
    return [(each["reason"], each["type"]) for each in events]


def test_what_is_there_at_the_start_is_no_news() -> None:
    assert told({"node1": report(**delta("t1"))}) == []


def test_a_change_is_told_once() -> None:
    first, second = {"node1": report(**delta("t1"))}, {"node1": report(**delta("t2"))}

    assert told(first, second) == [("FindingsChanged", "Warning")]
    assert told(first, second, second) == []
    assert told(first, {"node1": report(**delta("t2", ()))}) == [("FindingsChanged", "Normal")]


def test_a_report_that_is_stale_or_fresh_again_is_told() -> None:
    fresh, stale = {"node1": report(**condition("True"))}, {"node1": report(**condition("False"))}

    assert told(fresh, stale) == [("ScannerGone", "Warning")]
    assert told(fresh, stale, fresh) == [("ScannerGone", "Normal")]
    assert told({"node1": report()}, fresh) == []


def test_a_flood_of_changes_makes_few_events() -> None:
    names = [f"node{number}" for number in range(100)]

    events = told({}, {name: report(name, **delta("t1")) for name in names})

    assert len(events) == MOST


def test_changes_that_never_end_make_an_event_every_ten_seconds() -> None:
    occurrences = Occurrences()
    occurrences.news({}, NOW)

    told = [
        len(occurrences.news({f"node{number}": report(**delta(f"t{second}")) for number in range(100)}, NOW + second))
        for second in range(101)
    ]

    assert (told[0], sum(told[1:])) == (MOST, 10)


def test_restarts_are_counted_over_an_hour_and_not_before() -> None:
    counts = RestartCounts()

    found = [counts.grown({"shop/web/app": count}, NOW + minutes * 60) for minutes, count in ((0, 3), (30, 6), (61, 9))]

    assert found[:2] == [None, None]
    assert [(each.name, each.times) for each in found[2] or ()] == [("shop/web/app", 6)]


def test_rules_over_all_nodes_see_what_reports_say() -> None:
    known = report(
        passed=["tight-file"], files=[{"path": "/etc/kubernetes/super-admin.conf"}],
        node={"cni": ["calico"], "instanceMetadata": "reachable"}, **delta("t1"),
    )  # fmt: skip

    (found, other) = standings([machine(), machine("node2")], {"node1": known})

    assert found.results == {"loose-file": "Fail", "tight-file": "Pass"}
    assert (found.cni, found.super_admin, found.metadata_reachable) == (("calico",), True, True)
    assert (other.results, other.cni, other.metadata_reachable) == (None, None, None)
