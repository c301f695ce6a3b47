"""What people read: the message of a denial, and warnings. Plain text in which no input can pass for ours."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from stridegate.engine.remedies import Remedy
from stridegate.model.findings import Finding, Ruling
from stridegate.model.policies import Workload
from stridegate.model.vocabulary import Action

# A denial becomes the message of a Status, which clients print whole; more than this scrolls away.
MOST_BYTES = 4096
# The API server cuts warnings to 256 runes each once a response has more than 4,096 of them, ours and everyone's
# (`staging/src/k8s.io/apiserver/pkg/endpoints/filters/warning.go`): half of that is left to others.
WARNING_RUNES = 256
WARNINGS_RUNES = 2048
WARNING_LINES = 8
# The most of any one value that came from a user.
VALUE_RUNES = 120

_POLICIES_SHOWN = 3
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?)")


def clean(text: str, runes: int = VALUE_RUNES) -> str:
    """Return user input fit for a line of ours: no escape sequence, control or bidirectional character, no line break, at most so many runes."""
    if not text.isprintable():
        text = "".join(
            character if character.isprintable() else " " if character.isspace() else ""
            for character in _ESCAPES.sub("", text)
        )
    return text if len(text) <= runes else text[: runes - 1] + "…"


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressee:
    """The object a message is about, as people know it, and the workload they would edit."""

    kind: str
    name: str
    namespace: str
    workload: Workload

    @property
    def own(self) -> bool:
        """Whether the object belongs to no other: it is what a person would edit."""
        return self.workload.kind == self.kind

    def __str__(self) -> str:
        kind = "pod" if self.kind == "Pod" else self.kind
        return f'{kind} "{clean(self.name)}" in "{clean(self.namespace)}"'


def denial(addressee: Addressee, denied: Sequence[Ruling], remedy: Remedy) -> str:
    """Return the one message of a denial: every violation, worst first, the fix, and where to learn more."""
    count = len(denied)
    head = f"Stridegate denied {addressee} ({_policies(denied)}): {count} violation{'s' if count > 1 else ''}"
    foot = _foot(remedy)
    fix = _fix(addressee.workload, remedy)
    details = [f"{number}. {_detail(ruling.finding)}" for number, ruling in enumerate(denied, 1)]
    text = "\n".join([head, *details, *fix, foot])
    if len(text.encode()) <= MOST_BYTES:
        return text
    # The fix is one line that must be whole to be of use.
    if len("\n".join([head, *fix, foot]).encode()) > MOST_BYTES // 2:
        fix = ["fix: too long for this message, see stridegate check"]
    return _shortened([head], details, denied, [*fix, foot])


def _shortened(head: list[str], details: list[str], denied: Sequence[Ruling], tail: list[str]) -> str:
    """Return what fits: as many details as leave room for the slugs and places of the rest."""
    for shown in range(len(details) - 1, -1, -1):
        rest = f"… and {len(details) - shown} more, see stridegate check: "
        fixed = "\n".join([*head, *details[:shown], rest, *tail])
        room = MOST_BYTES - len(fixed.encode())
        listed = _listed(denied[shown:], room)
        if listed is not None:
            return "\n".join([*head, *details[:shown], rest + listed, *tail])
    return "\n".join([*head, *tail])


def _listed(rulings: Sequence[Ruling], room: int) -> str | None:
    """Return every slug with its places, then with how often it stands alone; None where even that has no room."""
    slugs = Counter(ruling.finding.rule.slug for ruling in rulings)
    places: dict[str, list[str]] = {}
    for ruling in rulings:
        violation = ruling.finding.violation
        places.setdefault(ruling.finding.rule.slug, []).append(clean(violation.place.owner) if violation else "?")
    full = ", ".join(f"{slug} ({', '.join(dict.fromkeys(places[slug]))})" for slug in slugs)
    if len(full.encode()) <= room:
        return full
    short = ", ".join(f"{slug} x{count}" if count > 1 else slug for slug, count in slugs.items())
    return short if len(short.encode()) <= room else None


def warnings(addressee: Addressee, warned: Sequence[Ruling]) -> tuple[str, ...]:
    """Return the warnings of a response, worst first and within every limit, each on one line."""
    lines = list(dict.fromkeys(_warning(addressee, ruling) for ruling in warned))
    kept: list[str] = []
    runes = 0
    for line in lines:
        if len(kept) == WARNING_LINES or runes + len(line) > WARNINGS_RUNES:
            kept = kept[: WARNING_LINES - 1]
            return (*kept, f"… and {len(lines) - len(kept)} more: stridegate check")
        kept.append(line)
        runes += len(line)
    return tuple(kept)


def _warning(addressee: Addressee, ruling: Ruling) -> str:
    line = f"{_detail(ruling.finding)} (policy {clean(ruling.policy)})"
    if addressee.kind != "Pod":
        will = "will be denied" if ruling.demanded is Action.DENY else "would violate"
        line = f"pods of this {addressee.kind} {will}: {line}"
    return clean(line, WARNING_RUNES)


def _policies(rulings: Sequence[Ruling]) -> str:
    names = sorted({clean(ruling.policy) for ruling in rulings})
    shown = ", ".join(names[:_POLICIES_SHOWN])
    more = f" and {len(names) - _POLICIES_SHOWN} more" if len(names) > _POLICIES_SHOWN else ""
    return f"polic{'y' if len(names) == 1 else 'ies'} {shown}{more}"


def _detail(finding: Finding) -> str:
    rule = finding.rule
    return f"{rule.slug} [{rule.letters}, {rule.severity}] {_sentence(finding)}"


def _sentence(finding: Finding) -> str:
    violation = finding.violation
    if violation is None:
        return f"could not be evaluated: {clean(finding.error or '', WARNING_RUNES)}"
    place = ": ".join(clean(part) for part in (violation.place.owner, violation.place.path) if part)
    return f"{place} is {clean(violation.observed)} → must {clean(violation.wanted, WARNING_RUNES)}"


def _fix(workload: Workload, remedy: Remedy) -> list[str]:
    if remedy.command is None:
        return []
    careful = f"; check first: {', '.join(remedy.check_first)}" if remedy.check_first else ""
    return [f'fix ({workload.kind} "{clean(workload.name)}"{careful}): {remedy.command}']


def _foot(remedy: Remedy) -> str:
    unhealed = f"no automatic fix: {remedy.unhealed} · " if remedy.unhealed else ""
    return f"{unhealed}help: stridegate explain <slug>"
