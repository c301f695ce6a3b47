"""What people read: the message of a denial, and warnings. Plain text in which no input can pass for ours."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from stridegate.admission.appeals import appeal
from stridegate.engine.remedies import Remedy
from stridegate.model.findings import Finding, Ruling
from stridegate.model.policies import Workload
from stridegate.model.rules import PodRule
from stridegate.model.texts import clean
from stridegate.model.vocabulary import Action

# A denial becomes the message of a Status, which clients print whole; more than this scrolls away.
MOST_BYTES = 4096
# The API server cuts warnings to 256 runes each once a response has more than 4,096 of them, ours and everyone's
# (`staging/src/k8s.io/apiserver/pkg/endpoints/filters/warning.go`): half of that is left to others.
WARNING_RUNES = 256
WARNINGS_RUNES = 2048
WARNING_LINES = 8

_DENIED = "Stridegate denied "
_POLICIES_SHOWN = 3
_LONG_FIX = "fix: too long for this message, see stridegate check"


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressee:
    """The object a message is about, as people know it, the workload they would edit, and the one an exemption would name."""

    kind: str
    name: str
    namespace: str
    workload: Workload
    exemptible: Workload

    @property
    def own(self) -> bool:
        """Whether the object belongs to no other: it is what a person would edit."""
        return self.workload.kind == self.kind

    def __str__(self) -> str:
        # What belongs to no namespace is in none.
        place = f' in "{clean(self.namespace)}"' if self.namespace else ""
        return f"{_called(self.kind, self.name)}{place}"


def _called(kind: str, name: str) -> str:
    return f'{"pod" if kind == "Pod" else kind} "{clean(name)}"'


def denial(addressee: Addressee, denied: Sequence[Ruling], remedy: Remedy, *, exempted: int = 0) -> str:
    """Return the one message of a denial: every violation, worst first, how many are exempted, the fix, and where to learn more."""
    count = len(denied)
    head = f"{_DENIED}{addressee} ({_policies(denied)}): {count} violation{'s' if count > 1 else ''}"
    head += f", {exempted} exempted" if exempted else ""
    foot = _foot(addressee, denied, remedy)
    fix = _fix(addressee.workload, remedy)
    details = _details(denied, MOST_BYTES)
    text = "\n".join([head, *details, *fix, foot])
    if len(details) == count and len(text.encode()) <= MOST_BYTES:
        return text
    # The fix is one line that must be whole to be of use.
    if len("\n".join([head, *fix, foot]).encode()) > MOST_BYTES // 2:
        fix = [_LONG_FIX]
    return _shortened(head, details, denied, [*fix, foot])


def readdressed(message: str, name: str, new: str) -> str | None:
    """Return the denial of a pod as it reads for another of its workload, which differs in its name alone.

    None where the names are not of one length: what has room in a message depends on it.
    """
    head, other = (f"{_DENIED}{_called('Pod', each)}" for each in (name, new))
    if not message.startswith(head) or len(head.encode()) != len(other.encode()):
        return None
    return other + message[len(head) :]


def _details(denied: Sequence[Ruling], room: int) -> list[str]:
    """Return a line for each violation, as many as can have room: a pod may have thousands."""
    details: list[str] = []
    for number, ruling in enumerate(denied, 1):
        line = f"{number}. {_detail(ruling.finding)}"
        room -= len(line.encode()) + 1
        if room < 0:
            break
        details.append(line)
    return details


def _shortened(head: str, details: list[str], denied: Sequence[Ruling], tail: list[str]) -> str:
    """Return what fits: as many details as leave room for the slugs and places of the rest."""
    used = sum(len(line.encode()) + 1 for line in (head, *details, *tail))
    rest = _Rest(denied[len(details) :])
    for shown in range(len(details), -1, -1):
        if shown < len(denied):
            start = f"… and {len(denied) - shown} more, see stridegate check: "
            listed = rest.text(MOST_BYTES - used - len(start.encode()))
            if listed is not None:
                return "\n".join([head, *details[:shown], start + listed, *tail])
        if shown:
            used -= len(details[shown - 1].encode()) + 1
            rest.add(denied[shown - 1])
    return "\n".join([head, *tail])


class _Rest:
    """The violations without a line of their own: their slugs and places, with the bytes that listing them takes.

    It grows from the last violation to the first, each in a time that does not depend on how many there are.
    """

    def __init__(self, rulings: Sequence[Ruling]) -> None:
        # The last that was added stands last, and is listed first.
        self._places: dict[str, dict[str, str]] = {}
        self._counts: Counter[str] = Counter()
        self._bytes = 0
        for ruling in reversed(rulings):
            self.add(ruling)

    def add(self, ruling: Ruling) -> None:
        """Put a violation before those that are here."""
        slug = ruling.finding.rule.slug
        violation = ruling.finding.violation
        owner = violation.place.owner if violation else "?"
        places = self._places.pop(slug, None)
        if places is None:
            places = {}
            self._bytes += len(f"{slug} (), ")
        self._places[slug] = places
        self._counts[slug] += 1
        name = places.pop(owner, None)
        if name is None:
            name = clean(owner)
            self._bytes += len(name.encode()) + len(", ")
        places[owner] = name

    def text(self, room: int) -> str | None:
        """Return every slug with its places, then with how often it stands alone; None where even that has no room."""
        slugs = list(reversed(self._places))
        # Two bytes too many for each list, which has no comma at its end.
        if self._bytes - 2 * (len(slugs) + 1) <= room:
            return ", ".join(f"{slug} ({', '.join(reversed(self._places[slug].values()))})" for slug in slugs)
        counts = ((slug, self._counts[slug]) for slug in slugs)
        short = ", ".join(f"{slug} x{count}" if count > 1 else slug for slug, count in counts)
        return short if len(short.encode()) <= room else None


def warnings(addressee: Addressee, warned: Sequence[Ruling], further: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the warnings of a response, worst first, then further lines, all within every limit, each on one line."""
    kept: dict[str, None] = {}
    runes = 0
    for line in itertools.chain((_warning(addressee, ruling) for ruling in warned), further):
        if line in kept:
            continue
        if len(kept) == WARNING_LINES or runes + len(line) > WARNINGS_RUNES:
            shown = list(kept)[: WARNING_LINES - 1]
            return (*shown, f"… and {len(warned) + len(further) - len(shown)} more: stridegate check")
        kept[line] = None
        runes += len(line)
    return tuple(kept)


def _warning(addressee: Addressee, ruling: Ruling) -> str:
    line = f"{_detail(ruling.finding)} (policy {clean(ruling.policy)})"
    if addressee.kind != "Pod" and isinstance(ruling.finding.rule, PodRule):
        # What is found in the pods that a workload will make; what is found in the object itself speaks for itself.
        will = "will be denied" if ruling.demanded is Action.DENY else "would violate"
        line = f"pods of this {addressee.kind} {will}: {line}"
    return clean(line, WARNING_RUNES)


def _policies(rulings: Sequence[Ruling]) -> str:
    names = sorted(map(clean, {ruling.policy for ruling in rulings}))
    shown = ", ".join(names[:_POLICIES_SHOWN])
    more = f" and {len(names) - _POLICIES_SHOWN} more" if len(names) > _POLICIES_SHOWN else ""
    return f"polic{'y' if len(names) == 1 else 'ies'} {shown}{more}"


def _detail(finding: Finding) -> str:
    return f"{finding.question.rule.label} {sentence(finding)}"


def sentence(finding: Finding) -> str:
    """Return where, what is there, and what must be there instead, fit to be shown."""
    violation = finding.violation
    if violation is None:
        return f"could not be evaluated: {clean(finding.error or '', WARNING_RUNES)}"
    owner, path = clean(violation.place.owner), clean(violation.place.path)
    place = f"{owner}: {path}" if owner and path else owner or path
    return f"{place} is {clean(violation.observed)} → must {clean(violation.wanted, WARNING_RUNES)}"


def _fix(workload: Workload, remedy: Remedy) -> list[str]:
    if remedy.long:
        return [_LONG_FIX]
    if remedy.command is None:
        return []
    careful = f"; check first: {', '.join(remedy.check_first)}" if remedy.check_first else ""
    return [f'fix ({workload.kind} "{clean(workload.name)}"{careful}): {remedy.command}']


def _foot(addressee: Addressee, denied: Sequence[Ruling], remedy: Remedy) -> str:
    unhealed = f"no automatic fix: {remedy.unhealed} · " if remedy.unhealed else ""
    # What the fix heals needs no exemption.
    stubborn = [each for each in denied if each.finding.violation is None or each.finding.violation.patch is None]
    command = appeal(stubborn if remedy.command and stubborn else denied, addressee.namespace, addressee.exemptible)
    exempt = f"exempt: {command} · " if command else ""
    return f"{unhealed}{exempt}help: stridegate explain <slug>"
