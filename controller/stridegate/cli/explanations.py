"""Rules for the terminal, told from their declarations: the page of one, the list of many, and both for programs."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from stridegate.cli.lookups import numberings
from stridegate.cli.terminals import Sheet
from stridegate.model.entries import CatalogueEntry
from stridegate.model.rules import AnyRule, Example, Rule
from stridegate.model.threats import THREATS

# Below this, a rule of a list has its sentence on a line of its own.
_TABLE = 100


def explanation(entry: CatalogueEntry, sheet: Sheet) -> str:
    """Return what a rule wants, why and from where, with its examples."""
    return "\n".join(_page(entry, sheet))


def listing(entries: Iterable[CatalogueEntry], sheet: Sheet) -> str:
    """Return rules as a list: on one line each where there is room."""
    return "\n".join(line for entry in entries for line in _listed(entry, sheet))


def described(entry: CatalogueEntry) -> dict[str, object]:
    """Return all that a rule declares in words, as programs read it."""
    profile, takes = (str(entry.profile), sorted(entry.takes)) if isinstance(entry, Rule) else (None, [])
    return {
        "slug": entry.slug,
        "title": entry.title,
        "severity": str(entry.severity),
        "stride": list(entry.letters),
        "profile": profile,
        **{name.lower(): text for name, text in entry.paragraphs.items()},
        "parameters": takes,
        "threats": sorted(entry.threats),
        "references": [
            {"benchmark": each.benchmark.value, "editions": each.editions, "id": each.number}
            for each in numberings(entry)
        ],
        "since": entry.since,
    }


def _page(entry: CatalogueEntry, sheet: Sheet) -> Iterator[str]:
    yield from _head(entry, sheet)
    yield from sheet.wrapped(entry.title)
    yield ""
    for name, text in entry.paragraphs.items():
        yield from sheet.wrapped(f"{name}: {text}", hanging="  ")
    if isinstance(entry, Rule) and entry.takes:
        yield from sheet.wrapped(f"Parameters: {', '.join(sorted(entry.takes))}", hanging="  ")
    if entry.references:
        yield from sheet.wrapped(f"References: {'; '.join(map(str, entry.references))}", hanging="  ")
    for slug in sorted(entry.threats):
        yield from sheet.wrapped(f"Answers {slug}: {THREATS[slug].claim}", hanging="  ")
    yield from sheet.wrapped(f"Since: {entry.since}")
    if isinstance(entry, Rule):
        yield from _examples(entry, sheet)


def _head(entry: CatalogueEntry, sheet: Sheet) -> Iterator[str]:
    """Yield the slug and how it counts, on two lines where one is too long."""
    profile = f", profile {entry.profile}" if isinstance(entry, Rule) else ""
    weight = f"[{entry.letters}, {entry.severity}{profile}]"
    slug, painted = sheet.bold(entry.slug), sheet.severe(weight, entry.severity)
    if sheet.width is not None and len(entry.slug) + 2 + len(weight) > sheet.width:
        yield from (slug, f"  {painted}")
    else:
        yield f"{slug}  {painted}"


def _examples(rule: AnyRule, sheet: Sheet) -> Iterator[str]:
    for verdict, heading in (("bad", "Refused"), ("good", "Accepted")):
        yield ""
        yield sheet.bold(f"{heading}, laid over {rule.laid_over}:")
        for example in rule.examples:
            if example.verdict == verdict:
                yield from _example(example, sheet)


def _example(example: Example, sheet: Sheet) -> Iterator[str]:
    yield sheet.faint(f"  # {example.title}")
    yield from textwrap.indent(textwrap.dedent(example.spec).strip(), "  ").split("\n")
    for key, value in example.annotations.items():
        yield sheet.faint(f"  # with the annotation {key}: {value}")


def _listed(entry: CatalogueEntry, sheet: Sheet) -> Iterator[str]:
    profile = str(entry.profile) if isinstance(entry, Rule) else "-"
    severity = sheet.severe(f"{entry.severity!s:9}", entry.severity)
    if sheet.width is None:
        yield f"{entry.slug:40} {entry.letters:4} {severity} {profile:11} {entry.title}"
    elif sheet.width >= _TABLE:
        first, *rest = textwrap.wrap(entry.title, sheet.width - 68) or [""]
        yield f"{sheet.bold(f'{entry.slug:40}')} {entry.letters:4} {severity} {profile:11} {first}"
        yield from (f"{'':67} {line}" for line in rest)
    else:
        yield from _head(entry, sheet)
        yield from sheet.wrapped(entry.title, "  ")
