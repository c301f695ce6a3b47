"""A cluster as a rule sees it: plain objects by kind, as the API server has them, and what reports say of its nodes."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from stridegate.model.nodes.answers import Unreadable
from stridegate.model.nodes.nodes import Installation, NotReadable, Role

Obj = Mapping[str, object]


class Kind(enum.Enum):
    """The kinds that rules ask for."""

    NAMESPACE = "Namespace"
    NETWORK_POLICY = "NetworkPolicy"
    RESOURCE_QUOTA = "ResourceQuota"
    LIMIT_RANGE = "LimitRange"
    SERVICE = "Service"
    # Those of the Service default/kubernetes, and the ConfigMap kube-public/cluster-info.
    API_ENDPOINTS = "EndpointSlice"
    CLUSTER_INFO = "ConfigMap"
    ROLE = "Role"
    ROLE_BINDING = "RoleBinding"
    CLUSTER_ROLE = "ClusterRole"
    CLUSTER_ROLE_BINDING = "ClusterRoleBinding"
    FLOW_SCHEMA = "FlowSchema"
    PRIORITY_LEVEL = "PriorityLevelConfiguration"
    CERTIFICATE_REQUEST = "CertificateSigningRequest"
    HARDENING_POLICY = "HardeningPolicy"
    # Never read by the operator.
    SECRET = "Secret"  # noqa: S105 - a kind
    # What scanners of images leave behind (aquasecurity.github.io), and what verifies them (policy.sigstore.dev).
    VULNERABILITY_REPORT = "VulnerabilityReport"
    SBOM_REPORT = "SbomReport"
    CLUSTER_IMAGE_POLICY = "ClusterImagePolicy"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStanding:
    """What is known of a node from its object and from its report. `results` are the states of rules by slug; None without a report.

    `metadata_reachable` says whether the cloud's metadata service answered the scanner's pod, None where nobody tried.
    """

    name: str
    pool: str = ""
    installation: Installation = Installation.GENERIC
    role: Role = Role.WORKER
    external: tuple[str, ...] = ()
    cni: tuple[str, ...] | None = None
    super_admin: bool = False
    metadata_reachable: bool | None = None
    results: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Restarts:
    """How often a container (`namespace/pod/container`) was restarted within the last hour."""

    name: str
    times: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A cluster. `hidden` says why a kind is not among the objects; `now` is Unix time in seconds.

    `populated` are the namespaces in which pods run, `restarts` None where nobody has watched for long enough.
    """

    objects: Mapping[Kind, Sequence[Obj]]
    hidden: Mapping[Kind, str] = field(default_factory=dict)
    nodes: tuple[NodeStanding, ...] = ()
    populated: frozenset[str] = frozenset()
    restarts: tuple[Restarts, ...] | None = None
    now: float = 0.0

    def __getitem__(self, kind: Kind) -> Sequence[Obj]:
        """Return the objects of a kind. Raises NotReadable where they could not be listed."""
        if kind not in self.objects:
            raise NotReadable(Unreadable(f"{kind.value}s", self.hidden.get(kind, "were not listed")))
        return self.objects[kind]


# Namespaces of Kubernetes itself, whose pods need what others are refused.
SYSTEM_NAMESPACES = frozenset({"kube-system", "kube-public", "kube-node-lease"})


def at(obj: object, *path: str) -> object:
    """Return what stands at a path in an object, None where nothing does."""
    for key in path:
        obj = obj.get(key) if isinstance(obj, Mapping) else None
    return obj


def text(obj: object, *path: str) -> str:
    """Return the text at a path, empty where there is none."""
    found = at(obj, *path)
    return found if isinstance(found, str) else ""


def maps(obj: object, *path: str) -> list[Obj]:
    """Return the maps in the list at a path."""
    found = at(obj, *path)
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []


def texts(obj: object, *path: str) -> frozenset[str]:
    """Return the texts in the list at a path."""
    found = at(obj, *path)
    return frozenset(each for each in found if isinstance(each, str)) if isinstance(found, list) else frozenset()


def labels(obj: object, *path: str) -> Mapping[str, str]:
    """Return the map of texts at a path, by default an object's labels."""
    found = at(obj, *(path or ("metadata", "labels")))
    return {key: value for key, value in found.items() if isinstance(value, str)} if isinstance(found, Mapping) else {}


def namespace(obj: object) -> str:
    """Return an object's namespace."""
    return text(obj, "metadata", "namespace")


def name(obj: object) -> str:
    """Return an object's name, with its namespace where it has one."""
    return "/".join(filter(None, (namespace(obj), text(obj, "metadata", "name"))))


def by_namespace(objects: Sequence[Obj]) -> Mapping[str, list[Obj]]:
    """Return objects by their namespace."""
    found: dict[str, list[Obj]] = {}
    for each in objects:
        found.setdefault(namespace(each), []).append(each)
    return found


def tenants(cluster: Cluster) -> Iterator[Obj]:
    """Yield the namespaces that are not Kubernetes' own."""
    yield from (each for each in cluster[Kind.NAMESPACE] if name(each) not in SYSTEM_NAMESPACES)
