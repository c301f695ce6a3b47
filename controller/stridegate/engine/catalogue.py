"""The catalogue: every rule there is, found in its package and proven consistent as it is loaded."""

from __future__ import annotations

import hashlib
import importlib
import pkgutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from types import MappingProxyType, ModuleType
from typing import TypeVar

from stridegate.model.entries import CatalogueEntry
from stridegate.model.errors import BadCatalogue
from stridegate.model.rules import AnyRule, Parameters, PodRule, Rule
from stridegate.model.threats import THREATS
from stridegate.rules import objects, pods

E = TypeVar("E", bound=CatalogueEntry)
R = TypeVar("R", bound=AnyRule)

_PARAMETERS = frozenset(each.name for each in fields(Parameters))


def _declared(package: ModuleType) -> Iterator[AnyRule]:
    for module in pkgutil.iter_modules(package.__path__):
        rule = getattr(importlib.import_module(f"{package.__name__}.{module.name}"), "RULE", None)
        if not isinstance(rule, Rule):
            raise BadCatalogue(module.name, "its file declares no RULE")
        if rule.slug.replace("-", "_") != module.name:
            raise BadCatalogue(rule.slug, f"stands in a file called {module.name}")
        yield rule


def ordered(entries: Iterable[E]) -> Mapping[str, E]:
    """Return rules by slug, worst first. Raises BadCatalogue where a slug is taken twice, or a rule answers a threat that nobody knows."""
    by_slug: dict[str, E] = {}
    for entry in sorted(entries, key=lambda entry: (-entry.severity, entry.slug)):
        if entry.slug in by_slug:
            raise BadCatalogue(entry.slug, "is declared twice")
        if unheard := entry.threats - THREATS.keys():
            raise BadCatalogue(entry.slug, f"answers threats that do not exist: {', '.join(sorted(unheard))}")
        by_slug[entry.slug] = entry
    return MappingProxyType(by_slug)


def prove(rules: Iterable[R]) -> Mapping[str, R]:
    """Return the rules by slug, worst first.

    Raises BadCatalogue where they are not in order, a rule takes a parameter that no policy can give, or an example speaks
    of a rule that is not there.
    """
    by_slug = ordered(rules)
    for rule in by_slug.values():
        if unknown := rule.takes - _PARAMETERS:
            raise BadCatalogue(rule.slug, f"takes parameters that policies do not have: {', '.join(sorted(unknown))}")
        if strangers := {slug for example in rule.examples for slug in example.also} - by_slug.keys():
            raise BadCatalogue(rule.slug, f"its examples name rules that do not exist: {', '.join(sorted(strangers))}")
    return by_slug


def digest(rules: Iterable[AnyRule]) -> str:
    """Return what tells two catalogues apart: which rules there are, how they count, and since when."""
    declared = (f"{rule.slug} {rule.profile} {rule.severity} {rule.since}" for rule in rules)
    return hashlib.sha256("\n".join(sorted(declared)).encode()).hexdigest()[:12]


# Every rule that judges requests, and those about pods.
RULES: Mapping[str, AnyRule] = prove(rule for package in (pods, objects) for rule in _declared(package))
POD_RULES: Mapping[str, PodRule] = MappingProxyType(
    {slug: rule for slug, rule in RULES.items() if isinstance(rule, PodRule)}
)
