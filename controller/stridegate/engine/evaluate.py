"""Judging a subject: every question asked, every answer kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from operator import length_hint
from typing import ParamSpec, TypeVar

from stridegate.model.errors import ModelError
from stridegate.model.findings import Finding
from stridegate.model.rules import AnyQuestion, Question

P = ParamSpec("P")
S = TypeVar("S")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Fault:
    """What went wrong in a piece of code that has to answer whatever goes wrong in it."""

    error: Exception


def contained(judge: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | Fault:
    """Return what a function returns, or the fault that ended it.

    The one blanket except of all that judges: a judgement that breaks is a verdict of its own, never a pass.
    """
    try:
        return judge(*args, **kwargs)
    except Exception as error:  # noqa: BLE001 - see above
        return Fault(error)


def evaluate(questions: Sequence[Question[S]], subject: S) -> list[Finding]:
    """Return what the questions find in a subject, in their order. A rule that cannot judge yields an error finding; it never counts as passed."""
    findings: list[Finding] = []
    waiting = iter(questions)
    while (fault := contained(_ask, waiting, subject, findings)) is not None:
        # What the rule found before it broke is kept; the rules after it are asked as ever.
        question = questions[-1 - length_hint(waiting)]
        findings.append(Finding(question, None, error=_told(question, fault.error)))
    return findings


def _ask(waiting: Iterator[Question[S]], subject: S, findings: list[Finding]) -> None:
    for question in waiting:
        for violation in question.check(subject, question.given):
            findings.append(Finding(question, violation))  # noqa: PERF401 - what was found before a rule broke is kept


def _told(question: AnyQuestion, error: Exception) -> str:
    if isinstance(error, ModelError):
        return str(error)
    import logging  # noqa: PLC0415 - a command in which no rule breaks loads none of it

    logging.getLogger(__name__).error("rule %s could not judge", question.rule.slug, exc_info=error)
    return "the rule failed; the log has the details"
