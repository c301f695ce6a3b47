"""What a claim of the threat model is: a threat to one component, and who answers it."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from stridegate.model.vocabulary import Stride


class Component(enum.Enum):
    """What is threatened, in the words of the threat model's headings."""

    WORKLOADS = "Containers and pods"
    IMAGES = "Images"
    REGISTRIES = "Registries"
    DOCKER_CLIENT = "Docker clients"
    DOCKER_DAEMON = "Docker daemon"
    CONTROL_PLANE = "API server and cluster"
    ETCD = "etcd"
    KUBELET = "kubelet and kube-proxy"
    NODE = "Nodes"
    CLOUD = "Cloud"


class Sight(enum.Enum):
    """What sees a threat that admission does not see, or not alone."""

    NODE = "N"
    CLUSTER = "C"
    RUNNING = "R"


@dataclass(frozen=True, slots=True, kw_only=True)
class Threat:
    """One claim of the threat model.

    Rules name the threats that they answer. `elsewhere` says what else is to answer it, and `unseen` what of it nothing
    can see. `by_policies` says that no single rule answers it, but that policies are there and deny. A remark has no
    letters.
    """

    slug: str
    stride: frozenset[Stride]
    claim: str
    elsewhere: frozenset[Sight]
    unseen: str = ""
    by_policies: bool = False


def threat(
    slug: str, letters: str, elsewhere: str, claim: str, *, unseen: str = "", by_policies: bool = False
) -> Threat:
    """Return a threat, with its STRIDE letters and what else sees it by their letters."""
    return Threat(
        slug=slug,
        stride=frozenset(map(Stride, letters)),
        claim=claim,
        elsewhere=frozenset(map(Sight, elsewhere)),
        unseen=unseen,
        by_policies=by_policies,
    )
