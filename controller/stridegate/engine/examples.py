"""What rules show themselves with: a minimal hardened pod, the plainest object of each other kind, and each example laid over it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, cast

from stridegate.model.edits import Json
from stridegate.model.object_views import JobView, PersistentVolumeView, ServiceView
from stridegate.model.rules import AnyRule

JsonMap = dict[str, Json]

# The one container that examples speak of.
CONTAINER: Final = "app"


def hardened_pod() -> JsonMap:
    """Return the smallest pod that breaks no rule, at any level and version."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "example"},
        "spec": {
            "automountServiceAccountToken": False,
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [hardened_container(CONTAINER)],
        },
    }


def hardened_container(name: str) -> JsonMap:
    """Return the smallest container that breaks no rule in such a pod."""
    return {
        "name": name,
        "image": f"registry.example/{name}:1.0",
        "resources": {"limits": {"memory": "64Mi"}, "requests": {"memory": "64Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }


def example_pod(spec: Mapping[str, Json], annotations: Mapping[str, str]) -> JsonMap:
    """Return the hardened pod with an example's spec laid over its own, and the example's annotations."""
    pod = hardened_pod()
    pod["spec"] = overlay(pod["spec"], dict(spec))
    if annotations:
        pod["metadata"] = {"name": "example", "annotations": dict(annotations)}
    return pod


def example_object(rule: AnyRule, spec: Mapping[str, Json]) -> JsonMap:
    """Return an object that is no pod with an example's spec laid over its own; for a connection, the user who asks for it."""
    plain = _PLAIN.get(rule.subject)
    if plain is None:
        return dict(spec)
    return {**plain, "metadata": {"name": "example"}, "spec": overlay(plain["spec"], dict(spec))}


def overlay(under: Json, over: Json) -> Json:
    """Return one value laid over another: null removes a key, maps merge, lists of named maps merge by name, everything else replaces."""
    if isinstance(under, dict) and isinstance(over, dict):
        merged = {**under, **{key: overlay(under.get(key), value) for key, value in over.items()}}
        return {key: value for key, value in merged.items() if value is not None}
    if isinstance(under, list) and isinstance(over, list) and _named(under) and _named(over):
        return _merged(under, over)
    return over


def _named(values: list[Json]) -> bool:
    return bool(values) and all(isinstance(value, dict) and "name" in value for value in values)


def _merged(under: list[Json], over: list[Json]) -> list[Json]:
    by_name: dict[object, Json] = {value["name"]: value for value in under if isinstance(value, dict)}
    for value in over:
        if isinstance(value, dict):
            by_name[value["name"]] = overlay(by_name.get(value["name"]), value)
    return list(by_name.values())


# The plainest object of each kind, by the view that rules judge.
_PLAIN: Mapping[type, JsonMap] = {
    ServiceView: {
        "apiVersion": "v1",
        "kind": "Service",
        "spec": {"selector": {"app": "example"}, "ports": [{"name": "http", "port": 80}]},
    },
    PersistentVolumeView: {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "spec": {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
            "csi": {"driver": "storage.example", "volumeHandle": "example"},
        },
    },
    JobView: {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "spec": {
            "backoffLimit": 0,
            "template": {"spec": {**cast("JsonMap", hardened_pod()["spec"]), "restartPolicy": "Never"}},
        },
    },
}
