"""Pods of one Deployment, and requests to create them as the API server's encoder writes those."""

from __future__ import annotations

import copy
import json
from typing import Any, cast

from reviewing import Asked, pod
from stridegate.admission.reviews import Request, read_review
from stridegate.engine.examples import JsonMap

REPLICA_SET: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "ReplicaSet",
    "name": "web-5d4f",
    "uid": "1",
    "controller": True,
}
OWNED: dict[str, Any] = {"labels": {"pod-template-hash": "5d4f"}, "ownerReferences": [REPLICA_SET]}
CONTROLLER = "system:serviceaccount:kube-system:replicaset-controller"


def sent(document: JsonMap, **about: Any) -> Request:  # noqa: ANN401 - whatever may vary about a request
    """Return a request as the API server's encoder writes it."""
    asked = Asked(object=document, **({"user": CONTROLLER, "name": ""} | about))
    return read_review(json.dumps(asked.document(), separators=(",", ":")).encode())


def replica(suffix: str, over: JsonMap | None = None, **metadata: Any) -> JsonMap:  # noqa: ANN401 - any metadata
    """Return a pod of the Deployment `web`."""
    return pod(over, **{**OWNED, "name": f"web-5d4f-{suffix}", "uid": suffix, **metadata})


def with_token(document: JsonMap, name: str) -> JsonMap:
    """Return a pod with the volume of a token, as the ServiceAccount plugin writes it."""
    made: Any = copy.deepcopy(document)
    source = {"sources": [{"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}}], "defaultMode": 420}
    made["spec"].setdefault("volumes", []).append({"name": name, "projected": source})
    path = "/var/run/secrets/kubernetes.io/serviceaccount"
    for each in made["spec"]["containers"]:
        each.setdefault("volumeMounts", []).append({"name": name, "readOnly": True, "mountPath": path})
    return cast("JsonMap", made)
