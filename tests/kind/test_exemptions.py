"""An exemption as a team asks for it, a security engineer grants it and takes it back, on a real cluster."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable

import pytest

from installations import Installation
from localkube.installation import IMAGE

pytestmark = pytest.mark.kind

_CONTAINER = {
    "name": "vpn",
    "image": IMAGE,
    "command": ["python3", "-m", "http.server", "8080"],
    "securityContext": {"capabilities": {"add": ["NET_ADMIN"]}},
}
_DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {
        "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [_CONTAINER]}},
    },
}
_REFUSED = ("wait", "--for=condition=ReplicaFailure", "deployment/web", "--timeout=60s")
_WHY = "jsonpath={.status.conditions[?(@.type=='ReplicaFailure')].message}"


def run(stridegate: Installation, *arguments: str) -> str:
    """Run a command of ours as the cluster's administrator."""
    done = subprocess.run(
        [sys.executable, "-m", "stridegate", *arguments, "--kubeconfig", str(stridegate.cluster.kubeconfig)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_exemption_that_a_denial_names_lets_the_workload_run_until_it_is_revoked(
    stridegate: Installation, namespace: str, policy: Callable[..., str]
) -> None:
    policy(profile="baseline", action="deny")
    there = ("-n", namespace)
    stridegate.kubectl(*there, "apply", "-f", "-", stdin=json.dumps(_DEPLOYMENT))
    stridegate.kubectl(*there, *_REFUSED)
    told = stridegate.kubectl(*there, "get", "deployment", "web", "-o", _WHY)
    named = re.search(r"exempt: stridegate (exemption create [^·]*) ·", told)
    assert named is not None, told

    grant = (*shlex.split(named[1]), *there, "--value", "capability=NET_ADMIN", "--reason", "until the mesh is in")
    run(stridegate, *grant, "--expires", "1d", "--yes")
    stridegate.kubectl(*there, "rollout", "restart", "deployment/web")
    stridegate.kubectl(*there, "rollout", "status", "deployment/web", "--timeout=120s")

    (listed,) = stridegate.kubectl(*there, "get", "hex", "--no-headers").splitlines()
    assert "kubernetes-admin" in listed

    run(stridegate, "exemption", "revoke", listed.split()[0], *there, "--yes")
    stridegate.kubectl(*there, "delete", "pods", "-l", "app=web", "--wait=false")
    stridegate.kubectl(*there, *_REFUSED)

    assert "dangerous-capability" in stridegate.kubectl(*there, "get", "deployment", "web", "-o", _WHY)
