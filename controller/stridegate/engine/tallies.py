"""Counting verdicts: how many rules came out how, and the two numbers that sum a report up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType

from stridegate.model.entries import ReportedRule
from stridegate.model.nodes.verdicts import State
from stridegate.model.vocabulary import Severity

# What a rule counts for in the score.
WEIGHTS: Mapping[Severity, int] = MappingProxyType(
    {Severity.CRITICAL: 10, Severity.HIGH: 5, Severity.MEDIUM: 2, Severity.LOW: 1, Severity.INFO: 0}
)

_JUDGED = frozenset({State.PASS, State.WARN, State.FAIL})


def summarized(verdicts: Iterable[tuple[ReportedRule, State]], exempted: Collection[str]) -> dict[str, int]:
    """Return a report's summary. `exempted` are the slugs of the findings that an exemption takes: they count there alone.

    `score` is the share in percent that what passes has, and half of what warns, of the weight of all that was judged,
    rounded down; it is left out where nothing that weighs was judged. `coverage` is the share of the rules that apply which
    came to a verdict, 0 where there is none.
    """
    states: Counter[State] = Counter()
    failing: Counter[Severity] = Counter()
    weights: Counter[State] = Counter()
    taken = 0
    for rule, state in verdicts:
        if rule.slug in exempted:
            taken += 1
            continue
        states[state] += 1
        weights[state] += WEIGHTS[rule.severity]
        if state is State.FAIL:
            failing[rule.severity] += 1
    unjudged = states[State.UNKNOWN] + states[State.ERROR]
    judged = taken + sum(states[each] for each in _JUDGED)
    weight = sum(weights[each] for each in _JUDGED)
    return {
        "pass": states[State.PASS],
        "fail": states[State.FAIL],
        "warn": states[State.WARN],
        "error": unjudged,
        "notApplicable": states[State.NOT_APPLICABLE],
        "exempted": taken,
        **{str(severity): failing[severity] for severity in sorted(Severity, reverse=True)},
        **({"score": 50 * (2 * weights[State.PASS] + weights[State.WARN]) // weight} if weight else {}),
        "coverage": 100 * judged // (judged + unjudged) if judged else 0,
    }
