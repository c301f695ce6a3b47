"""Listing what rules about a cluster read: page by page, each object reduced to the few fields that any rule looks at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

import msgspec
from msgspec import Struct

from stridegate.kube.errors import NotFound, Refused
from stridegate.kube.objects import Json
from stridegate.kube.pods import NOT_ENDED, PODS
from stridegate.kube.reader import Reader
from stridegate.model.clusters.views import Cluster, Kind, Obj

_PAGE = 250


class _Metadata(Struct, frozen=True, kw_only=True, omit_defaults=True):
    name: str = ""
    namespace: str = ""
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None


class _Object(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Any object: rules find the same fields under the same names."""

    metadata: _Metadata
    kind: str = ""
    type: str | None = None
    spec: Json | None = None
    status: Json | None = None
    data: dict[str, str] | None = None
    rules: list[Json] | None = None
    subjects: list[Json] | None = None
    roleRef: Json | None = None  # noqa: N815 - as the API writes it
    endpoints: list[Json] | None = None


class _Component(Struct, frozen=True, kw_only=True, omit_defaults=True):
    name: str = ""


class _Components(Struct, frozen=True, kw_only=True, omit_defaults=True):
    components: list[_Component] | None = None


class _ImageReport(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What of a VulnerabilityReport or an SbomReport is read: not the megabytes of its lists."""

    artifact: Json | None = None
    summary: Json | None = None
    os: Json | None = None
    components: _Components | None = None


class _OfImage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    metadata: _Metadata
    report: _ImageReport | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where a kind is listed, and which of its objects."""

    path: str
    shape: type[Struct] = _Object
    fields: str = ""
    labels: str = ""


_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_FLOW = "/apis/flowcontrol.apiserver.k8s.io/v1"
_AQUA = "/apis/aquasecurity.github.io/v1alpha1"
_PLACES: Mapping[Kind, _Place] = {
    Kind.NAMESPACE: _Place(path="/api/v1/namespaces"),
    Kind.NETWORK_POLICY: _Place(path="/apis/networking.k8s.io/v1/networkpolicies"),
    Kind.RESOURCE_QUOTA: _Place(path="/api/v1/resourcequotas"),
    Kind.LIMIT_RANGE: _Place(path="/api/v1/limitranges"),
    Kind.SERVICE: _Place(path="/api/v1/services"),
    Kind.API_ENDPOINTS: _Place(
        path="/apis/discovery.k8s.io/v1/namespaces/default/endpointslices",
        labels="kubernetes.io/service-name=kubernetes",
    ),
    Kind.CLUSTER_INFO: _Place(path="/api/v1/namespaces/kube-public/configmaps", fields="metadata.name=cluster-info"),
    Kind.ROLE: _Place(path=f"{_RBAC}/roles"),
    Kind.ROLE_BINDING: _Place(path=f"{_RBAC}/rolebindings"),
    Kind.CLUSTER_ROLE: _Place(path=f"{_RBAC}/clusterroles"),
    Kind.CLUSTER_ROLE_BINDING: _Place(path=f"{_RBAC}/clusterrolebindings"),
    Kind.FLOW_SCHEMA: _Place(path=f"{_FLOW}/flowschemas"),
    Kind.PRIORITY_LEVEL: _Place(path=f"{_FLOW}/prioritylevelconfigurations"),
    Kind.CERTIFICATE_REQUEST: _Place(path="/apis/certificates.k8s.io/v1/certificatesigningrequests"),
    Kind.HARDENING_POLICY: _Place(path="/apis/stridegate.dev/v1alpha1/hardeningpolicies"),
    Kind.SECRET: _Place(path="/api/v1/secrets"),
    Kind.VULNERABILITY_REPORT: _Place(path=f"{_AQUA}/vulnerabilityreports", shape=_OfImage),
    Kind.SBOM_REPORT: _Place(path=f"{_AQUA}/sbomreports", shape=_OfImage),
    Kind.CLUSTER_IMAGE_POLICY: _Place(path="/apis/policy.sigstore.dev/v1beta1/clusterimagepolicies"),
}
SECRETS = _PLACES[Kind.SECRET].path
# Everything but Secrets, which nobody reads who does not have to.
OPERATORS_KINDS = frozenset(Kind) - {Kind.SECRET}


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """What could be listed, and why the rest could not."""

    objects: Mapping[Kind, list[Obj]]
    hidden: Mapping[Kind, str]


async def gather(reader: Reader, kinds: Iterable[Kind] = OPERATORS_KINDS) -> Gathered:
    """List kinds, one after the other. Raises Unreachable; a kind that is not served, or may not be listed, is hidden."""
    chosen = frozenset(kinds)
    objects: dict[Kind, list[Obj]] = {}
    hidden = dict.fromkeys(frozenset(Kind) - chosen, "are left to `stridegate report --cluster`")
    for kind in sorted(chosen, key=lambda kind: kind.value):
        try:
            objects[kind] = await _list(reader, _PLACES[kind])
        except NotFound:
            hidden[kind] = "are not served: nothing that makes them is installed"
        except Refused as refused:
            forbidden = refused.code == HTTPStatus.FORBIDDEN
            hidden[kind] = "may not be listed" if forbidden else f"the API server answers {refused.code}"
    return Gathered(objects=objects, hidden=hidden)


async def _list(reader: Reader, place: _Place) -> list[Obj]:
    found: list[Obj] = []
    async for portion in reader.portions(place.path, place.shape, size=_PAGE, fields=place.fields, labels=place.labels):
        found += [msgspec.to_builtins(each) for each in portion.items]
    return found


# The kinds of Secrets that rules look at, and what of their contents.
_TOKENS = {"kubernetes.io/service-account-token": (), "bootstrap.kubernetes.io/token": ("expiration",)}


def with_secrets(objects: Iterable[Json], now: float) -> Cluster:
    """Return a cluster of which nothing is known but its Secrets; no content of them is kept but when a bootstrap token ends."""
    kept = []
    for each in objects:
        secret = msgspec.convert(each, _Object)
        if secret.type in _TOKENS:
            data = {key: value for key, value in (secret.data or {}).items() if key in _TOKENS[secret.type]}
            kept.append(msgspec.to_builtins(msgspec.structs.replace(secret, data=data)))
    return Cluster(objects={Kind.SECRET: kept}, now=now)


class _RunningContainer(Struct, frozen=True, kw_only=True, rename="camel"):
    name: str = ""
    restart_count: int = 0


class _PodStatus(Struct, frozen=True, kw_only=True, rename="camel"):
    container_statuses: list[_RunningContainer] | None = None
    init_container_statuses: list[_RunningContainer] | None = None


class _Pod(Struct, frozen=True, kw_only=True):
    metadata: _Metadata
    status: _PodStatus | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """The namespaces in which pods run, and the containers (`namespace/pod/container`) that were restarted, how often in all."""

    namespaces: frozenset[str]
    restarted: Mapping[str, int]


async def populate(reader: Reader) -> Population:
    """Page through the pods that have not ended. Raises KubeError."""
    namespaces: set[str] = set()
    restarted: dict[str, int] = {}
    async for portion in reader.portions(PODS, _Pod, size=_PAGE, fields=NOT_ENDED):
        for pod in portion.items:
            namespaces.add(pod.metadata.namespace)
            status = pod.status or _PodStatus()
            for each in (*(status.container_statuses or ()), *(status.init_container_statuses or ())):
                if each.restart_count:
                    restarted[f"{pod.metadata.namespace}/{pod.metadata.name}/{each.name}"] = each.restart_count
    return Population(namespaces=frozenset(namespaces), restarted=restarted)
