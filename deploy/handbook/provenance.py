"""Where a rule comes from and which claims of the threat model it answers, as every page says it."""

from __future__ import annotations

from collections.abc import Iterator

from handbook.markdown import link, prose, table
from stridegate.model.entries import CatalogueEntry
from stridegate.model.references import PodSecurity
from stridegate.model.threats import THREATS


def references(entry: CatalogueEntry) -> Iterator[str]:
    """Yield the numbers that benchmarks have for a rule, edition by edition."""
    rows = [
        (each.benchmark.title, each.editions, f"`{each.number}`" if isinstance(reference, PodSecurity) else each.number)
        for reference in entry.references
        for each in reference.numberings()
    ]
    if rows:
        yield from ("## References", "")
        yield from table(("Source", "Edition", "Number"), rows)


def answered(entry: CatalogueEntry) -> Iterator[str]:
    """Yield the threats that a rule answers."""
    if entry.threats:
        yield from ("## Threats it answers", "")
        for slug in sorted(entry.threats):
            yield f"- {link(slug, f'../threat-model.md#{slug}')}: {prose(THREATS[slug].claim)}"
        yield ""
