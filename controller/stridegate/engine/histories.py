"""What became of each rule since the report before: since when it is so, what it was, and how many changed for the worse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NotRequired, TypedDict

from stridegate.model.nodes.verdicts import State
from stridegate.model.reports import DeltaEntry

_STATES = {each.value: each for each in State}
_BAD = frozenset({State.FAIL, State.WARN})
_GOOD = frozenset({State.PASS, State.NOT_APPLICABLE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """How a rule stood in the report before; the times are empty where it stood in no list of findings."""

    state: State
    exempted: bool = False
    first_seen: str = ""
    last_transition: str = ""
    previous: str = ""


class Times(TypedDict):
    """The part of a finding that comes from its history."""

    firstSeen: str
    lastTransition: str
    previousState: NotRequired[str]


class History:
    """The report before, which may be absent or damaged, read with the one that follows at the time `now` (RFC 3339)."""

    def __init__(self, previous: Mapping[str, object] | None, catalogue: str, now: str) -> None:
        self._now = now
        status = previous or {}
        self._known = {**_passed(status), **_found(status)}
        # What a complete report of the same rules does not list did not apply.
        self._rest = (
            Before(state=State.NOT_APPLICABLE)
            if status.get("catalogueDigest") == catalogue and status.get("dropped") == 0
            else None
        )
        self._delta = status.get("delta")
        self._new = self._regressed = self._fixed = 0

    def before(self, slug: str) -> Before | None:
        """Return how a rule stood; None where nothing is known of it."""
        return self._known.get(slug, self._rest)

    def note(self, before: Before | None, state: State, *, exempted: bool) -> None:
        """Count a rule that came out so, after it stood so."""
        was_bad = before is not None and before.state in _BAD and not before.exempted
        is_bad = state in _BAD and not exempted
        if is_bad and before is not None and before.state is State.PASS:
            self._regressed += 1
        elif is_bad and not was_bad:
            self._new += 1
        elif is_bad and before is not None and (before.state, state) == (State.WARN, State.FAIL):
            self._regressed += 1
        elif was_bad and state in _GOOD:
            self._fixed += 1

    def times(self, before: Before | None, state: State) -> Times:
        """Return since when a finding is there and stands as it does, and how it stood before that."""
        if before is not None and before.state is state and before.first_seen and before.last_transition:
            times = Times(firstSeen=before.first_seen, lastTransition=before.last_transition)
            if before.previous:
                times["previousState"] = before.previous
            return times
        times = Times(firstSeen=(before.first_seen if before else "") or self._now, lastTransition=self._now)
        if before is not None:
            times["previousState"] = before.state.value
        return times

    def delta(self) -> DeltaEntry:
        """Return what changed by this scan, or where nothing did by that which last changed something."""
        known = self._delta if isinstance(self._delta, Mapping) else {}
        since = known.get("since")
        if not (self._new or self._regressed or self._fixed) and isinstance(since, str):
            new, regressed, fixed = (known.get(key) for key in ("new", "regressed", "fixed"))
            if isinstance(new, int) and isinstance(regressed, int) and isinstance(fixed, int):
                return DeltaEntry(new=new, regressed=regressed, fixed=fixed, since=since)
        return DeltaEntry(new=self._new, regressed=self._regressed, fixed=self._fixed, since=self._now)


def _passed(status: Mapping[str, object]) -> dict[str, Before]:
    passed = status.get("passed")
    return (
        {slug: Before(state=State.PASS) for slug in passed if isinstance(slug, str)} if isinstance(passed, list) else {}
    )


def _found(status: Mapping[str, object]) -> dict[str, Before]:
    findings = status.get("findings")
    known: dict[str, Before] = {}
    for each in findings if isinstance(findings, list) else ():
        texts = (
            {key: value for key, value in each.items() if isinstance(value, str)} if isinstance(each, Mapping) else {}
        )
        state = _STATES.get(texts.get("state", ""))
        if state is not None:
            known[texts.get("rule", "")] = Before(
                state=state,
                exempted="exemption" in each,
                first_seen=texts.get("firstSeen", ""),
                last_transition=texts.get("lastTransition", ""),
                previous=texts.get("previousState", ""),
            )
    return known
