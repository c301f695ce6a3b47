"""A report stays small, and says what it leaves out."""

from __future__ import annotations

import json
from dataclasses import replace
from operator import attrgetter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanned import Judged, exemption, judged, rule, status
from stridegate.engine.node_catalogue import CONTAINER_RULES, NODE_RULES
from stridegate.engine.report_sizes import FINDING_BYTES, STATUS_BYTES
from stridegate.model.nodes.rules import ScanRule
from stridegate.model.nodes.verdicts import Evidence, Offender, Source, State
from stridegate.model.vocabulary import Severity

SCANNED_RULES = [*NODE_RULES.values(), *CONTAINER_RULES.values()]


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


@pytest.mark.parametrize("known", SCANNED_RULES, ids=attrgetter("slug"))
def test_what_a_rule_says_of_itself_stands_whole_in_a_report(known: ScanRule) -> None:
    verdict = replace(judged(observed="0644, of uid 1000 and gid 1000").verdict, wanted="0600, of root")

    (finding,) = status(Judged(rule=known, verdict=verdict))["findings"]

    assert (finding["title"], finding["fix"]) == (known.title, known.fix)
    assert len(finding.get("references", ())) == min(8, sum(len(list(each.numberings())) for each in known.references))


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
