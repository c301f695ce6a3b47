"""A HardeningPolicy with every field, as an object of the API server, and what may be changed in it."""

from __future__ import annotations

import copy
from typing import Any

COMPLETE: dict[str, Any] = {
    "apiVersion": "stridegate.dev/v1alpha1",
    "kind": "HardeningPolicy",
    "metadata": {"name": "production", "generation": 3},
    "spec": {
        "namespaceSelector": {
            "matchLabels": {"tier": "production"},
            "matchExpressions": [
                {"key": "team", "operator": "In", "values": ["a", "b"]},
                {"key": "example.com/trial", "operator": "DoesNotExist"},
            ],
        },
        "profile": "restricted",
        "action": "warn",
        "patching": "safe",
        "templates": "deny",
        "podSecurityVersion": "v1.30",
        "rulesVersion": "v0.3",
        "rules": {
            "unlimited-memory": {"action": "deny", "parameters": {"default": "256Mi"}},
            "excessive-memory-limit": {"parameters": {"ceiling": 8589934592}},
            "writable-root-filesystem": {"override": True, "parameters": {"paths": ["/scratch"], "sizeLimit": "64Mi"}},
            "container-runtime-socket": {"parameters": {"sockets": ["/run/user/*/engine.sock"]}},
            "untrusted-registry": {"parameters": {"allow": ["*.registry.example:5000/team", "[2001:db8::1]/x"]}},
            "mutable-image-tag": {"parameters": {"tags": ["stable"]}},
            "system-priority-class": {"parameters": {"namespaces": ["node-agents"]}},
            "overlong-projected-token": {"parameters": {"maximumSeconds": 3600}},
            "exec-into-privileged-pod": {
                "parameters": {"namespaces": ["vault"], "groups": ["vault:keepers", "system:masters"]}
            },
        },
        "exclude": [
            {
                "namespaces": ["node-agents"],
                "workload": {"kind": "DaemonSet", "name": "log-reader"},
                "containers": ["reader"],
                "rules": ["host-path-volume"],
                "reason": "reads logs",
            },
            {"namespaces": ["a", "b"], "reason": "being retired"},
        ],
    },
}


def changed(path: str, value: object) -> dict[str, Any]:
    """Return the complete policy with one field set; a number in the path is an index."""
    obj = copy.deepcopy(COMPLETE)
    *parents, last = [int(part) if part.isdecimal() else part for part in path.split("/")]
    place: Any = obj
    for part in parents:
        place = place[part]
    place[last] = value
    return obj
