"""The kind HardeningExemption, and objects of it, for the tests that put them to a real API server."""

from __future__ import annotations

import copy
from typing import Any

from charts import KINDS, load
from hardeningpolicies import Client

KIND = load(KINDS / "hardeningexemptions.yaml")
(VERSION,) = KIND["spec"]["versions"]
SCHEMA = VERSION["schema"]["openAPIV3Schema"]
NAMESPACE = "default"
COLLECTION = f"/apis/stridegate.dev/v1alpha1/namespaces/{NAMESPACE}/hardeningexemptions"

_STATUS = {
    "observedGeneration": 1,
    "lastUsed": "2026-11-01T00:00:00Z",
    "conditions": [
        {
            "type": "Active",
            "status": "True",
            "reason": "Active",
            "message": "it ends in 90 days",
            "observedGeneration": 1,
            "lastTransitionTime": "2026-11-01T00:00:00Z",
        }
    ],
}

# Every field that there is, each with a value that is accepted, for a workload and for nodes.
COMPLETE: dict[str, Any] = {
    "apiVersion": "stridegate.dev/v1alpha1",
    "kind": "HardeningExemption",
    "metadata": {"name": "chart-complete", "namespace": NAMESPACE},
    "spec": {
        "rules": ["dangerous-capability"],
        "workload": {"kind": "Deployment", "name": "web"},
        "containers": ["vpn"],
        "values": [
            {"capability": "NET_ADMIN"},
            {"path": "/srv/logs"},
            {"port": 8443},
            {"image": "registry.example/web:1.0"},
            {"memory": "16Gi"},
        ],
        "reason": "VPN sidecar until the mesh is in",
        "expires": "2027-01-31T00:00:00Z",
        "grantedBy": "alice",
        "ticket": "https://tickets.example/4711",
        "owner": "team-web",
        "revoked": False,
    },
    "status": _STATUS,
}
FOR_NODES: dict[str, Any] = {
    **COMPLETE,
    "metadata": {"name": "chart-nodes", "namespace": NAMESPACE},
    "spec": {
        "rules": ["inspected-file-drift"],
        "nodeSelector": {"node-role.kubernetes.io/control-plane": "x"},
        "values": [{"digest": "sha256:0123"}],
        "reason": "patched by hand until the next image",
        "expires": "2027-01-31T00:00:00Z",
        "grantedBy": "alice",
    },
}


def exemption(**spec: object) -> dict[str, Any]:
    """Return an exemption that says as little as it can, and these fields; None takes a field away."""
    made = copy.deepcopy(COMPLETE)
    del made["status"]
    made["metadata"]["name"] = "chart-trial"
    little = {key: made["spec"][key] for key in ("rules", "workload", "reason", "expires", "grantedBy")}
    made["spec"] = {key: value for key, value in {**little, **spec}.items() if value is not None}
    return made


def tried(client: Client, manifest: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Ask what would become of an exemption, strictly, without keeping it."""
    return client.ask("POST", f"{COLLECTION}?dryRun=All&fieldValidation=Strict", manifest)
