"""The threats that Stridegate answers, each with its STRIDE letters and the claim in a sentence. Rules name those they answer."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from stridegate.model.threats import clusters, docker, workloads
from stridegate.model.threats.claims import Component, Sight, Threat

__all__ = ["COMPONENTS", "THREATS", "Component", "Sight", "Threat"]

COMPONENTS: Mapping[Component, tuple[Threat, ...]] = MappingProxyType(
    {
        Component.WORKLOADS: workloads.WORKLOADS,
        Component.IMAGES: docker.IMAGES,
        Component.REGISTRIES: docker.REGISTRIES,
        Component.DOCKER_CLIENT: docker.DOCKER_CLIENT,
        Component.DOCKER_DAEMON: docker.DOCKER_DAEMON,
        Component.CONTROL_PLANE: clusters.CONTROL_PLANE,
        Component.ETCD: clusters.ETCD,
        Component.KUBELET: clusters.KUBELET,
        Component.NODE: clusters.NODE,
        Component.CLOUD: clusters.CLOUD,
    }
)

THREATS: Mapping[str, Threat] = MappingProxyType(
    {threat.slug: threat for threats in COMPONENTS.values() for threat in threats}
)
