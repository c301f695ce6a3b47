"""What an exemption takes out of a report, and what it leaves there."""

from __future__ import annotations

import pytest

from scanned import EVIDENCE, HOUR, NOW, exemption, judged, status
from stridegate.engine.reports import evidence_digest
from stridegate.model.exemptions import ExemptedValue
from stridegate.model.nodes.verdicts import Offender, State, Verdict
from stridegate.model.reports import NodeExemption
from stridegate.model.times import write_time
from stridegate.model.vocabulary import ValueKind


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
