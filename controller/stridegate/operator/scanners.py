"""Where a scanner is Ready: the pods of the DaemonSets in Stridegate's namespace for them."""

from __future__ import annotations

from msgspec import Struct

from stridegate.kube.reader import Reader

NAMESPACE = "stridegate-scanner"
_PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
_LABELS = "app.kubernetes.io/name=stridegate,app.kubernetes.io/component=scanner"


class _Spec(Struct, frozen=True, kw_only=True, rename="camel"):
    node_name: str = ""


class _Condition(Struct, frozen=True, kw_only=True):
    type: str = ""
    status: str = ""


class _Status(Struct, frozen=True, kw_only=True):
    conditions: list[_Condition] | None = None


class _Pod(Struct, frozen=True, kw_only=True):
    spec: _Spec | None = None
    status: _Status | None = None


async def nodes_with_scanners(reader: Reader) -> frozenset[str]:
    """Return the names of the nodes on which a scanner is Ready. Raises KubeError."""
    found: set[str] = set()
    async for portion in reader.portions(_PODS, _Pod, labels=_LABELS):
        for pod in portion.items:
            conditions = (pod.status.conditions if pod.status else None) or ()
            if pod.spec and any((each.type, each.status) == ("Ready", "True") for each in conditions):
                found.add(pod.spec.node_name)
    return frozenset(found)
