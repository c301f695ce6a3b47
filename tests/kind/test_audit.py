"""What already runs is audited: the number to bring to zero before warnings become denials."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest

from installations import Installation
from localkube.installation import IMAGE

pytestmark = pytest.mark.kind

_DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {
                "hostPID": True,
                "containers": [{"name": "web", "image": IMAGE, "command": ["python3", "-m", "http.server", "8080"]}],
            },
        },
    },
}


def test_a_running_workload_that_would_not_come_back_is_counted_and_named(
    stridegate: Installation, namespace: str, policy: Callable[..., str]
) -> None:
    stridegate.kubectl("-n", namespace, "apply", "-f", "-", stdin=json.dumps(_DEPLOYMENT))
    stridegate.kubectl("-n", namespace, "rollout", "status", "deployment/web", "--timeout=120s")

    name = policy(profile="baseline", action="warn")

    status = _audited(stridegate, name)
    assert status["wouldDeny"] == 1
    assert status["worst"] == [{"namespace": namespace, "kind": "Deployment", "name": "web", "rules": ["host-pid"]}]


def _audited(stridegate: Installation, policy: str) -> dict[str, object]:
    """Return a policy's status once the audit has written its part."""
    deadline = time.monotonic() + 180
    while True:
        status: dict[str, object] = json.loads(stridegate.kubectl("get", "hpol", policy, "-o", "json"))["status"]
        if "auditedAt" in status:
            return status
        assert time.monotonic() < deadline, status
        time.sleep(1)
