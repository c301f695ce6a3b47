"""The API server that the webhook reads policies and namespaces from, and what is put into it."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from bench.plain_checks import CHECKS
from bench.plain_patches import MEMORY, SIZE_LIMIT, WRITABLE_PATH
from bench.reviews import NAMESPACE, Object
from localkube.api_server import ApiServer
from stridegate.engine.catalogue import POD_RULES
from stridegate.model.vocabulary import Profile

POLICIES = 200
NAMESPACES = 5000

_KINDS = Path(__file__).parent.parent / "deploy/crds"
_POLICIES = "/apis/stridegate.dev/v1alpha1/hardeningpolicies"
_NAMESPACES = "/api/v1/namespaces"
_CREATED, _EXISTS = 201, 409
_WORKERS = 8


def prepare(server: ApiServer) -> None:
    """Create the kinds, the namespace that reviews come from, and the one policy that selects it."""
    server.kubectl("apply", "--server-side", "-f", str(_KINDS))
    server.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
    _create(server, _POLICIES, [_threat_model()])
    _create(server, _NAMESPACES, [_namespace(NAMESPACE, {})])


def populate(server: ApiServer) -> None:
    """Fill up to 200 policies and 5,000 namespaces: 25 namespaces to a team, and a policy for each team."""
    _create(server, _POLICIES, [_team_policy(number) for number in range(POLICIES - 1)])
    # The API server makes four of its own: default, kube-system, kube-public and kube-node-lease.
    wanted = NAMESPACES - 5
    labels = [{"team": f"team-{number % (POLICIES - 1)}", "tier": "production"} for number in range(wanted)]
    _create(server, _NAMESPACES, [_namespace(f"namespace-{number}", each) for number, each in enumerate(labels)])


def _threat_model() -> Object:
    return _policy(
        NAMESPACE,
        {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": NAMESPACE}},
            "profile": "restricted",
            "action": "deny",
            "patching": "all",
            "rules": _measured_rules(),
        },
    )


def _measured_rules() -> Object:
    """Return what makes a policy ask for what the plain checks check, and for nothing else."""
    rules: Object = {}
    for slug, rule in POD_RULES.items():
        if slug not in CHECKS:
            rules[slug] = {"action": "off"}
        elif rule.profile is Profile.HARDENED:
            rules[slug] = {"action": "deny"}
    rules["unlimited-memory"]["parameters"] = {"default": MEMORY}
    rules["writable-root-filesystem"]["parameters"] = {"paths": [WRITABLE_PATH], "sizeLimit": SIZE_LIMIT}
    return rules


def _team_policy(number: int) -> Object:
    rules: Object = {
        "privileged-container": {"action": "deny"},
        "unlimited-memory": {"parameters": {"default": f"{128 + number}Mi"}},
        "excessive-memory-limit": {"parameters": {"ceiling": "8Gi"}},
    }
    exclusion = {
        "namespaces": [f"namespace-{number}"],
        "workload": {"kind": "DaemonSet", "name": "log-reader"},
        "rules": ["host-path-volume"],
        "reason": "it reads the logs of every pod on the node",
    }
    return _policy(
        f"team-{number}",
        {
            "namespaceSelector": {"matchLabels": {"team": f"team-{number}", "tier": "production"}},
            "profile": ("baseline", "restricted", "hardened")[number % 3],
            "action": ("audit", "warn", "deny")[number % 3],
            "patching": "safe",
            "rules": rules,
            "exclude": [exclusion],
        },
    )


def _policy(name: str, spec: Object) -> Object:
    return {
        "apiVersion": "stridegate.dev/v1alpha1",
        "kind": "HardeningPolicy",
        "metadata": {"name": name},
        "spec": spec,
    }


def _namespace(name: str, labels: dict[str, str]) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def _create(server: ApiServer, path: str, objects: Sequence[Object]) -> None:
    shares = [objects[number::_WORKERS] for number in range(_WORKERS)]
    with ThreadPoolExecutor(_WORKERS) as workers:
        for done in [workers.submit(_post, server, path, share) for share in shares]:
            done.result()


def _post(server: ApiServer, path: str, objects: Sequence[Object]) -> None:
    trust = ssl.create_default_context(cafile=str(server.certificate_authority))
    trust.load_cert_chain(*server.client_certificate)
    connection = http.client.HTTPSConnection(urlsplit(server.url).netloc, context=trust, timeout=30)
    for each in objects:
        connection.request("POST", path, json.dumps(each), {"Content-Type": "application/json"})
        response = connection.getresponse()
        answer = response.read()
        if response.status not in {_CREATED, _EXISTS}:
            raise SystemExit(f"the API server answered {response.status}: {answer.decode()}")
    connection.close()
