"""From findings to a status: what is listed, counted, remembered, cut and left out."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stridegate.engine.report_sizes import FINDING_BYTES, STATUS_BYTES
from stridegate.engine.reports import Scan, accepted, evidence_digest, heartbeat_due, report, says_something_new
from stridegate.model.entries import ReportedRule
from stridegate.model.exemptions import ExemptedValue
from stridegate.model.nodes.verdicts import Evidence, Offender, Source, State, Verdict
from stridegate.model.references import CisDocker, CisKubernetes
from stridegate.model.reports import NodeExemption
from stridegate.model.times import write_time
from stridegate.model.vocabulary import Severity, Stride, ValueKind

NOW = 1_800_000_000.0
HOUR = 3600.0
EVIDENCE = Evidence(source=Source.FILE, path="/etc/kubernetes/x")


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A rule, and its verdict."""

    rule: ReportedRule
    verdict: Verdict


def rule(slug: str = "loose-file", severity: Severity = Severity.HIGH) -> ReportedRule:
    return ReportedRule(
        slug=slug,
        severity=severity,
        stride=frozenset({Stride.TAMPERING}),
        references=(CisKubernetes("1.1.1"), CisDocker("5.13", before_1_6="5.12")),
        wrong="A file can be changed by others than root.",
        threat="Whoever can write it owns the node.",
        wants="have a mode of at most 600",
        fix="Run chmod 600.",
    )


def judged(
    state: State = State.FAIL,
    slug: str = "loose-file",
    severity: Severity = Severity.HIGH,
    observed: str = "644",
    offenders: tuple[Offender, ...] = (),
) -> Judged:
    verdict = Verdict(state=state, observed=observed, wanted="600", evidence=EVIDENCE, offenders=offenders)
    return Judged(rule=rule(slug, severity), verdict=verdict)


def scan(*findings: Judged, now: float = NOW, **given: Any) -> Scan:  # noqa: ANN401 - any field
    return Scan(findings=findings, now=now, duration=0.25, version="0.1.0", catalogue="abc", generation=1, **given)


def status(*findings: Judged, before: Any = None, now: float = NOW, **given: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return dict(report(scan(*findings, now=now, **given), before))


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


def exemption(*values: ExemptedValue, expires: float = NOW + HOUR, slug: str = "loose-file") -> NodeExemption:
    return NodeExemption(name="while-moving", rules=frozenset({slug}), values=values, expires=expires)


def path(text: str) -> ExemptedValue:
    return ExemptedValue(ValueKind.PATH, text)


def digest(verdict: Verdict) -> ExemptedValue:
    return ExemptedValue(ValueKind.DIGEST, evidence_digest(verdict))


@pytest.mark.parametrize("given", [exemption(), exemption(path(EVIDENCE.path)), exemption(digest(judged().verdict))])
def test_an_exemption_takes_a_finding_that_keeps_its_state(given: NodeExemption) -> None:
    found = status(judged(), exemptions=(given,))

    (finding,) = found["findings"]

    assert (finding["state"], finding["exemption"]) == (
        "Fail",
        {"name": "while-moving", "expires": write_time(NOW + HOUR)},
    )
    assert (found["summary"]["fail"], found["summary"]["exempted"], found["summary"]["high"]) == (0, 1, 0)


@pytest.mark.parametrize(
    "given",
    [
        exemption(expires=NOW),
        exemption(slug="another"),
        exemption(path("/etc/other")),
        exemption(digest(judged(observed="666").verdict)),
    ],
)
def test_an_exemption_takes_nothing_else(given: NodeExemption) -> None:
    assert status(judged(), exemptions=(given,))["summary"]["fail"] == 1


def test_an_exemption_by_paths_must_name_every_path_that_breaks_the_rule() -> None:
    two = judged(offenders=(Offender(name="/a", observed="644"), Offender(name="/b", observed="644")))

    one, both = (
        status(two, exemptions=(exemption(*paths),))["summary"]["exempted"]
        for paths in ((path("/a"),), (path("/a"), path("/b")))
    )

    assert (one, both) == (0, 1)


@pytest.mark.parametrize("state", [State.UNKNOWN, State.ERROR])
def test_what_came_to_no_verdict_is_never_exempted(state: State) -> None:
    assert status(judged(state), exemptions=(exemption(),))["summary"]["error"] == 1


def test_a_finding_reopens_as_new_when_its_exemption_ends() -> None:
    before = status(judged(), exemptions=(exemption(),))

    after = status(judged(), before=before, exemptions=(exemption(),), now=NOW + HOUR)

    assert (after["delta"]["new"], after["summary"]["fail"]) == (1, 1)


def test_an_accepted_file_keeps_its_first_state_until_a_person_accepts_another() -> None:
    live = {"files": [{"path": "/a", "digest": "1"}, {"path": "/gone", "digest": "2"}]}

    kept = accepted(live, {"/a": "3", "/new": "4"})
    taken = accepted(live, {"/a": "3", "/new": "4"}, accept=["/a", "/never"])

    assert kept == {"/a": "1", "/gone": "2", "/new": "4"}
    assert taken == {"/a": "3", "/gone": "2", "/new": "4"}


def test_a_file_whose_absence_is_accepted_is_forgotten() -> None:
    live = {"files": [{"path": "/gone", "digest": "1"}]}

    assert accepted(live, {}, accept=["/gone"]) == {}


def test_a_flood_of_new_files_pushes_no_accepted_one_out() -> None:
    live = {"files": [{"path": "/zzz", "digest": "1"}]}

    assert accepted(live, {f"/{number:03}": "2" for number in range(500)})["/zzz"] == "1"


def test_of_many_offenders_twenty_are_listed_and_all_are_counted() -> None:
    many = tuple(Offender(name=f"/{number}", observed="644") for number in range(50))

    (finding,) = status(judged(offenders=many))["findings"]

    assert (len(finding["offenders"]), finding["offendersTotal"]) == (20, 50)


def test_a_report_that_is_too_large_drops_its_least_bad_findings_and_says_so() -> None:
    many = tuple(Offender(name="/" + "é" * 250, observed="ü" * 128) for _ in range(20))
    found = status(
        *(judged(State.FAIL, f"a{number}", offenders=many) for number in range(300)),
        *(judged(State.FAIL, f"b{number}", Severity.CRITICAL, offenders=many) for number in range(5)),
    )

    assert size(found) <= STATUS_BYTES + 2048
    assert [each["severity"] for each in found["findings"][:6]] == ["critical"] * 5 + ["high"]
    assert found["dropped"] + len(found["findings"]) == 305
    assert found["conditions"][1]["reason"] == "Truncated"


def size(value: object) -> int:
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


HOSTILE = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=400)


@given(
    observed=HOSTILE,
    wanted=HOSTILE,
    note=HOSTILE,
    place=HOSTILE,
    name=HOSTILE,
    state=st.sampled_from(State),
    gap=HOSTILE,
)
def test_any_text_fits_and_is_fit_to_be_shown(  # noqa: PLR0917 - one text for each field
    observed: str, wanted: str, note: str, place: str, name: str, state: State, gap: str
) -> None:
    verdict = replace(
        judged(state, observed=observed, offenders=(Offender(name=name, observed=observed),)).verdict,
        wanted=wanted,
        note=note,
        evidence=Evidence(source=Source.FILE, path=place),
    )

    found = status(
        Judged(rule=rule(), verdict=verdict),
        gaps=(gap,),
        node={"osImage": observed, "cni": [name]},
        files={place: "0"},
        exemptions=(exemption(),),
    )

    for finding in found["findings"]:
        assert size({key: value for key, value in finding.items() if key != "offenders"}) <= FINDING_BYTES + 32
        assert max(len(finding[key]) for key in ("observed", "wanted", "note") if key in finding) <= 128
    assert json.dumps(found, ensure_ascii=False).isprintable()


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
