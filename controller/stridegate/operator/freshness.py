"""Whether a report is fresh: a scanner looks after its node now, and has said so lately."""

from __future__ import annotations

import enum

from stridegate.kube.known_reports import KnownReport
from stridegate.kube.nodes import Machine
from stridegate.model.reports import HEARTBEAT
from stridegate.operator.conditions import Condition

# Seconds without a word after which a report is overdue, and within which a new one is to have its first.
OVERDUE = 2 * HEARTBEAT
_FIRST = 900.0


class Type(enum.Enum):
    """The conditions of a report that the operator writes; True is good for both."""

    FRESH = "Fresh"
    READY = "Ready"


class Reason(enum.Enum):
    """Every reason that these conditions can have."""

    FRESH = "Fresh"
    SCANNER_GONE = "ScannerGone"
    NODE_NOT_READY = "NodeNotReady"
    OVERDUE = "Overdue"
    NOT_APPLICABLE = "NotApplicable"


def freshness(report: KnownReport, machine: Machine, *, scanning: bool, now: float) -> Condition | None:
    """Return the condition Fresh of a node's report; None where there is nothing to say yet.

    `scanning` is whether the node's scanner is Ready, which its own probe says: it is not where no scan was completed
    for two intervals. `now` is Unix time in seconds.
    """
    found = _found(report, machine, scanning=scanning, now=now)
    new = report.created is not None and now - report.created < _FIRST
    # A node that has just joined is not Ready, and its scanner neither: each report would be written twice for nothing.
    return None if new and not found.met and report.condition(Type.FRESH.value) is None else found


def _found(report: KnownReport, machine: Machine, *, scanning: bool, now: float) -> Condition:
    if not machine.ready:
        return _not(Reason.NODE_NOT_READY, "the node is not Ready, so nobody knows how it is now")
    if not scanning:
        return _not(Reason.SCANNER_GONE, "no scanner is Ready on the node")
    if report.scanned is None:
        return _not(Reason.OVERDUE, "the node has not been scanned yet")
    # A clock that is ahead of this one says nothing about the time that has passed.
    if now - report.scanned > OVERDUE:
        return _not(
            Reason.OVERDUE, f"the scanner, which writes every {HEARTBEAT / 3600:.0f} hours at least, has missed two"
        )
    return Condition(type=Type.FRESH, met=True, reason=Reason.FRESH, message="the node's scanner is Ready")


def of_windows() -> Condition:
    """Return the condition of the report on a node that no rule is about."""
    return Condition(
        type=Type.READY, met=False, reason=Reason.NOT_APPLICABLE, message="no rule is about nodes that run Windows"
    )


def _not(reason: Reason, message: str) -> Condition:
    return Condition(type=Type.FRESH, met=False, reason=reason, message=message)
