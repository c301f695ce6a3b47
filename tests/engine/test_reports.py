"""From findings to a status: what is listed, counted, remembered, and left out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanned import HOUR, NOW, Judged, judged, scan, status
from stridegate.engine.reports import accepted, evidence_digest, heartbeat_due, report, says_something_new
from stridegate.model.nodes.verdicts import State
from stridegate.model.times import write_time
from stridegate.model.vocabulary import Severity


def test_findings_are_listed_worst_first() -> None:
    found = status(
        judged(State.UNKNOWN, "a", Severity.CRITICAL),
        judged(State.WARN, "b", Severity.CRITICAL),
        judged(State.FAIL, "c", Severity.LOW),
        judged(State.FAIL, "d", Severity.CRITICAL),
        judged(State.ERROR, "e", Severity.LOW),
        judged(State.PASS, "f"),
        judged(State.NOT_APPLICABLE, "g"),
    )

    assert [each["rule"] for each in found["findings"]] == ["d", "c", "b", "e", "a"]
    assert found["passed"] == ["f"]


def test_the_summary_counts_and_weighs_by_severity() -> None:
    found = status(
        judged(State.PASS, "a", Severity.CRITICAL),
        judged(State.WARN, "b", Severity.HIGH),
        judged(State.FAIL, "c", Severity.MEDIUM),
        judged(State.FAIL, "d", Severity.INFO),
        judged(State.UNKNOWN, "e", Severity.CRITICAL),
        judged(State.NOT_APPLICABLE, "f", Severity.CRITICAL),
    )

    assert found["summary"] == {
        "pass": 1, "fail": 2, "warn": 1, "error": 1, "notApplicable": 1, "exempted": 0,
        "critical": 0, "high": 0, "medium": 1, "low": 0, "info": 1,
        # The critical one and half of the high one, of 17 in all; 4 of 5.
        "score": 73, "coverage": 80,
    }  # fmt: skip


def test_without_anything_judged_there_is_no_score_and_no_coverage() -> None:
    found = status(judged(State.UNKNOWN), judged(State.NOT_APPLICABLE, "b"))["summary"]

    assert ("score" in found, found["coverage"]) == (False, 0)


def test_a_finding_says_what_was_seen_what_is_wanted_and_by_which_numbers() -> None:
    (finding,) = status(judged())["findings"]

    assert finding == {
        "rule": "loose-file",
        "title": "A file can be changed by others than root.",
        "stride": "T",
        "severity": "high",
        "state": "Fail",
        "observed": "644",
        "wanted": "600",
        "fix": "Run chmod 600.",
        "references": [
            {"benchmark": "cis-kubernetes", "version": "1.12", "id": "1.1.1"},
            {"benchmark": "cis-docker", "version": "1.6 and later", "id": "5.13"},
            {"benchmark": "cis-docker", "version": "1.3.1 to 1.5", "id": "5.12"},
        ],
        "evidence": {
            "source": "file",
            "path": "/etc/kubernetes/x",
            "digest": evidence_digest(judged().verdict),
        },
        "firstSeen": write_time(NOW),
        "lastTransition": write_time(NOW),
    }


def test_a_finding_remembers_since_when_it_is_there_and_how_it_stood_before() -> None:
    first = status(judged(State.PASS))
    second = status(judged(State.WARN), before=first, now=NOW + HOUR)
    third = status(judged(State.FAIL), before=second, now=NOW + 2 * HOUR)
    fourth = status(judged(State.FAIL), before=third, now=NOW + 3 * HOUR)

    times = [
        (each["findings"][0]["firstSeen"], each["findings"][0]["lastTransition"], each["findings"][0]["previousState"])
        for each in (second, third, fourth)
    ]

    assert times == [
        (write_time(NOW + HOUR), write_time(NOW + HOUR), "Pass"),
        (write_time(NOW + HOUR), write_time(NOW + 2 * HOUR), "Warn"),
        (write_time(NOW + HOUR), write_time(NOW + 2 * HOUR), "Warn"),
    ]


def test_a_file_that_appears_flips_what_did_not_apply() -> None:
    before = status(judged(State.NOT_APPLICABLE))

    (finding,) = status(judged(State.FAIL), before=before, now=NOW + HOUR)["findings"]

    assert (finding["previousState"], finding["firstSeen"]) == ("NotApplicable", write_time(NOW + HOUR))


@pytest.mark.parametrize(
    ("before", "after", "counted"),
    [
        (None, State.FAIL, (1, 0, 0)),
        (State.NOT_APPLICABLE, State.WARN, (1, 0, 0)),
        (State.UNKNOWN, State.FAIL, (1, 0, 0)),
        (State.PASS, State.FAIL, (0, 1, 0)),
        (State.WARN, State.FAIL, (0, 1, 0)),
        (State.FAIL, State.PASS, (0, 0, 1)),
        (State.WARN, State.NOT_APPLICABLE, (0, 0, 1)),
    ],
)
def test_changes_are_counted_as_new_regressed_and_fixed(
    before: State | None, after: State, counted: tuple[int, int, int]
) -> None:
    live = status(judged(before)) if before else None

    delta = status(judged(after), before=live, now=NOW + HOUR)["delta"]

    assert (delta["new"], delta["regressed"], delta["fixed"]) == counted


@pytest.mark.parametrize("state", [State.FAIL, State.WARN, State.UNKNOWN])
def test_a_scan_that_makes_nothing_worse_nor_good_keeps_the_change_before(state: State) -> None:
    first = status(judged())

    second = status(judged(state), before=first, now=NOW + HOUR)

    assert second["delta"] == first["delta"] == {"new": 1, "regressed": 0, "fixed": 0, "since": write_time(NOW)}


def test_a_scan_that_changes_nothing_says_nothing_new() -> None:
    first = status(judged())
    live = {**first, "conditions": [*first["conditions"], {"type": "Fresh", "status": "True"}]}

    second = report(scan(judged(), now=NOW + HOUR), live)

    assert not says_something_new(second, live)


@pytest.mark.parametrize(
    "changed", [judged(observed="666"), judged(State.WARN), judged(State.PASS), judged(State.UNKNOWN)]
)
def test_any_other_verdict_says_something_new(changed: Judged) -> None:
    live = status(judged())

    assert says_something_new(report(scan(changed, now=NOW + HOUR), live), live)


def test_a_heartbeat_is_due_after_six_hours_or_a_fifth_less() -> None:
    live = status(judged())
    hours = (4.7, 4.9, 5.9, 6.1)

    early, late = ([heartbeat_due(live, NOW + each * HOUR, jitter) for each in hours] for jitter in (1.0, 0.0))

    assert early == [False, True, True, True]
    assert late == [False, False, False, True]


@pytest.mark.parametrize("live", [{}, {"scannedAt": "never"}, {"scannedAt": write_time(NOW + HOUR)}])
def test_a_report_without_a_time_or_of_the_future_is_written_at_once(live: dict[str, object]) -> None:
    assert heartbeat_due(live, NOW, 0.5)


def test_what_could_not_be_read_makes_a_report_incomplete_and_says_why() -> None:
    found = status(judged(State.UNKNOWN, observed="/etc/x: EACCES"), judged(State.PASS, "b"))

    ready, complete = found["conditions"]

    assert (ready["status"], ready["reason"]) == ("True", "Scanned")
    assert (complete["status"], complete["reason"]) == ("False", "Unreadable")
    assert complete["message"] == "1 rules came to no verdict: /etc/x: EACCES"


def test_a_condition_that_stays_keeps_its_time() -> None:
    first = status(judged())

    second = status(judged(State.PASS), before=first, now=NOW + HOUR)

    assert {each["lastTransitionTime"] for each in second["conditions"]} == {write_time(NOW)}


def test_an_accepted_file_keeps_its_first_state_until_a_person_accepts_another() -> None:
    now = "3" * 32
    live = {"files": [{"path": "/a", "digest": "1"}, {"path": "/gone", "digest": "2"}]}

    kept = accepted(live, {"/a": now, "/new": "4"})
    taken = accepted(live, {"/a": now, "/new": "4"}, accept=[f"/a={now[:16]}", "/never=absent"])

    assert kept == {"/a": "1", "/gone": "2", "/new": "4"}
    assert taken == {"/a": now, "/gone": "2", "/new": "4"}


@pytest.mark.parametrize(
    "word", ["/a", "/a=", "/a=3", "/a=absent", f"/a={'4' * 16}", f"={'3' * 16}", f"/b={'3' * 16}", "="]
)
def test_what_is_accepted_is_a_state_and_no_other(word: str) -> None:
    live = {"files": [{"path": "/a", "digest": "1"}]}

    assert accepted(live, {"/a": "3" * 32}, accept=[word])["/a"] == "1"


def test_a_file_whose_absence_is_accepted_is_forgotten() -> None:
    live = {"files": [{"path": "/gone", "digest": "1"}, {"path": "/back", "digest": "1"}]}

    assert accepted(live, {"/back": "2"}, accept=["/gone=absent", "/back=absent", "/other"]) == {"/back": "1"}


def test_a_flood_of_new_files_pushes_no_accepted_one_out() -> None:
    live = {"files": [{"path": "/zzz", "digest": "1"}]}

    assert accepted(live, {f"/{number:03}": "2" for number in range(500)})["/zzz"] == "1"


@given(live=st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda below: st.lists(below, max_size=3)
    | st.dictionaries(
        st.sampled_from(["findings", "passed", "delta", "conditions", "files", "rule", "state", "since", "type"]), below
    ),
    max_leaves=12,
).filter(lambda value: isinstance(value, dict)))  # fmt: skip
def test_a_damaged_report_is_replaced(live: dict[str, object]) -> None:
    found = report(scan(judged()), live)

    assert says_something_new(found, live)
    assert found["summary"]["fail"] == 1
