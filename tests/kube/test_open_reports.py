"""What a HardeningReport becomes as a ClusterReport of OpenReports."""

from __future__ import annotations

import copy
import json
from collections import Counter
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardeningreports import COMPLETE
from scanned import exemption, judged, status
from stridegate.engine.node_catalogue import ENTRIES
from stridegate.kube.open_heads import head_of
from stridegate.kube.open_reports import STALE, open_name, open_report
from stridegate.kube.whole_reports import WholeReport
from stridegate.model.nodes.verdicts import Offender, State

FINDING = COMPLETE["status"]["findings"][0]
PLAIN = {key: value for key, value in FINDING.items() if key not in {"exemption", "previousState"}}
COUNTS = {"pass": 0, "fail": 0, "warn": 0, "error": 0, "notApplicable": 0, "exempted": 0}


def repeated(**status: Any) -> Any:  # noqa: ANN401 - JSON
    """Return what the complete report becomes, with another status where one is given."""
    report = copy.deepcopy(COMPLETE)
    report["metadata"] |= {"uid": "u1", "ownerReferences": [{"kind": "Node", "name": "node1", "uid": "n1"}]}
    report["status"] = {**report["status"], **status}
    return open_report(msgspec.convert(report, WholeReport), ENTRIES)


def only(**finding: Any) -> Any:  # noqa: ANN401 - JSON
    """Return what the one finding of a report becomes."""
    (result,) = repeated(findings=[{**PLAIN, **finding}], passed=[])["results"]
    return result


def test_a_report_on_a_node_names_the_node_and_belongs_to_the_report() -> None:
    found = repeated()

    assert found["scope"] == {"apiVersion": "v1", "kind": "Node", "name": "node1", "uid": "n1"}
    assert found["metadata"]["ownerReferences"] == [
        {"apiVersion": "stridegate.dev/v1alpha1", "kind": "HardeningReport", "name": "node1", "uid": "u1"}
    ]
    assert found["metadata"]["labels"] == {
        "app.kubernetes.io/managed-by": "stridegate",
        "stridegate.dev/profile": "kubeadm",
        "stridegate.dev/role": "control-plane",
        "stridegate.dev/fresh": "True",
    }


def test_a_finding_keeps_what_it_says() -> None:
    assert only() == {
        "policy": "kubelet-anonymous-auth",
        "severity": "critical",
        "category": "STRIDE S, CIS Kubernetes",
        "result": "fail",
        "scored": True,
        "message": "The kubelet takes requests without credentials. (observed true, wanted false)",
        "timestamp": {"seconds": 1793491200, "nanos": 0},
        "properties": {
            "observed": "true",
            "wanted": "false",
            "note": "a flag says so",
            "fix": "Set authentication.anonymous.enabled: false",
            "references": "cis-kubernetes 1.12 4.2.1",
            "evidence": "configz",
            "path": "authentication.anonymous.enabled",
            "digest": "0123456789abcdef",
            "offenders": "kubelet: true",
            "offendersTotal": "1",
            "state": "Fail",
            "firstSeen": "2026-11-01T00:00:00Z",
        },
    }


@pytest.mark.parametrize(
    ("state", "result", "scored"),
    [
        ("Fail", "fail", True),
        ("Warn", "warn", False),
        ("Unknown", "error", True),
        ("Error", "error", True),
        ("Pass", "error", True),
        ("a word of tomorrow", "error", True),
    ],
)
def test_what_came_to_no_verdict_is_an_error_and_never_a_pass(state: str, result: str, scored: bool) -> None:
    found = only(state=state)

    assert (found["result"], found["scored"], found["properties"]["state"]) == (result, scored, state)


def test_an_exempted_finding_is_skipped_and_says_by_what_and_until_when() -> None:
    found = only(exemption={"name": "edge-sysctls", "expires": "2027-01-31T00:00:00Z"})

    assert found["result"] == "skip"
    assert found["message"].startswith("exempted by edge-sysctls until 2027-01-31T00:00:00Z: The kubelet")
    assert found["properties"]["expires"] == "2027-01-31T00:00:00Z"


def test_a_rule_that_passed_is_told_with_what_is_known_of_it_here() -> None:
    known, unknown = repeated(findings=[], passed=["kubelet-anonymous-auth", "rule-of-tomorrow"])["results"]

    assert known == {
        "policy": "kubelet-anonymous-auth",
        "severity": "critical",
        "category": "STRIDE S, CIS Kubernetes",
        "result": "pass",
        "scored": True,
    }
    assert unknown == {"policy": "rule-of-tomorrow", "result": "pass", "scored": True}


def test_the_summary_counts_what_the_report_counts() -> None:
    counts = {"pass": 180, "fail": 23, "warn": 9, "error": 4, "notApplicable": 56, "exempted": 2}

    assert repeated(summary=counts)["summary"] == {"pass": 180, "fail": 23, "warn": 9, "error": 4, "skip": 58}


def test_a_report_that_is_stale_is_never_all_green() -> None:
    counts = {**COUNTS, "pass": 1}
    condition = {
        "type": "Fresh",
        "status": "False",
        "reason": "ScannerGone",
        "message": "no scanner is Ready on the node",
        "lastTransitionTime": "2026-11-01T00:00:00Z",
    }

    found = repeated(summary=counts, findings=[], passed=["tight-file"], conditions=[condition])

    assert found["summary"] == {"pass": 1, "fail": 0, "warn": 0, "error": 1, "skip": 0}
    assert found["results"][0] == {
        "policy": "stale-report",
        "severity": "high",
        "result": "error",
        "scored": True,
        "message": "All that follows is as it was last seen: no scanner is Ready on the node",
        "timestamp": {"seconds": 1793491200, "nanos": 0},
        "properties": {"state": "ScannerGone"},
    }


def test_the_result_about_staleness_has_the_name_of_no_rule() -> None:
    assert STALE not in ENTRIES


@given(st.lists(st.tuples(st.sampled_from(State), st.booleans()), max_size=40), st.integers(0, 7))
def test_every_scan_is_counted_alike_in_both_reports(outcomes: list[tuple[State, bool]], length: int) -> None:
    many = tuple(Offender(name="/" + "é" * 250, observed="ü" * 128) for _ in range(length))
    scanned = status(
        *(judged(state, f"rule-{number}", offenders=many) for number, (state, _) in enumerate(outcomes)),
        exemptions=tuple(exemption(slug=f"rule-{number}") for number, (_, exempted) in enumerate(outcomes) if exempted),
    )

    found = repeated(**scanned)
    summary, counted = found["summary"], scanned["summary"]
    listed = Counter(each["result"] for each in found["results"])

    assert summary == {
        **{each: counted[each] for each in ("pass", "fail", "warn", "error")},
        "skip": counted["notApplicable"] + counted["exempted"],
    }
    assert {**listed, "skip": listed["skip"] + counted["notApplicable"]} == {
        each: summary[each] for each in summary if summary[each] or each == "skip"
    }


def test_the_report_on_the_cluster_has_no_scope() -> None:
    report: Any = {
        "metadata": {"name": "stridegate-cluster", "uid": "u2"},
        "spec": {"profile": "cluster"},
        "status": {"summary": COUNTS},
    }

    found: Any = open_report(msgspec.convert(report, WholeReport), ENTRIES)

    assert (found["metadata"]["name"], "scope" in found) == ("stridegate-cluster", False)
    assert found["metadata"]["labels"]["stridegate.dev/fresh"] == "Unknown"


def test_what_breaks_a_rule_about_the_cluster_is_referred_to_where_it_is_an_object() -> None:
    names = ("ServiceAccount ci/deployer", "Namespace shop", "User alice", "shop: web:1", "Container shop/web/app")
    report: Any = {
        "metadata": {"name": "stridegate-cluster", "uid": "u2"},
        "spec": {"profile": "cluster"},
        "status": {
            "summary": {**COUNTS, "fail": 1},
            "findings": [{**PLAIN, "offenders": [{"name": each, "observed": "x"} for each in names]}],
        },
    }

    found: Any = open_report(msgspec.convert(report, WholeReport), ENTRIES)

    assert found["results"][0]["resources"] == [
        {"apiVersion": "v1", "kind": "ServiceAccount", "namespace": "ci", "name": "deployer"},
        {"apiVersion": "v1", "kind": "Namespace", "name": "shop"},
    ]


def test_a_report_that_nobody_scanned_for_says_nothing() -> None:
    report = msgspec.convert({"metadata": {"name": "node1", "uid": "u1"}, "spec": {"nodeName": "node1"}}, WholeReport)

    assert open_report(report, ENTRIES) is None


def test_the_longest_name_of_a_node_leads_to_a_name_of_its_own() -> None:
    longest = ".".join(["a" * 61] * 4) + ".abcde"

    names = {open_name(each) for each in (longest, longest[:-1] + "f", "node1", "stridegate-cluster")}

    assert len(longest) == 253
    assert len(names) == 4
    assert all(len(each) <= 63 for each in names)


@pytest.mark.parametrize(
    "other",
    [
        {"findings": []},
        {"passed": []},
        {"dropped": 1},
        {"summary": {**COMPLETE["status"]["summary"], "notApplicable": 4}},
        {"conditions": [{"type": "Fresh", "status": "False"}]},
    ],
)
def test_the_digest_changes_with_whatever_is_said(other: dict[str, Any]) -> None:
    assert head_of(repeated(**other)).digest != head_of(repeated()).digest


def test_the_digest_does_not_change_with_the_time_of_a_scan() -> None:
    assert repeated(scannedAt="2026-12-01T00:00:00Z", durationMs=7) == repeated()


def test_results_without_room_are_counted_and_the_worst_stay() -> None:
    text = "€" * 128
    findings = [{**PLAIN, "rule": f"rule-{number}", "observed": text, "wanted": text} for number in range(400)]

    found = repeated(findings=findings, dropped=3)
    listed = [each["policy"] for each in found["results"]]

    assert len(json.dumps(found, ensure_ascii=False).encode()) < 256 * 1024
    assert listed == [f"rule-{number}" for number in range(len(listed))]
    assert int(found["metadata"]["annotations"]["stridegate.dev/dropped"]) == 3 + 401 - len(listed)


@given(text=st.text(max_size=300), offenders=st.lists(st.text(max_size=300), max_size=20))
def test_no_text_of_a_report_can_pass_for_ours_or_grow(text: str, offenders: list[str]) -> None:
    found = only(
        title=text, observed=text, wanted=text, note=text, fix=text, stride=text, severity=text, rule=text,
        evidence={"source": text, "path": text, "digest": text}, lastTransition=text, firstSeen=text,
        references=[{"benchmark": text, "version": text, "id": text}],
        offenders=[{"name": each, "observed": text} for each in offenders],
    )  # fmt: skip
    texts = [found["policy"], found["category"], found["message"], *found["properties"].values()]

    assert all(each.isprintable() for each in texts)
    assert len(found["message"]) <= 512
    assert all(len(json.dumps(each, ensure_ascii=False).encode()) <= 1024 for each in found["properties"].values())
    assert found.get("severity", "info") in {"critical", "high", "medium", "low", "info"}
