"""From what a scan found to the status of a HardeningReport: a pure function of it, of the status before, and of the time.

Nothing in a status is longer than the kind's schema lets it be: what does not fit is cut where it is worth least, and
counted. Every text that a node or a user could have chosen is made fit to be shown.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, cast

from stridegate.engine.histories import Before, History
from stridegate.engine.report_sizes import FINDING_BYTES, fitted, squeezed
from stridegate.engine.tallies import summarized
from stridegate.model.entries import ReportedRule
from stridegate.model.exemptions import ExemptedValue
from stridegate.model.nodes.inspected import ABSENT, newly_accepted
from stridegate.model.nodes.verdicts import State, Verdict
from stridegate.model.reports import (
    HEARTBEAT,
    JITTER,
    ConditionEntry,
    FileEntry,
    FindingEntry,
    NodeEntry,
    NodeExemption,
    StatusEntry,
)
from stridegate.model.texts import clean
from stridegate.model.times import read_time, write_time
from stridegate.model.vocabulary import ValueKind

# The most characters of a text that shows what was seen or is wanted, and of a path, a name or a condition's message.
_SEEN, _NAME, _MESSAGE = 128, 256, 512
MOST_OFFENDERS = 20
MOST_FILES = 200
# As many hexadecimal digits tell what was found before from what is found now.
_DIGITS = 16

_FAULTS = frozenset({State.FAIL, State.WARN})
_UNJUDGED = frozenset({State.UNKNOWN, State.ERROR})
# Worst first: what fails, what a person must judge, what broke, what could not be read.
_ORDER = {State.FAIL: 0, State.WARN: 1, State.ERROR: 2, State.UNKNOWN: 3}


class Judged(Protocol):
    """A rule, and its verdict."""

    @property
    def rule(self) -> ReportedRule:
        """The rule."""

    @property
    def verdict(self) -> Verdict:
        """What it concluded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What a report is made of. `now` is when the scan ended (Unix, seconds), `duration` how long it took, in seconds.

    `generation` is that of the report's spec that the scan followed, `catalogue` the digest of the rules, `files` the
    accepted state of inspected files by path, `gaps` what the scan as a whole could not see, in words. `bounded` says that
    the report is an object of a cluster, which has to be small.
    """

    findings: Sequence[Judged]
    now: float
    duration: float
    version: str
    catalogue: str
    generation: int
    node: NodeEntry = field(default_factory=NodeEntry)
    exemptions: tuple[NodeExemption, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    gaps: tuple[str, ...] = ()
    bounded: bool = True


def report(scan: Scan, previous: Mapping[str, object] | None) -> StatusEntry:
    """Return the status that a scan leads to, after that which is there (None where there is none)."""
    history = History(previous, scan.catalogue, write_time(scan.now))
    entries: list[tuple[tuple[int, int, str], FindingEntry]] = []
    for each in scan.findings:
        before = history.before(each.rule.slug)
        exemption = _exemption(each, scan)
        history.note(before, each.verdict.state, exempted=exemption is not None)
        if each.verdict.state in _ORDER:
            rank = (_ORDER[each.verdict.state], -each.rule.severity, each.rule.slug)
            entry = _entry(each, exemption, history, before)
            if scan.bounded:
                squeezed(entry, FINDING_BYTES)
            _add_offenders(entry, each.verdict)
            entries.append((rank, entry))
    exempted = {entry["rule"] for _, entry in entries if "exemption" in entry}
    status: StatusEntry = {
        "observedGeneration": scan.generation,
        "scannedAt": write_time(scan.now),
        "durationMs": max(0, round(scan.duration * 1000)),
        "scannerVersion": clean(scan.version, 64),
        "catalogueDigest": scan.catalogue,
        "delta": history.delta(),
        "dropped": 0,
        "node": _node(scan.node),
        "summary": summarized(((each.rule, each.verdict.state) for each in scan.findings), exempted),
        "findings": [entry for _, entry in sorted(entries, key=lambda each: each[0])],
        "passed": sorted(each.rule.slug for each in scan.findings if each.verdict.state is State.PASS),
        "files": _files(scan.files),
        "conditions": [],
    }
    if scan.bounded:
        fitted(status)
    status["conditions"] = _conditions(scan, status, previous)
    return status


def says_something_new(status: StatusEntry, live: Mapping[str, object]) -> bool:
    """Whether a status says something else than the live one; when it was scanned, and how long that took, do not count."""
    wanted = {**status, "conditions": None, "scannedAt": None, "durationMs": None}
    if any(live.get(key) != value for key, value in wanted.items() if value is not None):
        return True
    known = {each.get("type"): each for each in _maps(live.get("conditions"))}
    return any(known.get(each["type"]) != each for each in status["conditions"])


def heartbeat_due(live: Mapping[str, object], now: float, jitter: float) -> bool:
    """Whether a report is to be written though it says nothing new; `jitter` is a number from 0 to 1 that differs by node."""
    scanned = read_time(live.get("scannedAt"))
    # A clock that was set back must not silence a node.
    return scanned is None or not 0 <= now - scanned < HEARTBEAT * (1 - JITTER * jitter)


def accepted(
    live: Mapping[str, object] | None, present: Mapping[str, str], accept: Iterable[str] = ()
) -> dict[str, str]:
    """Return the accepted state of inspected files, digests by path: as first seen, and as they are now where a person accepts that.

    `present` is how they are, `accept` what a person accepts of that (`newly_accepted`).
    What stays away keeps its state, so that it is not taken for new when it comes back.
    """
    known = {str(each.get("path")): str(each.get("digest")) for each in _maps((live or {}).get("files"))}
    # A file whose absence is accepted is forgotten: it would be new if it came back.
    agreed = newly_accepted(accept, present)
    known = {path: digest for path, digest in known.items() if agreed.get(path) != ABSENT}
    taken = {path: digest for path, digest in agreed.items() if digest != ABSENT}
    # What was accepted goes before what is new, so that a flood of new files cannot push it out.
    kept = list({**known, **{path: digest for path, digest in present.items() if path not in known}, **taken}.items())
    return dict(kept[:MOST_FILES])


def _entry(judged: Judged, exemption: NodeExemption | None, history: History, before: Before | None) -> FindingEntry:
    rule, verdict = judged.rule, judged.verdict
    times = history.times(before, verdict.state)
    entry: FindingEntry = {
        "rule": rule.slug,
        "title": clean(rule.title, _SEEN),
        "stride": rule.letters,
        "severity": str(rule.severity),
        "state": verdict.state.value,
        "observed": clean(verdict.observed, _SEEN),
        "fix": rule.fix,
        "firstSeen": times["firstSeen"],
        "lastTransition": times["lastTransition"],
    }
    if "previousState" in times:
        entry["previousState"] = times["previousState"]
    if verdict.wanted:
        entry["wanted"] = clean(verdict.wanted, _SEEN)
    if verdict.note:
        entry["note"] = clean(verdict.note, _SEEN)
    if numberings := [numbering for reference in rule.references for numbering in reference.numberings()]:
        entry["references"] = [
            {"benchmark": each.benchmark.value, "version": each.editions, "id": each.number} for each in numberings[:8]
        ]
    if verdict.evidence is not None:
        entry["evidence"] = {
            "source": verdict.evidence.source.value,
            "path": clean(verdict.evidence.path, _NAME),
            "digest": evidence_digest(verdict),
        }
    if exemption is not None:
        entry["exemption"] = {"name": exemption.name, "expires": write_time(exemption.expires)}
    return entry


def _add_offenders(entry: FindingEntry, verdict: Verdict) -> None:
    """Add the things that break the rule: what a finding says of itself has a bound of its own, and they come on top of it."""
    if verdict.offenders:
        entry["offenders"] = [
            {"name": clean(each.name, _NAME), "observed": clean(each.observed, _SEEN)}
            for each in verdict.offenders[:MOST_OFFENDERS]
        ]
        entry["offendersTotal"] = len(verdict.offenders)


def evidence_digest(verdict: Verdict) -> str:
    """Return what an exemption names to take this very verdict: it changes with anything that was observed."""
    seen = [verdict.state.value, verdict.observed]
    seen += sorted(f"{each.name}\0{each.observed}" for each in verdict.offenders)
    return hashlib.sha256("\1".join(seen).encode(errors="surrogatepass")).hexdigest()[:_DIGITS]


def _exemption(judged: Judged, scan: Scan) -> NodeExemption | None:
    """Return the exemption that takes a finding; of several, that which ends last."""
    if judged.verdict.state not in _FAULTS:
        return None
    taking = [
        each
        for each in scan.exemptions
        if judged.rule.slug in each.rules and scan.now < each.expires and _takes(each.values, judged.verdict)
    ]
    return max(taking, key=lambda each: (each.expires, each.name), default=None)


def _takes(values: tuple[ExemptedValue, ...], verdict: Verdict) -> bool:
    """Whether values name a verdict: its digest, or every path that breaks the rule."""
    if not values or any(each == ExemptedValue(ValueKind.DIGEST, evidence_digest(verdict)) for each in values):
        return True
    paths = {each.text for each in values if each.kind is ValueKind.PATH}
    names = {each.name for each in verdict.offenders} or ({verdict.evidence.path} if verdict.evidence else set())
    return bool(names) and names <= paths


def _node(node: NodeEntry) -> NodeEntry:
    texts = {key: clean(str(value), _SEEN) for key, value in node.items() if key != "cni"}
    return cast("NodeEntry", {**texts, "cni": sorted({clean(each, 64) for each in node.get("cni", ())})[:16]})


def _files(files: Mapping[str, str]) -> list[FileEntry]:
    # A path that would have to be cut or cleaned would be another path.
    named = {path: digest for path, digest in files.items() if clean(path, _NAME) == path}
    return [FileEntry(path=path, digest=named[path]) for path in sorted(named)][:MOST_FILES]


def _conditions(scan: Scan, status: StatusEntry, previous: Mapping[str, object] | None) -> list[ConditionEntry]:
    known = {each.get("type"): each for each in _maps((previous or {}).get("conditions"))}
    reason, message = _completeness(scan, status)

    def written(kind: str, reason: str, message: str, *, met: bool) -> ConditionEntry:
        state, before = "True" if met else "False", known.get(kind, {})
        since = before.get("lastTransitionTime") if before.get("status") == state else None
        return {
            "type": kind,
            "status": state,
            "reason": reason,
            "message": clean(message, _MESSAGE),
            "observedGeneration": scan.generation,
            "lastTransitionTime": since if isinstance(since, str) else write_time(scan.now),
        }

    return [
        written("Ready", "Scanned", f"{len(scan.findings)} rules were judged", met=True),
        written("Complete", reason, message, met=reason == "Complete"),
    ]


def _completeness(scan: Scan, status: StatusEntry) -> tuple[str, str]:
    if status["dropped"]:
        return "Truncated", f"{status['dropped']} findings, the least bad ones, did not fit into this report"
    hidden = [each for each in scan.findings if each.verdict.state in _UNJUDGED]
    if not hidden and not scan.gaps:
        return "Complete", "everything that the rules ask for could be read"
    reasons = [*scan.gaps, *dict.fromkeys(each.verdict.observed for each in hidden)]
    counted = f"{len(hidden)} rules came to no verdict: " if hidden else ""
    return "Unreadable", counted + "; ".join(clean(each, _SEEN) for each in reasons[:5])


def _maps(value: object) -> list[Mapping[str, object]]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def catalogue_digest(rules: Iterable[ReportedRule]) -> str:
    """Return what tells two catalogues apart: which rules there are, how they count, and since when."""
    declared = sorted(f"{rule.slug} {rule.severity} {rule.since}" for rule in rules)
    return hashlib.sha256("\n".join(declared).encode()).hexdigest()[:12]
