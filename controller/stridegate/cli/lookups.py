"""Finding rules by whatever people know them by: slug, STRIDE letter, threat, or number in a benchmark."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from stridegate.engine.node_catalogue import ENTRIES
from stridegate.model.entries import CatalogueEntry
from stridegate.model.references import Benchmark, Numbering
from stridegate.model.threats import THREATS
from stridegate.model.vocabulary import Stride

_NUMBERED = re.compile(
    rf"(?:(?P<benchmark>{'|'.join(each.value for each in Benchmark)}|cis)[:-])?(?P<number>[^:]+)", re.IGNORECASE
)
_SECTION = re.compile(r"[0-9]+(\.[0-9]+)*", re.ASCII)
_SUGGESTIONS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a term stands for, said in full (nothing where it is a rule's own name), and the rules that this leads to."""

    heading: str
    entries: tuple[CatalogueEntry, ...]


def look_up(term: str) -> list[Found]:
    """Return what a term stands for: nothing, one thing, or one for each edition that numbers something so."""
    plain = re.sub(r"[\s_]+", "-", term.strip())
    searches = (_by_slug, _by_letter, _by_threat, _by_number)
    return next((found for search in searches if (found := search(plain))), [])


def suggestions(term: str) -> list[str]:
    """Return slugs that are spelled alike or contain the term, the nearest first."""
    wanted = re.sub(r"[\s_]+", "-", term.strip().lower())
    alike = difflib.get_close_matches(wanted, ENTRIES, _SUGGESTIONS, 0.7)
    parts = [slug for slug in ENTRIES if wanted and wanted in slug] if len(wanted) > 2 else []
    return list(dict.fromkeys([*alike, *parts]))[:_SUGGESTIONS]


def known_terms() -> Iterator[tuple[str, str]]:
    """Yield everything that can be looked up by its exact words, and what it is."""
    yield from ((slug, entry.title) for slug, entry in ENTRIES.items())
    yield from ((letter.value, letter.title) for letter in Stride)
    numbers = {
        each.number: f"{each.benchmark.title} {each.editions}"
        for entry in ENTRIES.values()
        for each in numberings(entry)
    }
    yield from sorted(numbers.items())


def numberings(entry: CatalogueEntry) -> Iterator[Numbering]:
    """Yield what a rule is called in every edition of every benchmark."""
    for reference in entry.references:
        yield from reference.numberings()


def _by_slug(term: str) -> list[Found]:
    entry = ENTRIES.get(term.lower())
    return [Found(heading="", entries=(entry,))] if entry else []


def _by_letter(term: str) -> list[Found]:
    for kind in Stride:
        if term.lower() in {kind.value.lower(), kind.title.replace(" ", "-"), kind.name.replace("_", "-").lower()}:
            entries = tuple(entry for entry in ENTRIES.values() if kind in entry.stride)
            return [Found(heading=f"{kind.value}, {kind.title}", entries=entries)]
    return []


def _by_threat(term: str) -> list[Found]:
    threat = THREATS.get(term.lower())
    if threat is None:
        return []
    entries = tuple(entry for entry in ENTRIES.values() if threat.slug in entry.threats)
    nobody = "" if entries else f" No rule answers it. {threat.unseen}".rstrip()
    return [Found(heading=f"The threat {threat.slug}: {threat.claim}{nobody}", entries=entries)]


def _by_number(term: str) -> list[Found]:
    """Return what has this number, or stands in the section of this number."""
    match = _NUMBERED.fullmatch(term)
    if match is None:
        return []
    source, number = (match["benchmark"] or "").lower(), match["number"].lower()
    section = f"{number}." if _SECTION.fullmatch(number) else "no section"
    entries: dict[str, list[CatalogueEntry]] = {}
    order: dict[str, tuple[int, tuple[int, ...], int]] = {}
    for entry in ENTRIES.values():
        for age, each in enumerate(numberings(entry)):
            named = each.number.lower() == number or each.number.startswith(section)
            if named and each.benchmark.value.startswith(source):
                heading = f"{each.benchmark.title} {each.number} ({each.editions})"
                entries.setdefault(heading, []).append(entry)
                order[heading] = min(order.get(heading, (*_order(each), age)), (*_order(each), age))
    return [Found(heading=each, entries=tuple(entries[each])) for each in sorted(entries, key=order.__getitem__)]


def _order(numbering: Numbering) -> tuple[int, tuple[int, ...]]:
    """Return a key by which benchmarks stand together, and 5.9 comes before 5.10."""
    parts = tuple(int(part) if part.isdecimal() else 0 for part in numbering.number.split("."))
    return list(Benchmark).index(numbering.benchmark), parts
