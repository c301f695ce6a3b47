"""Putting a replica on this machine behind a real API server, for one namespace."""

from __future__ import annotations

import base64
import json
from typing import Any

from authorities import Authority
from localkube.api_server import ApiServer

SERVICE = "stridegate-webhook"


def created(server: ApiServer, *documents: dict[str, Any]) -> None:
    """Create or change objects."""
    for document in documents:
        server.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(document))


def configuration(kind: str, path: str, policy: str, *, name: str, shop: str, authority: Authority) -> dict[str, Any]:
    """Return a webhook configuration for the pods of one namespace, which calls the Service in the namespace `<name>-system`."""
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": f"{kind}WebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": [
            {
                "name": f"pods{path.replace('/', '.')}.stridegate.dev",
                "admissionReviewVersions": ["v1"],
                "sideEffects": "None",
                "failurePolicy": policy,
                "timeoutSeconds": 3,
                "clientConfig": {
                    "service": {"namespace": f"{name}-system", "name": SERVICE, "path": path, "port": 443},
                    "caBundle": base64.b64encode(authority.bundle).decode(),
                },
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": shop}},
                "rules": [
                    {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]},
                ],
            }
        ],
    }


def service(namespace: str, address: str, port: int) -> tuple[dict[str, Any], ...]:
    """Return a Service that leads to a process on this machine."""
    metadata = {"name": SERVICE, "namespace": namespace, "labels": {"kubernetes.io/service-name": SERVICE}}
    ports = [{"name": "https", "port": 443, "targetPort": port}]
    return (
        {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": ports}},
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": metadata,
            "addressType": "IPv4",
            "ports": [{"name": "https", "port": port}],
            "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
        },
    )
