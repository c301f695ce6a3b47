"""Clusters as the examples of cluster rules write them."""

from __future__ import annotations

from typing import Any

import yaml

from stridegate.model.clusters.rules import ClusterExample
from stridegate.model.clusters.views import Cluster, Kind


def cluster_of(example: ClusterExample) -> Cluster:
    """Return the cluster that an example describes."""
    objects: dict[Kind, list[dict[str, Any]]] = {kind: [] for kind in Kind if kind.value not in example.absent}
    for each in yaml.safe_load_all(example.objects):
        if each:
            objects[Kind(each["kind"])].append(each)
    return Cluster(
        objects=objects,
        hidden={Kind(each): "not served" for each in example.absent},
        nodes=example.nodes,
        populated=example.populated,
        restarts=example.restarts,
        now=example.now,
    )
