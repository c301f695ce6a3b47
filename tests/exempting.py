"""A real API server with the kind, the guard and the roles of the chart, and people who ask it for exemptions."""

from __future__ import annotations

import datetime as dt
import http.client
import json
import ssl
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from charts import KINDS, Rendered
from localkube.api_server import ApiServer

GROUP = "/apis/stridegate.dev/v1alpha1"
ROLES = "/apis/rbac.authorization.k8s.io/v1"
# What Kubernetes lets take part in its own roles `edit` and `admin` by a controller, which a bare API server lacks.
AGGREGATED = {
    "edit": ("aggregate-to-edit", "aggregate-to-view"),
    "admin": ("aggregate-to-admin", "aggregate-to-edit", "aggregate-to-view"),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API server says: its code, and the object or the Status."""

    code: int
    body: dict[str, Any]

    @property
    def message(self) -> str:
        """The sentence of a refusal."""
        said: str = self.body.get("message", "")
        return said


class Cluster:
    """The API server, asked by different people."""

    def __init__(self, server: ApiServer) -> None:
        self.server = server
        trust = ssl.create_default_context(cafile=str(server.certificate_authority))
        trust.load_cert_chain(*server.client_certificate)
        self._connection = http.client.HTTPSConnection(urlsplit(server.url).netloc, context=trust, timeout=20)

    def install(self, release: Rendered) -> None:
        """Apply what the chart has about exemptions, and wait until it holds."""
        self.server.kubectl("apply", "--server-side", "-f", str(KINDS))
        self.server.kubectl("wait", "--for=condition=Established", "crd", "--all")
        parts = [
            each
            for each in release.manifests
            if each["metadata"]["labels"].get("app.kubernetes.io/component") == "exemptions"
        ]
        self.server.kubectl(
            "apply", "--server-side", "--validate=strict", "-f", "-",
            stdin="\n---\n".join(json.dumps(each) for each in parts),
        )  # fmt: skip

    def wait_for_the_guard(self, namespace: str) -> None:
        """Wait until the API server asks the guard: it learns of new policies a moment later."""
        deadline = time.monotonic() + 20
        while self.grant(namespace, exemption("forged"), "", "").code != 403:
            assert time.monotonic() < deadline, "the guard is not asked"
            time.sleep(0.1)

    def ask(
        self, method: str, path: str, body: object = None, who: str = "", group: str = "", content: str = "json"
    ) -> Answer:
        """Ask as somebody, without a name as the administrator."""
        headers = {"Content-Type": f"application/{content}", "Accept": "application/json"}
        headers |= {"Impersonate-User": who} if who else {}
        headers |= {"Impersonate-Group": group} if group else {}
        self._connection.request(method, path, body=None if body is None else json.dumps(body), headers=headers)
        response = self._connection.getresponse()
        return Answer(response.status, json.loads(response.read()))

    def grant(self, namespace: str, exemption: dict[str, Any], who: str = "", group: str = "") -> Answer:
        """Create an exemption as somebody."""
        return self.ask("POST", f"{GROUP}/namespaces/{namespace}/hardeningexemptions", exemption, who, group)

    def change(self, exemption: dict[str, Any], change: dict[str, Any], who: str = "", part: str = "") -> Answer:
        """Change an exemption, or a part of it such as /status, as somebody, by a merge patch."""
        metadata = exemption["metadata"]
        path = f"{GROUP}/namespaces/{metadata['namespace']}/hardeningexemptions/{metadata['name']}{part}"
        return self.ask("PATCH", path, change, who, content="merge-patch+json")

    def close(self) -> None:
        self._connection.close()


def ahead(**time: float) -> str:
    """Return a time from now, as exemptions write it."""
    return (dt.datetime.now(dt.UTC) + dt.timedelta(**time)).strftime("%Y-%m-%dT%H:%M:%SZ")


def exemption(granted_by: str, *rules: str, name: str = "", **spec: object) -> dict[str, Any]:
    """Return an exemption that is as it should be, but for the fields that are given; None leaves one out."""
    wanted = {
        "rules": list(rules or ("privileged-container",)),
        "workload": {"kind": "Deployment", "name": "web"},
        "reason": "until the mesh is in place",
        "expires": ahead(days=30),
        "grantedBy": granted_by,
        **spec,
    }
    return {
        "apiVersion": "stridegate.dev/v1alpha1",
        "kind": "HardeningExemption",
        "metadata": {"name": name} if name else {"generateName": "trial-"},
        "spec": {key: value for key, value in wanted.items() if value is not None},
    }


def role(name: str, namespace: str, *rules: dict[str, Any], bound_to: dict[str, str]) -> list[dict[str, Any]]:
    """Return a Role and the RoleBinding that gives it to somebody."""
    about = {"name": name, "namespace": namespace}
    return [
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": about, "rules": list(rules)},
        binding(name, namespace, {"kind": "Role", "name": name}, bound_to),
    ]


def binding(name: str, namespace: str, reference: dict[str, str], subject: dict[str, str]) -> dict[str, Any]:
    """Return a RoleBinding that gives a role to somebody."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": name, "namespace": namespace},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", **reference},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", **subject}],
    }


def user(name: str) -> dict[str, str]:
    return {"kind": "User", "name": name}


def members(name: str) -> dict[str, str]:
    return {"kind": "Group", "name": name}
