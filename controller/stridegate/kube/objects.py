"""The few objects of Kubernetes that the operator reads, with the few fields it reads of them.

Decoded by msgspec from what the API server sends; unknown fields are skipped, null counts as absent.
"""

from __future__ import annotations

import enum
from base64 import b64decode

from msgspec import Struct

from stridegate.kube.rosters import Version

Json = dict[str, object]


class Metadata(Struct, frozen=True, kw_only=True, rename="camel"):
    """metav1.ObjectMeta."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    creation_timestamp: str | None = None
    labels: dict[str, str] | None = None

    @property
    def version(self) -> Version:
        """Which object this is, and in which state; of a kind with namespaces, under both of its names."""
        name = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return Version(name=name, uid=self.uid, revision=_revision(self.resource_version))


class Secret(Struct, frozen=True, kw_only=True):
    """v1.Secret; its values are base64."""

    metadata: Metadata
    data: dict[str, str] | None = None

    def value(self, key: str) -> bytes:
        """Return one value, empty where the Secret has none."""
        return b64decode((self.data or {}).get(key) or "")


class LeaseSpec(Struct, frozen=True, kw_only=True, rename="camel"):
    """coordination.k8s.io/v1 LeaseSpec; times as RFC 3339 with microseconds, the duration in seconds."""

    holder_identity: str | None = None
    lease_duration_seconds: int | None = None
    acquire_time: str | None = None
    renew_time: str | None = None
    lease_transitions: int | None = None


class Lease(Struct, frozen=True, kw_only=True):
    """coordination.k8s.io/v1 Lease."""

    metadata: Metadata
    spec: LeaseSpec | None = None


class ConfigurationKind(enum.Enum):
    """The two kinds of webhook configurations, by the name of their resource."""

    VALIDATING = "validatingwebhookconfigurations"
    MUTATING = "mutatingwebhookconfigurations"


class WebhookConfiguration(Struct, frozen=True, kw_only=True):
    """admissionregistration.k8s.io/v1 ValidatingWebhookConfiguration and MutatingWebhookConfiguration."""

    metadata: Metadata
    webhooks: list[Json] | None = None


class GuardPart(enum.Enum):
    """The two objects that guard something together, by the name of their resource."""

    POLICY = "validatingadmissionpolicies"
    BINDING = "validatingadmissionpolicybindings"


class Guarding(Struct, frozen=True, kw_only=True):
    """admissionregistration.k8s.io/v1 ValidatingAdmissionPolicy and ValidatingAdmissionPolicyBinding."""

    metadata: Metadata
    spec: Json | None = None


class UserInfo(Struct, frozen=True, kw_only=True):
    """authentication.k8s.io/v1 UserInfo."""

    username: str = ""


class SelfSubjectReviewStatus(Struct, frozen=True, kw_only=True, rename="camel"):
    """authentication.k8s.io/v1 SelfSubjectReviewStatus."""

    user_info: UserInfo


class SelfSubjectReview(Struct, frozen=True, kw_only=True):
    """authentication.k8s.io/v1 SelfSubjectReview: whom the API server takes the one who asks for."""

    status: SelfSubjectReviewStatus
    metadata: Metadata = Metadata()


class AccessReviewStatus(Struct, frozen=True, kw_only=True):
    """authorization.k8s.io/v1 SubjectAccessReviewStatus."""

    allowed: bool


class AccessReview(Struct, frozen=True, kw_only=True):
    """authorization.k8s.io/v1 SelfSubjectAccessReview: whether the one who asks may do something."""

    status: AccessReviewStatus


class EndpointConditions(Struct, frozen=True, kw_only=True):
    """discovery.k8s.io/v1 EndpointConditions; an absent `ready` means ready, an absent `terminating` not terminating."""

    ready: bool | None = None
    terminating: bool | None = None


class Endpoint(Struct, frozen=True, kw_only=True):
    """discovery.k8s.io/v1 Endpoint: one replica."""

    addresses: list[str]
    conditions: EndpointConditions | None = None


class EndpointPort(Struct, frozen=True, kw_only=True):
    """discovery.k8s.io/v1 EndpointPort."""

    name: str | None = None
    port: int | None = None


class EndpointSlice(Struct, frozen=True, kw_only=True):
    """discovery.k8s.io/v1 EndpointSlice."""

    endpoints: list[Endpoint] | None = None
    ports: list[EndpointPort] | None = None


class EndpointSliceList(Struct, frozen=True, kw_only=True):
    """discovery.k8s.io/v1 EndpointSliceList."""

    items: list[EndpointSlice] | None = None


class ListMetadata(
    Struct, frozen=True, kw_only=True, rename={"resource_version": "resourceVersion", "rest": "continue"}
):
    """metav1.ListMeta; `rest` asks for the next page, and is empty or absent on the last."""

    resource_version: str = ""
    rest: str | None = None

    @property
    def revision(self) -> int:
        """The revision of the cluster that the list shows."""
        return _revision(self.resource_version)


class ObjectList(Struct, frozen=True, kw_only=True):
    """A list of objects that are kept as they come."""

    metadata: ListMetadata
    items: list[Json] | None = None


class Status(Struct, frozen=True, kw_only=True):
    """metav1.Status: what the API server answers instead of an object."""

    message: str = ""


def _revision(resource_version: str) -> int:
    # 64 bits in etcd; Python raises for thousands of digits.
    return int(resource_version) if resource_version.isdecimal() and len(resource_version) < 20 else 0
