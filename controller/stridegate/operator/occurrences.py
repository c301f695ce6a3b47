"""What is told as an Event: a report's findings changed, or it is fresh no longer; never twice, and never too many."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from stridegate.kube.known_reports import KnownReport
from stridegate.kube.objects import Json
from stridegate.kube.reports import API_VERSION

# The most Events at a time, and the seconds after which there may be one more; what is beyond them stands in the reports
# themselves. A fleet that is rolled out or updated says thousands of new things within minutes.
MOST, _SPACING = 20, 10.0


@dataclass(frozen=True, slots=True)
class _Told:
    since: str
    fresh: str


class Occurrences:
    """Compares each report with what was last told of it. What is there as the operator starts is no news."""

    def __init__(self) -> None:
        self._told: dict[str, _Told] | None = None
        # Seconds that were saved up for Events, each of which takes some, and when that was reckoned.
        self._saved = MOST * _SPACING
        self._asked = 0.0

    def forget(self) -> None:
        """Take what comes next for known: another replica tells."""
        self._told = None

    def news(self, reports: Mapping[str, KnownReport], now: float) -> list[Json]:
        """Return the Events of what has changed since the last time, at most so many; `now` is in seconds of any clock."""
        known, current = self._told, {name: _told(each) for name, each in reports.items()}
        self._told = current
        if known is None:
            return []
        events = [
            event
            for name, each in reports.items()
            if not each.leaving and known.get(name) != current[name]
            for event in _events(each, known.get(name, _Told("", "")), current[name])
        ]
        return events[: self._allow(len(events), now)]

    def _allow(self, wanted: int, now: float) -> int:
        """Return how many Events there may be, of so many, and take them from what there may be later."""
        self._saved = min(MOST * _SPACING, self._saved + max(0.0, now - self._asked))
        self._asked = now
        granted = min(wanted, int(self._saved // _SPACING))
        self._saved -= granted * _SPACING
        return granted


def _told(report: KnownReport) -> _Told:
    fresh = report.condition("Fresh") or {}
    return _Told(report.delta.since if report.delta else "", str(fresh.get("status", "")))


def _events(report: KnownReport, before: _Told, after: _Told) -> Iterator[Json]:
    delta = report.delta
    if delta is not None and after.since != before.since:
        worse = delta.new + delta.regressed
        counts = f"{delta.new} new findings, {delta.regressed} regressed, {delta.fixed} fixed"
        named = f": {', '.join(report.changed)}" if worse and report.changed else ""
        yield _event(report, "FindingsChanged", counts + named, bad=bool(worse))
    if after.fresh != before.fresh and (after.fresh == "False" or before.fresh == "False"):
        fresh = report.condition("Fresh") or {}
        reason = str(fresh.get("reason", "")) or "Fresh"
        yield _event(report, reason, str(fresh.get("message", "")), bad=after.fresh == "False")


def _event(report: KnownReport, reason: str, message: str, *, bad: bool) -> Json:
    now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"generateName": "stridegate-", "namespace": "default"},
        "involvedObject": {
            "apiVersion": API_VERSION,
            "kind": "HardeningReport",
            "name": report.name,
            "uid": report.uid,
        },
        "reason": reason,
        "message": message[:1024],
        "type": "Warning" if bad else "Normal",
        "source": {"component": "stridegate-operator"},
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }
