"""What a walk through all running pods amounts to: numbers per policy, the worst workloads, and what is kept until they are known."""

from __future__ import annotations

import datetime as dt
import enum
import heapq
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from stridegate.engine.audit import Appraisal
from stridegate.kube.objects import Json
from stridegate.model.policies import Workload
from stridegate.model.vocabulary import Severity

# As many as a policy's status has room for, and the most that its schema allows of a kind and of a name.
MOST_WORST = 20
_KIND, _NAME = 63, 253
# How long a status may say what the audit finds again and again before it says when that was last: a hundred policies
# that are audited every ten minutes would otherwise cost six hundred writes an hour, each heard by every replica.
_HEARTBEAT = dt.timedelta(hours=1)
_TIME = "%Y-%m-%dT%H:%M:%SZ"
_AUDITED_AT, _AUDIT_FIELDS = "auditedAt", ("wouldDeny", "worst", "auditedAt")


class State(enum.Enum):
    """What became of a pod that a walk came across."""

    JUDGED = "judged"
    MIRROR = "mirror"  # judged, but its node runs it whatever a policy says
    WAITING = "waiting"  # on no node yet, so that nothing of it runs
    UNSCOPED = "unscoped"  # in a namespace that the webhook is not asked about
    UNKNOWN_NAMESPACE = "unknown-namespace"  # made a moment ago: the next walk knows which policies select it
    UNREADABLE = "unreadable"  # not what a pod should be; the webhook would refuse it


@dataclass(frozen=True, slots=True, kw_only=True)
class Offender:
    """A workload that a policy would refuse, and the rules that it breaks, worst first."""

    namespace: str
    workload: Workload
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """What a walk says about one policy: how many workloads would not come back, today and with its warnings raised."""

    at: dt.datetime
    would_deny: int
    survivors: int
    worst: tuple[Offender, ...]


@dataclass(slots=True)
class Use:
    """What an exemption takes violations of: rules by slug, and containers by name."""

    rules: set[str] = field(default_factory=set)
    containers: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """A walk that was completed.

    `findings` counts pods by rule, `mirrored` mirror pods by namespace and rule. `uses` says of exemptions, by namespace
    and name, what they are used for; those that nothing runs for are not in it.
    """

    at: dt.datetime
    policies: Mapping[str, Audited]
    pods: Mapping[State, int]
    findings: Mapping[str, int]
    mirrored: Mapping[tuple[str, str], int]
    uses: Mapping[tuple[str, str], Use]


@dataclass(slots=True)
class _Trouble:
    """What refuses a workload: for each rule the policies that name it, one bit each, and the policies that refuse it today."""

    rules: dict[str, int] = field(default_factory=dict)
    today: int = 0


class Tally:
    """Counts through one walk. Of a workload in trouble it keeps a few numbers per rule, of all others nothing.

    `severities` says how bad each rule is.
    """

    def __init__(self, policies: Iterable[str], severities: Mapping[str, Severity]) -> None:
        self._bits = {name: 1 << index for index, name in enumerate(sorted(policies))}
        self._together: dict[tuple[str, ...], int] = {}
        self._severities = severities
        self._troubles: dict[tuple[str, str, str], _Trouble] = {}
        self._pods: Counter[State] = Counter()
        self._findings: Counter[str] = Counter()
        self._mirrored: Counter[tuple[str, str]] = Counter()
        self._uses: dict[tuple[str, str], Use] = {}

    def count(self, state: State) -> None:
        """Count a pod."""
        self._pods[state] += 1

    @property
    def pods(self) -> int:
        """How many pods were counted."""
        return self._pods.total()

    def take(self, namespace: str, workload: Workload, appraisal: Appraisal) -> None:
        """Take in what was found in a pod of a workload."""
        self._findings.update(_rules_found(appraisal))
        self._note_uses(appraisal)
        if not appraisal.refusals:
            return
        trouble = self._trouble(namespace, workload)
        for refusal in appraisal.refusals:
            bits = self._bits_of(refusal.policies)
            trouble.today |= bits if refusal.today else 0
            for rule in refusal.rules:
                trouble.rules[rule] = trouble.rules.get(rule, 0) | bits

    def take_mirror(self, namespace: str, appraisal: Appraisal) -> None:
        """Take in what was found in a mirror pod."""
        self._mirrored.update((namespace, rule) for rule in _rules_found(appraisal))
        self._note_uses(appraisal)

    def take_unreadable(self, namespace: str, name: str, policies: Iterable[str]) -> None:
        """Take in a pod that cannot be read, in a namespace that some policies select."""
        self._trouble(namespace, Workload("Pod", name)).today |= self._bits_of(tuple(policies))

    def _bits_of(self, policies: tuple[str, ...]) -> int:
        if policies not in self._together:
            self._together[policies] = sum(self._bits[name] for name in policies)
        return self._together[policies]

    def _note_uses(self, appraisal: Appraisal) -> None:
        for (finding, *_), exemption in appraisal.decision.exempted if appraisal.decision else ():
            use = self._uses.setdefault((exemption.namespace, exemption.name), Use())
            use.rules.add(finding.rule.slug)
            use.containers.update(finding.violation.place.containers if finding.violation else ())

    def _trouble(self, namespace: str, workload: Workload) -> _Trouble:
        key = (namespace, _fit(workload.kind, _KIND), _fit(workload.name, _NAME))
        return self._troubles.setdefault(key, _Trouble())

    def audit(self, at: dt.datetime) -> Audit:
        """Return what the walk amounts to."""
        return Audit(
            at=at,
            policies={name: self._audited(bit, at) for name, bit in self._bits.items()},
            pods=dict(self._pods),
            findings=dict(self._findings),
            mirrored=dict(self._mirrored),
            uses=dict(self._uses),
        )

    def _audited(self, bit: int, at: dt.datetime) -> Audited:
        return Audited(
            at=at,
            would_deny=sum(_refused(trouble, bit) for trouble in self._troubles.values()),
            survivors=sum(bool(trouble.today & bit) for trouble in self._troubles.values()),
            worst=tuple(heapq.nsmallest(MOST_WORST, self._offenders(bit), key=self._worst_first)),
        )

    def _offenders(self, bit: int) -> Iterable[Offender]:
        for (namespace, kind, name), trouble in self._troubles.items():
            if _refused(trouble, bit):
                rules = [rule for rule, policies in trouble.rules.items() if policies & bit]
                rules.sort(key=lambda rule: (-self._severities[rule], rule))
                yield Offender(namespace=namespace, workload=Workload(kind, name), rules=tuple(rules))

    def _worst_first(self, offender: Offender) -> tuple[list[int], str, str, str]:
        severities = [-self._severities[rule] for rule in offender.rules]
        workload = offender.workload
        # Of two lists the one that goes on is worse, so each ends with what no severity is as mild as.
        return [*severities, 1], offender.namespace, workload.kind, workload.name


def _rules_found(appraisal: Appraisal) -> set[str]:
    decision = appraisal.decision
    if decision is None:
        return set()
    return {each.finding.rule.slug for each in decision.denied + decision.warned + decision.audited}


def _refused(trouble: _Trouble, bit: int) -> bool:
    return bool(trouble.today & bit) or any(policies & bit for policies in trouble.rules.values())


def _fit(text: str, most: int) -> str:
    """Return text as a status can carry it: an owner reference may say anything, control characters included."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text[:most])


def audit_fields(audited: Audited | None, live: object) -> Json:
    """Return what a policy's status says of the audit.

    It is what the `live` status says where there is nothing new to say: an apply that left it out would take it away.
    """
    before = {key: live[key] for key in _AUDIT_FIELDS if key in live} if isinstance(live, Mapping) else {}
    if audited is None:
        return before
    found: Json = {"wouldDeny": audited.would_deny, "worst": [_offender(each) for each in audited.worst]}
    if before == {**found, _AUDITED_AT: before.get(_AUDITED_AT)} and _recent(before.get(_AUDITED_AT), audited.at):
        return before
    return {**found, _AUDITED_AT: audited.at.astimezone(dt.UTC).strftime(_TIME)}


def _offender(offender: Offender) -> Json:
    workload = offender.workload
    rules = list(offender.rules)
    return {"namespace": offender.namespace, "kind": workload.kind, "name": workload.name, "rules": rules}


def _recent(written: object, now: dt.datetime) -> bool:
    try:
        then = dt.datetime.strptime(str(written), _TIME).replace(tzinfo=dt.UTC)
    except ValueError:
        return False
    return now - then < _HEARTBEAT
