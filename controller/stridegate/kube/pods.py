"""Pods as the API server lists them: what rules read of a pod, where it stands, and whether it runs."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from stridegate.kube.shapes import shape_of
from stridegate.model.pods import ObjectMeta, PodTemplate

PODS = "/api/v1/pods"
# Selects what has not ended; whatever the phases of tomorrow are called.
NOT_ENDED = "status.phase!=Succeeded,status.phase!=Failed"

_MIRROR_ANNOTATION = "kubernetes.io/config.mirror"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedMeta(ObjectMeta):
    """metav1.ObjectMeta of an object that is stored."""

    namespace: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PodStatus:
    """v1.PodStatus."""

    phase: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedPod(PodTemplate):
    """v1.Pod."""

    metadata: ListedMeta | None = None
    status: PodStatus | None = None


_pods = msgspec.json.Decoder(shape_of(ListedPod))


def read_pod(raw: msgspec.Raw) -> ListedPod:
    """Return a pod of a page. Raises what UNDECODABLE names."""
    return _pods.decode(raw)


class _Identity(msgspec.Struct, frozen=True, kw_only=True):
    name: str = ""
    namespace: str = ""


class _Identified(msgspec.Struct, frozen=True, kw_only=True):
    metadata: _Identity


_identities = msgspec.json.Decoder(_Identified)


def identity_of(raw: msgspec.Raw) -> tuple[str, str]:
    """Return the namespace and the name of an object that cannot be read as a whole. Raises what UNDECODABLE names."""
    identified = _identities.decode(raw).metadata
    return identified.namespace, identified.name


def runs(pod: ListedPod) -> bool:
    """Whether a pod that has not ended may have running containers: on a node, its init containers run while it is Pending."""
    waiting = pod.status is None or pod.status.phase in {None, "", "Pending"}
    return not waiting or bool(pod.spec and pod.spec.nodeName)


def mirrors(pod: ListedPod) -> bool:
    """Whether a stored pod is the mirror of a static pod: annotated so, on a node, and owned by that node.

    So the kubelet makes them, and the NodeRestriction plugin allows a node no others. Nobody but the API server saw who
    made it; in doubt it is a pod like any other.
    """
    metadata, node = pod.metadata, pod.spec.nodeName if pod.spec else None
    if metadata is None or not node or _MIRROR_ANNOTATION not in (metadata.annotations or {}):
        return False
    owners = metadata.ownerReferences or ()
    return len(owners) == 1 and (owners[0].kind, owners[0].name) == ("Node", node)
