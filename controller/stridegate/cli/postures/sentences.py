"""What the formats of a posture say in the same words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from stridegate.cli.outputs.sentences import text
from stridegate.model.exemptions import Exemption, ExemptionState
from stridegate.model.postures import Aspect, BrokenRule, NodeStanding, PolicyStanding, Posture
from stridegate.model.vocabulary import Severity

# What a list of names shows before it counts the rest: a page stays small however many nodes there are.
NAMED = 10
_NAMES = 250
NO_REPORTS = "no node reports: this cluster does not know the kind HardeningReport"


def sums(posture: Posture) -> Iterator[str]:
    """Yield the posture in a few sentences."""
    enforcing = sum(policy.enforcing for policy in posture.policies)
    counted = [policy.would_deny for policy in posture.policies if policy.would_deny is not None]
    worst = f", which together would deny {sum(counted)} running workloads" if sum(counted) else ""
    yield f"{_count(len(posture.policies), 'policy', 'policies')}, {enforcing} enforcing{worst}."
    yield from _node_sums(posture)
    active = [each for each in posture.exemptions if each.state(posture.at) is ExemptionState.ACTIVE]
    ending = sum(each.ending(posture.at) for each in active)
    tail = f", {_count(ending, 'ends', 'end')} within 7 days" if ending else ""
    yield f"{_count(len(active), 'exemption', 'exemptions')} in force{tail}."


def _node_sums(posture: Posture) -> Iterator[str]:
    if posture.nodes is None:
        yield f"{NO_REPORTS[0].upper()}{NO_REPORTS[1:]}."
        return
    stale = sum(not is_fresh(each) for each in posture.nodes)
    scores = [each.tally.score for each in posture.nodes if each.tally and each.tally.score is not None]
    told = _count(len(posture.nodes), "report", "reports")
    told += f", {stale} not fresh" if stale else ", all fresh" if posture.nodes else ""
    told += f", the lowest score is {min(scores)}" if scores else ""
    yield f"{told}."
    failing = Counter(each.severity for each in posture.broken if each.failing)
    if failing:
        by_severity = ", ".join(f"{failing[each]} {each}" for each in sorted(Severity, reverse=True) if failing[each])
        yield f"{_count(failing.total(), 'rule is', 'rules are')} broken somewhere: {by_severity}."


def is_fresh(node: NodeStanding) -> bool:
    """Return whether a report says how its node is now; what nobody has confirmed is not."""
    return node.fresh is not None and node.fresh.status == "True"


def state(aspect: Aspect | None) -> str:
    """Return a condition in a word or two: its status, and the reason where it is not true."""
    if aspect is None:
        return "-"
    return text(aspect.status if aspect.status == "True" else f"{aspect.status} ({aspect.reason})")


def enforcing(policy: PolicyStanding) -> str:
    """Return whether a policy is enforced, in a word or two."""
    return state(next((each for each in policy.aspects if each.type == "Enforcing"), None))


def troubles(aspects: Sequence[Aspect]) -> list[str]:
    """Return the conditions that are not as they should be, a sentence each."""
    return [
        text(f"{each.type} is {each.status}, {each.reason}: {each.message}")
        for each in aspects
        if each.status != "True"
    ]


def names(listed: Sequence[str]) -> str:
    """Return names as a sentence lists them: as many as have room, and how many more."""
    shown: list[str] = []
    room = _NAMES
    for name in map(text, listed):
        room -= len(name) + 2
        if shown and (room < 0 or len(shown) == NAMED):
            break
        shown.append(name)
    more = f" and {len(listed) - len(shown)} more" if len(listed) > len(shown) else ""
    return f"{', '.join(shown)}{more}"


def places(rule: BrokenRule) -> Iterator[tuple[str, str]]:
    """Yield how a rule came out, and on which reports."""
    for word, reports in (
        ("Fail", rule.failing),
        ("Warn", rule.warned),
        ("Unknown", rule.undecided),
        ("exempted", rule.exempted),
    ):
        if reports:
            yield f"{word} on {len(reports)}", names(reports)


def whom(exemption: Exemption) -> str:
    """Return what an exemption is for."""
    if exemption.workload is not None:
        return text(f"{exemption.workload.kind}/{exemption.workload.name}")
    labels = ", ".join(f"{key}={value}" for key, value in sorted((exemption.node_selector or {}).items()))
    return text(f"nodes {labels}".rstrip())


def left(exemption: Exemption, at: float) -> str:
    """Return what an exemption is worth, and how long it is still."""
    now = exemption.state(at)
    if now is not ExemptionState.ACTIVE:
        return f"{now.value}"
    seconds = exemption.expires - at
    return f"{seconds / 86400:.0f} days left" if seconds >= 2 * 86400 else f"{seconds / 3600:.0f} hours left"


def number(value: float | None) -> str:
    """Return a number, or a dash for what nobody has counted."""
    return "-" if value is None else str(value)


def _count(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"
