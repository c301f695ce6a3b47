"""A report in which some rules are judged anew, by somebody who may read more than whoever wrote it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from stridegate.engine.reports import Judged, Scan, report
from stridegate.engine.tallies import summarized
from stridegate.model.entries import CatalogueEntry, ReportedRule
from stridegate.model.nodes.verdicts import State
from stridegate.model.times import read_time

_ORDER = ("Fail", "Warn", "Error", "Unknown")
_SEVERITIES = ("critical", "high", "medium", "low", "info")


def rejudged(
    status: Mapping[str, object], judged: Sequence[Judged], rules: Mapping[str, CatalogueEntry]
) -> dict[str, object]:
    """Return a report's status with some of its rules judged anew; `rules` are all by slug. One that cannot be read stays as it is."""
    summary, scanned = status.get("summary"), read_time(status.get("scannedAt"))
    if not isinstance(summary, Mapping) or scanned is None or status.get("dropped"):
        return dict(status)
    anew = {each.rule.slug for each in judged}
    scan = Scan(findings=judged, now=scanned, duration=0, version="", catalogue="", generation=0)
    told = report(scan, status)
    findings = [each for each in _maps(status.get("findings")) if each.get("rule") not in anew] + list(told["findings"])
    passed = sorted({*_texts(status.get("passed"))} - anew | {*told["passed"]})
    absent = summary.get("notApplicable")
    verdicts = [
        *((rule, State(str(each["state"]))) for each in findings if (rule := _rule(each.get("rule"), rules))),
        *((rule, State.PASS) for slug in passed if (rule := _rule(slug, rules))),
    ]
    exempted = {str(each["rule"]) for each in findings if "exemption" in each}
    return {
        **status,
        "findings": sorted(findings, key=_rank),
        "passed": passed,
        "summary": {**summarized(verdicts, exempted), "notApplicable": absent if isinstance(absent, int) else 0},
    }


def _rule(slug: object, rules: Mapping[str, CatalogueEntry]) -> ReportedRule | None:
    found = rules.get(str(slug))
    return found if isinstance(found, ReportedRule) else None


def _rank(finding: Mapping[str, object]) -> tuple[int, int, str]:
    state, severity = str(finding.get("state")), str(finding.get("severity"))
    return (
        _ORDER.index(state) if state in _ORDER else len(_ORDER),
        _SEVERITIES.index(severity) if severity in _SEVERITIES else len(_SEVERITIES),
        str(finding.get("rule")),
    )


def _maps(value: object) -> list[Mapping[str, object]]:
    states = {each.value for each in State}
    return [each for each in _list(value) if isinstance(each, Mapping) and each.get("state") in states]


def _texts(value: object) -> Iterable[str]:
    return (each for each in _list(value) if isinstance(each, str))


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
