"""The catalogue of a node scan, and of everything: apart from the rules that judge requests, so that the webhook does not load it."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import TypeVar

from stridegate.engine.catalogue import RULES, ordered
from stridegate.model.clusters.rules import ClusterRule
from stridegate.model.entries import CatalogueEntry
from stridegate.model.errors import BadCatalogue
from stridegate.model.nodes.rules import ContainerRule, NodeRule
from stridegate.rules import cluster, containers, nodes

E = TypeVar("E", bound=CatalogueEntry)


def _declared(package: ModuleType, kind: type[E]) -> Iterator[E]:
    """Yield what the files of a package declare as RULES: several in each, since what they read is the same."""
    for module in pkgutil.iter_modules(package.__path__):
        declared = getattr(importlib.import_module(f"{package.__name__}.{module.name}"), "RULES", None)
        if not declared or not all(isinstance(each, kind) for each in declared):
            raise BadCatalogue(module.name, f"its file declares no RULES that are each a {kind.__name__}")
        yield from declared


# The rules of a node scan: about the node, and about what runs on it.
NODE_RULES: Mapping[str, NodeRule] = ordered(_declared(nodes, NodeRule))
CONTAINER_RULES: Mapping[str, ContainerRule] = ordered(_declared(containers, ContainerRule))
# The rules about what the cluster's objects say, and about all of its nodes together.
CLUSTER_RULES: Mapping[str, ClusterRule] = ordered(_declared(cluster, ClusterRule))

# Every rule there is, whatever it judges.
ENTRIES: Mapping[str, CatalogueEntry] = ordered(
    (*RULES.values(), *NODE_RULES.values(), *CONTAINER_RULES.values(), *CLUSTER_RULES.values())
)
