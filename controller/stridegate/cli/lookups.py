"""Finding rules by whatever people know them by: slug, STRIDE letter, threat, or number in a benchmark."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from stridegate.engine.catalogue import ENTRIES
from stridegate.model.entries import CatalogueEntry
from stridegate.model.references import Benchmark, Numbering
from stridegate.model.threats import THREATS
from stridegate.model.vocabulary import Stride

_NUMBERED = re.compile(
    r"(?:(?P<benchmark>cis(?:-(?:docker|kubernetes))?|pod-security)[:-]?)?(?P<number>.+)", re.IGNORECASE
)
_SECTION = re.compile(r"[0-9]+(\.[0-9]+)*", re.ASCII)
_SUGGESTIONS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was looked for, said in full, and the rules that it leads to, each with what it is called there."""

    heading: str
    entries: tuple[CatalogueEntry, ...]


def look_up(term: str) -> Found | None:
    """Return the rules that a term means; None where it means none."""
    plain = re.sub(r"[\s_]+", "-", term.strip())
    searches = (_by_slug, _by_letter, _by_threat, _by_number)
    return next((found for search in searches if (found := search(plain))), None)


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


def _by_slug(term: str) -> Found | None:
    entry = ENTRIES.get(term.lower())
    return entry and Found(heading="", entries=(entry,))


def _by_letter(term: str) -> Found | None:
    for kind in Stride:
        if term.lower() in {kind.value.lower(), kind.title.replace(" ", "-"), kind.name.replace("_", "-").lower()}:
            return Found(
                heading=f"{kind.value}, {kind.title}", entries=_those(lambda entry, kind=kind: kind in entry.stride)
            )
    return None


def _by_threat(term: str) -> Found | None:
    threat = THREATS.get(term.lower())
    if threat is None:
        return None
    entries = _those(lambda entry: threat.slug in entry.threats)
    nobody = "" if entries else f" No rule answers it. {threat.unseen}".rstrip()
    return Found(heading=f"The threat {threat.slug}: {threat.claim}{nobody}", entries=entries)


def _by_number(term: str) -> Found | None:
    match = _NUMBERED.fullmatch(term)
    if match is None:
        return None
    benchmark, number = (match["benchmark"] or "").lower(), match["number"]
    meant = [
        each
        for each in Benchmark
        if each.value == benchmark or each.value.startswith(f"{benchmark or 'x'}-") or not benchmark
    ]
    exact = _numbered(meant, lambda each: each.number.lower() == number.lower())
    if exact is not None or not _SECTION.fullmatch(number):
        return exact
    return _numbered(meant, lambda each: each.number.startswith(f"{number}."))


def _numbered(meant: list[Benchmark], wanted: Callable[[Numbering], bool]) -> Found | None:
    held: dict[str, None] = {}
    entries: list[CatalogueEntry] = []
    for entry in ENTRIES.values():
        names = [each for each in numberings(entry) if each.benchmark in meant and wanted(each)]
        if names:
            entries.append(entry)
            held.update(dict.fromkeys(f"{each.benchmark.title} {each.number} ({each.editions})" for each in names))
    return Found(heading=_listed(held), entries=tuple(entries)) if entries else None


def _listed(names: Iterable[str]) -> str:
    shown = list(names)
    return ", ".join(shown[:4]) + (f" and {len(shown) - 4} more" if len(shown) > 4 else "")


def _those(wanted: Callable[[CatalogueEntry], bool]) -> tuple[CatalogueEntry, ...]:
    return tuple(entry for entry in ENTRIES.values() if wanted(entry))
