"""Which rules somebody wants to see."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
import yaml

from stridegate.cli.lookups import numberings
from stridegate.engine.catalogue import RULES
from stridegate.engine.evaluate import evaluate
from stridegate.engine.examples import example_pod
from stridegate.engine.node_catalogue import CLUSTER_RULES, CONTAINER_RULES, ENTRIES, NODE_RULES
from stridegate.model.entries import CatalogueEntry
from stridegate.model.pods import PodTemplate
from stridegate.model.references import Benchmark
from stridegate.model.rules import PodRule, Question, Rule
from stridegate.model.settings import Setting
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile, Severity, Stride


class Scope(enum.Enum):
    """What rules judge: requests for pods and other objects, nodes, the containers that run on them, or the cluster's objects."""

    REQUESTS = "requests"
    NODES = "nodes"
    CONTAINERS = "containers"
    CLUSTER = "cluster"


_SCOPES: Mapping[Scope, Mapping[str, CatalogueEntry]] = {
    Scope.REQUESTS: RULES,
    Scope.NODES: NODE_RULES,
    Scope.CONTAINERS: CONTAINER_RULES,
    Scope.CLUSTER: CLUSTER_RULES,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a rule must be like; what is absent or empty does not matter."""

    severity: Severity
    profile: Profile | None
    stride: frozenset[Stride]
    standard: Benchmark | None
    scope: Scope | None
    fixable: bool

    def entries(self) -> list[CatalogueEntry]:
        """Return the rules that are like that, worst first."""
        return [entry for entry in ENTRIES.values() if self._wants(entry)]

    def _wants(self, entry: CatalogueEntry) -> bool:
        return (
            entry.severity >= self.severity
            and (self.profile is None or (isinstance(entry, Rule) and _held(entry.profile, self.profile)))
            and (not self.stride or bool(self.stride & entry.stride))
            and (self.standard is None or any(each.benchmark is self.standard for each in numberings(entry)))
            and (self.scope is None or entry.slug in _SCOPES[self.scope])
            and (not self.fixable or is_fixable(entry))
        )


def _held(profile: Profile, by: Profile) -> bool:
    """Return whether a rule of one profile is held by another: each contains those before it, advisory rules are in none."""
    return profile is by or (profile < by and by is not Profile.ADVISORY)


def scope_of(entry: CatalogueEntry) -> Scope:
    """Return what a rule judges."""
    return next(scope for scope, entries in _SCOPES.items() if entry.slug in entries)


def is_fixable(entry: CatalogueEntry) -> bool:
    """Return whether there is a fix for something that a rule finds: one of its examples says so."""
    if not isinstance(entry, PodRule):
        return False
    for example in entry.examples:
        document = example_pod(yaml.safe_load(example.spec), example.annotations)
        view = PodView(msgspec.convert(document, PodTemplate), (), example.setting or Setting(namespace="example"))
        for finding in evaluate([Question(entry, example.given)], view):
            if finding.violation is not None and finding.violation.patch is not None:
                return True
    return False
