"""From what the webhook's functions found to findings of a result: in words, with a place in the source and a fingerprint."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

from stridegate.admission.messages import WARNING_RUNES, sentence
from stridegate.cli.manifests.errors import Position as Place
from stridegate.cli.results import Finding, Fixable, Position, Standing, Taken
from stridegate.engine.harden import escape
from stridegate.model.exemptions import Exemption
from stridegate.model.findings import Decision, Ruling
from stridegate.model.findings import Finding as Found
from stridegate.model.places import Pointer
from stridegate.model.rules import PodRule
from stridegate.model.texts import clean
from stridegate.model.vocabulary import Action, Safety

_STANDINGS = {Action.DENY: Standing.DENIED, Action.WARN: Standing.WARNED, Action.AUDIT: Standing.AUDITED}
_FIXABLE = {Safety.SAFE: Fixable.SAFE, Safety.RISKY: Fixable.RISKY}
_ORDER = {standing: number for number, standing in enumerate(Standing)}
# What stands in lists of a pod and is called by name.
_OWNERS = frozenset({"containers", "initContainers", "ephemeralContainers", "volumes"})
_DIGITS = 32
_POINTER_RUNES = 1000


# Where in a source a field of one object stands, or the nearest thing above it; nowhere, for what came from a cluster.
Locate = Callable[[Pointer], Place | None]


def findings(
    decision: Decision, identity: tuple[str, str, str], locate: Locate, told: Callable[[Ruling], bool]
) -> tuple[Finding, ...]:
    """Return what was found in an object and is to be told, worst first; `identity` is its kind, namespace and name.

    What is found in the pods of a workload counts as what becomes of those pods: that is stricter, or the same.
    """
    found = [_finding(each, None, identity, locate) for each in _rulings(decision) if told(each)]
    found += [
        _finding(each.ruling, each.exemption, identity, locate) for each in decision.exempted if told(each.ruling)
    ]
    return tuple(sorted(found, key=lambda each: (_ORDER[each.standing], -each.severity)))


def _rulings(decision: Decision) -> Iterator[Ruling]:
    yield from decision.denied
    yield from decision.warned
    yield from decision.audited


def _finding(ruling: Ruling, exemption: Exemption | None, identity: tuple[str, str, str], locate: Locate) -> Finding:
    found, rule = ruling.finding, ruling.finding.rule
    violation = found.violation
    action = ruling.demanded if isinstance(rule, PodRule) else ruling.action
    pointer = violation.place.pointer if violation else ()
    patch = violation.patch if violation else None
    return Finding(
        rule=rule.slug,
        title=rule.title,
        severity=rule.severity,
        stride=rule.letters,
        standing=_STANDINGS[action] if exemption is None else Standing.EXEMPTED,
        action=action,
        policy=clean(ruling.policy),
        owner=clean(violation.place.owner) if violation else "",
        path=clean(violation.place.path) if violation else "",
        observed=clean(violation.observed) if violation else "",
        wanted=clean(violation.wanted, WARNING_RUNES) if violation else "",
        sentence=sentence(found),
        pointer=clean(escape(pointer), _POINTER_RUNES),
        fingerprint=fingerprint(found, identity),
        fixable=Fixable.NO if patch is None else _FIXABLE[patch.safety],
        at=position(locate(pointer)),
        owner_at=position(locate(_owner(pointer))),
        exemption=None if exemption is None else taken(exemption),
        error=violation is None,
    )


def fingerprint(found: Found, identity: tuple[str, str, str]) -> str:
    """Return what a finding is known by: names and values alone, so that it outlives moved lines and reordered lists."""
    parts = (*identity, *found.key)
    # With their lengths, lest two lists of names read alike.
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:_DIGITS]


def _owner(pointer: Pointer) -> Pointer:
    """Return the pointer to the container or volume that a field belongs to; to the object where it belongs to none."""
    for index, part in enumerate(pointer[:-1]):
        if part in _OWNERS and isinstance(pointer[index + 1], int):
            return pointer[: index + 2]
    return ()


def position(place: Place | None) -> Position | None:
    """Return a place as results have it."""
    return None if place is None else Position(line=place.line, column=place.column)


def taken(exemption: Exemption) -> Taken:
    """Return an exemption as results have it."""
    return Taken(
        name=clean(exemption.name),
        namespace=clean(exemption.namespace),
        expires=exemption.expires,
        owner=clean(exemption.owner),
    )
