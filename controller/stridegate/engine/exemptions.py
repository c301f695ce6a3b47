"""What exemptions take from what was found: each by its own rules, containers and values, at one time, and no two together."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from stridegate.model.errors import BadQuantity
from stridegate.model.exemptions import Exemption, ExemptionState
from stridegate.model.findings import Finding
from stridegate.model.images import parse_image
from stridegate.model.paths import clean, resolve, resolve_windows
from stridegate.model.policies import Workload
from stridegate.model.quantities import parse_quantity
from stridegate.model.rules import Violation
from stridegate.model.views import PodView
from stridegate.model.vocabulary import ValueKind, capability_name


@dataclass(frozen=True, slots=True)
class Grant:
    """An exemption, compiled: the values that it is for in the one spelling that values are compared in, and the most memory."""

    exemption: Exemption
    values: frozenset[Hashable]
    memory: Fraction | None

    def takes(self, finding: Finding, ephemeral: frozenset[str]) -> bool:
        """Whether the exemption is for a finding, in a pod with these ephemeral containers; when is not asked here.

        It is for whole findings only: one that concerns several containers must have them all named. A rule that could
        not judge leaves open what would have been exempted, and is never.
        """
        violation = finding.violation
        if violation is None or finding.rule.slug not in self.exemption.rules:
            return False
        concerned = violation.place.containers
        named = self.exemption.containers
        if named:
            if not concerned or not named.issuperset(concerned):
                return False
        elif ephemeral and not ephemeral.isdisjoint(concerned):
            return False
        return not self.exemption.values or self._names(finding.rule.value, violation)

    def _names(self, kind: ValueKind | None, violation: Violation) -> bool:
        if kind is None:
            return False
        if kind is ValueKind.MEMORY:
            # The rank is the limit in bytes, and 0 where that is no quantity.
            return self.memory is not None and 0 < violation.rank <= self.memory
        return (kind, _canonical(kind, violation.value)) in self.values


# The exemptions of one namespace that can be in force at some time, by workload and rule, those that end last first.
Granted = Mapping[Workload, Mapping[str, tuple[Grant, ...]]]


def compile_exemptions(exemptions: Iterable[Exemption]) -> dict[str, Granted]:
    """Return what is granted, by namespace. Exemptions of nodes, and those that never are in force, are left out."""
    granted: dict[str, dict[Workload, dict[str, tuple[Grant, ...]]]] = {}
    for each in sorted(exemptions, key=_last_first):
        if each.workload is not None and each.state(each.created) is ExemptionState.ACTIVE:
            by_rule = granted.setdefault(each.namespace, {}).setdefault(each.workload, {})
            grant = _grant(each)
            for slug in each.rules:
                by_rule[slug] = (*by_rule.get(slug, ()), grant)
    return dict(granted)


def _last_first(exemption: Exemption) -> tuple[float, str]:
    return -exemption.expires, exemption.name


def _grant(exemption: Exemption) -> Grant:
    amounts = [_amount(each.text) for each in exemption.values if each.kind is ValueKind.MEMORY]
    named = ((each.kind, _canonical(each.kind, each.text)) for each in exemption.values)
    return Grant(
        exemption,
        values=frozenset(each for each in named if each[1] is not None),
        memory=max((each for each in amounts if each is not None), default=None),
    )


def _amount(text: str) -> Fraction | None:
    try:
        return parse_quantity(text)
    except BadQuantity:
        return None


def can_be_named(kind: ValueKind, text: str) -> bool:
    """Whether an exemption with this value takes a finding that has it: no text names what leads through a process's folder."""
    return _canonical(kind, text) is not None


def _canonical(kind: ValueKind, text: str) -> Hashable | None:
    """Return a value as all its spellings are compared; None where it names nothing that could be found in a pod."""
    if kind is ValueKind.CAPABILITY:
        return capability_name(text) or None
    if kind is ValueKind.PATH:
        return _canonical_path(text)
    if kind is ValueKind.PORT:
        return text.partition("/")[0] or None
    if kind is ValueKind.IMAGE:
        return parse_image(text) or text or None
    return None


def _canonical_path(text: str) -> Hashable | None:
    if not text.startswith("/"):
        return resolve_windows(text)
    path = resolve(text)
    # What leads through the folder of a process can lead anywhere; it counts as the root, but does not name it.
    return None if path == () and clean(text) else path


@dataclass(frozen=True, slots=True)
class Leave:
    """What a subject may do at the time `now`: the exemptions of its workload by rule, those that end last first."""

    granted: Mapping[str, tuple[Grant, ...]]
    now: float
    ephemeral: frozenset[str] = frozenset()

    def exemption(self, finding: Finding) -> Exemption | None:
        """Return the exemption in force that takes a finding; where several do, the one that ends last, then the first by name."""
        for grant in self.granted.get(finding.rule.slug, ()):
            if grant.exemption.state(self.now) is ExemptionState.ACTIVE and grant.takes(finding, self.ephemeral):
                return grant.exemption
        return None


def leave(granted: Granted, workloads: Iterable[Workload], pod: PodView | None, now: float) -> Leave | None:
    """Return what the exemptions of a namespace let a subject do at a time (Unix, in seconds); None where it has none.

    `workloads` are those that it is known as.
    """
    own = [granted[workload] for workload in workloads if workload in granted]
    if not own:
        return None
    ephemeral = (container.name for container in pod.shape.ephemeralContainers or ()) if pod is not None else ()
    return Leave(own[0] if len(own) == 1 else _merged(own), now, frozenset(name or "" for name in ephemeral))


def _merged(several: Iterable[Mapping[str, tuple[Grant, ...]]]) -> dict[str, tuple[Grant, ...]]:
    merged: dict[str, tuple[Grant, ...]] = {}
    for by_rule in several:
        for slug, grants in by_rule.items():
            both = (*merged.get(slug, ()), *grants)
            merged[slug] = tuple(sorted(both, key=lambda each: _last_first(each.exemption)))
    return merged
