"""What the pages are made from: the catalogue, the kinds, and the table of traps."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import cast

import yaml

from generated_files import ROOT
from stridegate import rules
from stridegate.model.entries import CatalogueEntry

DOCS = ROOT / "docs"
TRAPS = ROOT / "tests" / "traps.yaml"
KIND = ROOT / "deploy" / "crds" / "hardeningpolicies.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trap:
    """Something that is tried against Stridegate: what, the rules it is aimed at, and what tries it.

    That is tests, by pytest's names, and examples of rules, each as "slug: title".
    """

    number: str
    tried: str
    tests: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()


@cache
def traps() -> Mapping[str, tuple[Trap, ...]]:
    """Return every trap, by the heading it stands under."""
    read = yaml.safe_load(TRAPS.read_text(encoding="utf-8"))
    return {
        heading: tuple(
            Trap(
                number=number,
                tried=row["tried"],
                tests=tuple(row.get("tests", ())),
                examples=tuple(row.get("examples", ())),
                rules=tuple(row.get("rules", ())),
            )
            for number, row in rows.items()
        )
        for heading, rows in read.items()
    }


def traps_of(slug: str) -> list[Trap]:
    """Return the traps that are aimed at a rule."""
    return [trap for rows in traps().values() for trap in rows if slug in trap.rules]


@cache
def parameter_descriptions() -> Mapping[str, str]:
    """Return what each parameter is, as the kind HardeningPolicy describes it, by the name that policies write."""
    found = yaml.safe_load(KIND.read_text(encoding="utf-8"))["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    for step in ("spec", "rules", None, "parameters"):
        found = found["additionalProperties"] if step is None else found["properties"][step]
    fields = cast("Mapping[str, Mapping[str, str]]", found["properties"])
    return {name: field["description"] for name, field in fields.items()}


def source_of(entry: CatalogueEntry) -> str:
    """Return the file that declares a rule, from the checkout's root."""
    return _sources()[entry.slug]


@cache
def _sources() -> Mapping[str, str]:
    sources: dict[str, str] = {}
    for found in pkgutil.walk_packages(rules.__path__, f"{rules.__name__}."):
        module = importlib.import_module(found.name)
        declared = (getattr(module, "RULE", None), *getattr(module, "RULES", ()))
        file = f"controller/{found.name.replace('.', '/')}.py"
        sources.update({entry.slug: file for entry in declared if isinstance(entry, CatalogueEntry)})
    return sources
