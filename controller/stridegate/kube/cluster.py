"""What Stridegate asks of an API server and writes to it, with the `kubernetes` package behind it.

Synchronous: the operator calls it in threads. Every write of something that several parties may write says which version
of it was read, so that nobody overwrites what he has not seen.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import msgspec

from stridegate.kube.connections import APPLY, MERGE, Connection
from stridegate.kube.objects import (
    AccessReview,
    ConfigurationKind,
    EndpointSlice,
    EndpointSliceList,
    Guarding,
    GuardPart,
    Json,
    Lease,
    LeaseSpec,
    Metadata,
    ObjectList,
    Secret,
    SelfSubjectReview,
    WebhookConfiguration,
)
from stridegate.kube.open_reports import OPEN_REPORTS
from stridegate.model.times import read_time

T = TypeVar("T")

FIELD_MANAGER = "stridegate-operator"
# Of what people write with the command line.
COMMAND_MANAGER = "stridegate"
API_VERSION = "stridegate.dev/v1alpha1"
POLICIES = f"/apis/{API_VERSION}/hardeningpolicies"
EXEMPTIONS = f"/apis/{API_VERSION}/hardeningexemptions"
REPORTS = f"/apis/{API_VERSION}/hardeningreports"
NAMESPACES = "/api/v1/namespaces"

# Objects of a page.
_PAGE = 500


class Cluster:
    """What one API server is asked and told. Every method may raise Unreachable and Refused."""

    def __init__(self, connection: Connection) -> None:
        self._send = connection.send

    @classmethod
    def connect(cls, kubeconfig: Path | None, context: str | None = None) -> Cluster:
        """Return the cluster of a context of a kubeconfig, by default its current one, or without a kubeconfig the cluster this pod runs in.

        Raises NoAccess.
        """
        return cls(Connection.open(kubeconfig, context))

    def secret(self, namespace: str, name: str) -> Secret:
        """Return a Secret."""
        return self._send("GET", f"{NAMESPACES}/{namespace}/secrets/{name}", Secret)

    def write_secret(self, seen: Secret, values: Mapping[str, bytes]) -> Secret:
        """Write values into a Secret as it was seen; other keys stay. Raises Conflict where it has changed since."""
        data = {key: b64encode(value).decode() for key, value in values.items()}
        path = f"{NAMESPACES}/{seen.metadata.namespace}/secrets/{seen.metadata.name}"
        return self._merge(path, seen.metadata, {"data": data}, Secret)

    def lease(self, namespace: str, name: str) -> Lease:
        """Return a Lease."""
        return self._send("GET", f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/{name}", Lease)

    def write_lease(self, seen: Lease, spec: LeaseSpec) -> Lease:
        """Write the spec of a Lease as it was seen. Raises Conflict where somebody else was quicker."""
        path = f"/apis/coordination.k8s.io/v1/namespaces/{seen.metadata.namespace}/leases/{seen.metadata.name}"
        return self._merge(path, seen.metadata, {"spec": msgspec.to_builtins(spec)}, Lease)

    def webhooks(self, kind: ConfigurationKind, name: str) -> WebhookConfiguration:
        """Return a webhook configuration."""
        return self._send("GET", f"/apis/admissionregistration.k8s.io/v1/{kind.value}/{name}", WebhookConfiguration)

    def write_webhooks(
        self, kind: ConfigurationKind, seen: WebhookConfiguration, webhooks: list[Json]
    ) -> WebhookConfiguration:
        """Replace the list of a webhook configuration as it was seen. Raises Conflict where it has changed since.

        A merge patch, not server-side apply: apply leaves in place what others put into our entries, and one
        `matchConditions` of somebody else's switches an entry off.
        """
        path = f"/apis/admissionregistration.k8s.io/v1/{kind.value}/{seen.metadata.name}"
        return self._merge(path, seen.metadata, {"webhooks": webhooks}, WebhookConfiguration)

    def guard_part(self, part: GuardPart, name: str) -> Guarding:
        """Return a ValidatingAdmissionPolicy or a binding of one."""
        return self._send("GET", f"/apis/admissionregistration.k8s.io/v1/{part.value}/{name}", Guarding)

    def endpoint_slices(self, namespace: str, service: str) -> list[EndpointSlice]:
        """Return the EndpointSlices of a Service."""
        path = f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"
        query = {"labelSelector": f"kubernetes.io/service-name={service}"}
        return self._send("GET", path, EndpointSliceList, query=query).items or []

    def policies(self) -> ObjectList:
        """Return every HardeningPolicy."""
        return self._send("GET", POLICIES, ObjectList)

    def exemptions(self, namespace: str | None = None) -> ObjectList:
        """Return every HardeningExemption, or those of one namespace."""
        return self._send("GET", _exemptions(namespace) if namespace else EXEMPTIONS, ObjectList)

    def exemption(self, namespace: str, name: str) -> Json:
        """Return a HardeningExemption."""
        return self._send("GET", f"{_exemptions(namespace)}/{name}", Json)

    def create_exemption(self, namespace: str, exemption: Mapping[str, object], *, dry_run: bool) -> Json:
        """Create a HardeningExemption, or ask whether it would be created, and return it as it is then. Raises Denied."""
        query = {"fieldManager": COMMAND_MANAGER, **({"dryRun": "All"} if dry_run else {})}
        return self._send("POST", _exemptions(namespace), Json, query=query, body=exemption)

    def revoke_exemption(self, namespace: str, name: str) -> Json:
        """Revoke a HardeningExemption. Raises Denied."""
        query = {"fieldManager": COMMAND_MANAGER}
        body = {"spec": {"revoked": True}}
        return self._send("PATCH", f"{_exemptions(namespace)}/{name}", Json, query=query, body=body, content=MERGE)

    def who_am_i(self) -> str:
        """Return the name by which the API server knows this client."""
        return self._review().status.user_info.username

    def server_time(self) -> float | None:
        """Return what time it is for the API server (Unix, seconds); None where it does not say."""
        return read_time(self._review().metadata.creation_timestamp)

    def _review(self) -> SelfSubjectReview:
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        return self._send("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", SelfSubjectReview, body=body)

    def one(self, path: str) -> Json:
        """Return one object."""
        return self._send("GET", path, Json)

    def namespaces(self) -> ObjectList:
        """Return every Namespace."""
        return self._send("GET", NAMESPACES, ObjectList)

    def objects(self, path: str, page_size: int = _PAGE) -> Iterator[Json]:
        """Yield every object under a path, page by page; pages of large objects are better small."""
        rest = ""
        while True:
            query = {"limit": str(page_size), **({"continue": rest} if rest else {})}
            page = self._send("GET", path, ObjectList, query=query)
            yield from page.items or ()
            rest = page.metadata.rest or ""
            if not rest:
                return

    def apply_policy_status(self, policy: Metadata, status: Mapping[str, object]) -> Json:
        """Apply a HardeningPolicy's status: what others have written there stays. Raises Conflict where the policy was made anew."""
        return self._apply_status("HardeningPolicy", f"{POLICIES}/{policy.name}", policy, status)

    def apply_exemption_status(self, exemption: Metadata, status: Mapping[str, object]) -> Json:
        """Apply a HardeningExemption's status, as apply_policy_status does."""
        path = f"{_exemptions(exemption.namespace)}/{exemption.name}"
        return self._apply_status("HardeningExemption", path, exemption, status)

    def create_report(self, report: Mapping[str, object]) -> Json:
        """Create a HardeningReport without its status. Raises Conflict where there is one."""
        return self._send("POST", REPORTS, Json, query={"fieldManager": FIELD_MANAGER}, body=report)

    def change_report(self, name: str, change: Mapping[str, object]) -> Json:
        """Change a HardeningReport but for its status, by a merge patch."""
        query = {"fieldManager": FIELD_MANAGER}
        return self._send("PATCH", f"{REPORTS}/{name}", Json, query=query, body=change, content=MERGE)

    def apply_report_status(self, report: Metadata, status: Mapping[str, object]) -> Json:
        """Apply the operator's part of a HardeningReport's status, as apply_policy_status does."""
        return self._apply_status("HardeningReport", f"{REPORTS}/{report.name}", report, status)

    def delete_report(self, report: Metadata) -> None:
        """Delete a HardeningReport. Raises Conflict where it was made anew meanwhile."""
        self._delete(f"{REPORTS}/{report.name}", report)

    def create_open_report(self, report: Mapping[str, object]) -> Json:
        """Create a ClusterReport of OpenReports. Raises Conflict where there is one of that name."""
        return self._send("POST", OPEN_REPORTS, Json, query={"fieldManager": FIELD_MANAGER}, body=report)

    def change_open_report(self, seen: Metadata, change: Mapping[str, object]) -> Json:
        """Change a ClusterReport as it was seen, by a merge patch. Raises Conflict where it has changed since."""
        return self._merge(f"{OPEN_REPORTS}/{seen.name}", seen, change, Json)

    def delete_open_report(self, report: Metadata) -> None:
        """Delete a ClusterReport. Raises Conflict where it was made anew meanwhile."""
        self._delete(f"{OPEN_REPORTS}/{report.name}", report)

    def create_event(self, event: Mapping[str, object]) -> None:
        """Create an Event about an object without a namespace: those are kept in the namespace default."""
        self._send("POST", f"{NAMESPACES}/default/events", Json, body=event)

    def try_pod(self, namespace: str, pod: Mapping[str, object]) -> None:
        """Ask whether a pod would be admitted; nothing is created. Raises Denied where it would not be."""
        self._send("POST", f"{NAMESPACES}/{namespace}/pods", Json, query={"dryRun": "All"}, body=pod)

    def may_exempt(self, namespace: str, rule: str) -> bool:
        """Return whether this client holds the verb exempt on a rule, as the guard of exemptions asks it."""
        about = {"group": "stridegate.dev", "resource": "hardeningrules"}
        asked = {**about, "namespace": namespace, "name": rule, "verb": "exempt"}
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": asked},
        }
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        return self._send("POST", path, AccessReview, body=body).status.allowed

    def _apply_status(self, kind: str, path: str, metadata: Metadata, status: Mapping[str, object]) -> Json:
        about = {"name": metadata.name, "uid": metadata.uid}
        body = {"apiVersion": API_VERSION, "kind": kind, "metadata": about, "status": status}
        query = {"fieldManager": FIELD_MANAGER, "force": "true"}
        return self._send("PATCH", f"{path}/status", Json, query=query, body=body, content=APPLY)

    def _delete(self, path: str, seen: Metadata) -> None:
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": seen.uid}}
        self._send("DELETE", path, Json, body=body)

    def _merge(self, path: str, seen: Metadata, change: Mapping[str, object], answer: type[T]) -> T:
        metadata = change.get("metadata")
        body = {
            **change,
            "metadata": {
                **(metadata if isinstance(metadata, dict) else {}),
                "resourceVersion": seen.resource_version,
            },
        }
        query = {"fieldManager": FIELD_MANAGER}
        return self._send("PATCH", path, answer, query=query, body=body, content=MERGE)


def _exemptions(namespace: str) -> str:
    return f"/apis/{API_VERSION}/namespaces/{namespace}/hardeningexemptions"
