"""Service accounts as clients: a kubeconfig with a token of one."""

from __future__ import annotations

import json
from pathlib import Path

from localkube.api_server import ApiServer


def kubeconfig(server: ApiServer, path: Path, namespace: str, account: str) -> Path:
    """Write a kubeconfig whose user is a service account, and return its path; the account must be there."""
    token = server.kubectl("--namespace", namespace, "create", "token", account).strip()
    cluster = {"server": server.url, "certificate-authority": str(server.certificate_authority)}
    context = {"cluster": "c", "user": "u", "namespace": namespace}
    path.write_text(
        json.dumps(
            {
                "clusters": [{"name": "c", "cluster": cluster}],
                "users": [{"name": "u", "user": {"token": token}}],
                "contexts": [{"name": "x", "context": context}],
                "current-context": "x",
            }
        )
    )
    return path
