"""The kind HardeningPolicy, and objects of it, for the tests that put them to a real API server."""

from __future__ import annotations

import copy
import http.client
import json
import ssl
from typing import Any
from urllib.parse import urlsplit

from charts import KINDS, load
from localkube.api_server import ApiServer

KIND = load(KINDS / "hardeningpolicies.yaml")
(VERSION,) = KIND["spec"]["versions"]
SCHEMA = VERSION["schema"]["openAPIV3Schema"]
COLLECTION = "/apis/stridegate.dev/v1alpha1/hardeningpolicies"

# Every field that there is, each with a value that is accepted.
COMPLETE: dict[str, Any] = {
    "apiVersion": "stridegate.dev/v1alpha1",
    "kind": "HardeningPolicy",
    "metadata": {"name": "chart-complete"},
    "spec": {
        "namespaceSelector": {
            "matchLabels": {"kubernetes.io/metadata.name": "chart-kinds"},
            "matchExpressions": [{"key": "tier", "operator": "In", "values": ["production"]}],
        },
        "profile": "hardened",
        "action": "warn",
        "patching": "safe",
        "templates": "deny",
        "podSecurityVersion": "v1.36",
        "rulesVersion": "v0.1",
        "rules": {
            "unlimited-memory": {"action": "deny", "override": True, "parameters": {"default": "256Mi"}},
            "excessive-memory-limit": {"parameters": {"ceiling": "8Gi"}},
            "writable-root-filesystem": {
                "parameters": {"paths": ["/tmp"], "sizeLimit": "64Mi"},  # noqa: S108 - a path in a container
            },
            "container-runtime-socket": {"parameters": {"sockets": ["/run/user/*/engine.sock"]}},
            "untrusted-registry": {"parameters": {"allow": ["*.registry.example:5000/team"]}},
            "mutable-image-tag": {"parameters": {"tags": ["stable"]}},
            "system-priority-class": {"parameters": {"namespaces": ["node-agents"]}},
            "overlong-projected-token": {"parameters": {"maximumSeconds": 7200}},
            "exec-into-privileged-pod": {"parameters": {"namespaces": ["vault"], "groups": ["vault-keepers"]}},
        },
        "exclude": [
            {
                "namespaces": ["node-agents"],
                "workload": {"kind": "DaemonSet", "name": "log-reader"},
                "containers": ["reader"],
                "rules": ["host-path-volume"],
                "reason": "reads logs",
            }
        ],
    },
    "status": {
        "observedGeneration": 1,
        "namespaces": 14,
        "wouldDeny": 3,
        "auditedAt": "2026-11-01T00:00:00Z",
        "worst": [{"namespace": "shop", "kind": "Deployment", "name": "web", "rules": ["possible-root-user"]}],
        "conditions": [
            {
                "type": "Enforcing",
                "status": "True",
                "reason": "Enforcing",
                "message": "dry-runs are refused",
                "observedGeneration": 1,
                "lastTransitionTime": "2026-11-01T00:00:00Z",
            }
        ],
    },
}


class Client:
    """Speaks JSON with an API server as its administrator."""

    def __init__(self, server: ApiServer) -> None:
        trust = ssl.create_default_context(cafile=str(server.certificate_authority))
        trust.load_cert_chain(*server.client_certificate)
        self._connection = http.client.HTTPSConnection(urlsplit(server.url).netloc, context=trust, timeout=20)

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, dict[str, Any]]:
        """Return the status code and the object, or the Status, that the server answers."""
        self._connection.request(
            method, path, body=None if body is None else json.dumps(body), headers={"Content-Type": "application/json"}
        )
        response = self._connection.getresponse()
        return response.status, json.loads(response.read())

    def close(self) -> None:
        self._connection.close()


def policy(**spec: object) -> dict[str, Any]:
    """Return a policy that says as little as it can, and these fields."""
    made = copy.deepcopy(COMPLETE)
    del made["status"]
    made["metadata"]["name"] = "chart-trial"
    made["spec"] = {"profile": "baseline", "action": "audit", **spec}
    return made


def tried(client: Client, manifest: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Ask what would become of an object, strictly, without keeping it."""
    return client.ask("POST", f"{COLLECTION}?dryRun=All&fieldValidation=Strict", manifest)


def rule(slug: str, **parameters: object) -> dict[str, object]:
    """Return the fields of a policy that gives one rule these parameters."""
    return {"rules": {slug: {"parameters": parameters}}}
