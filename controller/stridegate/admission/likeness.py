"""What makes pods alike: everything that is read of them but the names that each is given anew.

The pods of a workload differ in their own name, and in the one that the API server's ServiceAccount plugin makes up for
the volume of each pod's token. Neither says anything about what a pod may do.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Callable, Iterable
from itertools import pairwise
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec

from stridegate.admission.reviews import GroupVersionKind, GroupVersionResource, Request
from stridegate.kube.shapes import UNDECODABLE, shape_of
from stridegate.model.pods import ObjectMeta, OwnerReference, PodSpec, PodTemplate

_POD = GroupVersionKind("", "v1", "Pod")
_PODS = GroupVersionResource("", "v1", "pods")
_NODES = "system:node:"

_ABSENT = msgspec.Raw(b"")
# The decoder lets no control character through: one stands between the parts of a pod, and one in place of a name.
_BETWEEN = b"\0"
_NAMELESS = b"\1"
# The volume of a token and its mounts, as the plugin makes them (`plugin/pkg/admission/serviceaccount`) and Go writes them.
_NAMED = b'{"name":"'
_BEGUN = b'{"name":"kube-api-access-'
_SUFFIX = re.compile(rb"[a-z0-9]{5}")
_AFTER = (
    b'","projected":{',
    b'","readOnly":true,"mountPath":"/var/run/secrets/kubernetes.io/serviceaccount"}',
)


class Likeness(NamedTuple):
    """What pods that are alike have in common, their namespace and a digest of the rest, and the name that is a pod's own.

    The API server makes up the names of replicas between patching and judging them: first they have none.
    """

    namespace: str
    digest: bytes
    name: str


def likeness_of(request: Request) -> Likeness | None:
    """Return the likeness of a pod that is being created for a workload; None for everything else.

    It stands for all that is read of such a request beside its uid: every field of the pod that the model names, and
    the namespace. A pod of no workload goes by its own name, and what a node asks for depends on which node it is: these
    are like nothing else.
    """
    if request.operation != "CREATE" or request.subResource or request.kind != _POD or request.resource != _PODS:
        return None
    if request.userInfo.username is None or request.userInfo.username.startswith(_NODES):
        return None
    try:
        pod = _outlines.decode(request.object)
        if pod.metadata is None:
            return None
        name = pod.metadata.name or request.name or ""
        if not _belongs(pod.metadata.ownerReferences, name):
            return None
    except UNDECODABLE:
        # Whoever judges the pod says why.
        return None
    parts = [*_of_metadata(pod.metadata), *(_of_spec(pod.spec) if pod.spec is not None else ())]
    digest = hashlib.sha256(_unnamed(_BETWEEN.join(parts))).digest()
    return Likeness(request.namespace or "", digest, name)


def _belongs(references: msgspec.Raw, name: str) -> bool:
    """Whether a pod belongs to a controller, by references that anybody can write, and is not named like one itself."""
    if references == _ABSENT:
        return False
    controller = next((owner for owner in _owners.decode(references) or () if owner.controller), None)
    if controller is None or not controller.kind or not controller.name:
        return False
    return not (name and controller.name.startswith(name))


def _unnamed(whole: bytes) -> bytes:
    """Return a pod without the name of its token's volume, where that is nowhere but as the plugin writes it.

    What is left is alike in two pods only if they differ in this name alone, and it links the same mounts to the volume.
    """
    at = whole.find(_BEGUN)
    suffix = _SUFFIX.match(whole, at + len(_BEGUN)) if at >= 0 else None
    if suffix is None:
        return whole
    around = whole.split(whole[at + len(_NAMED) : suffix.end()])
    for before, after in pairwise(around):
        if not (before.endswith(_NAMED) and after.startswith(_AFTER)):
            return whole
    return _NAMELESS.join(around)


def _outline_of(cls: type, **read: object) -> type:
    """Return a struct with the fields of a model's shape, each as it came but for those that are read."""
    fields = [
        (each.name, read[each.name], None) if each.name in read else (each.name, msgspec.Raw, _ABSENT)
        for each in dataclasses.fields(cls)
    ]
    return msgspec.defstruct(cls.__name__, fields, frozen=True, gc=False)


def _raw_parts(cls: type, *read: str) -> Callable[[Any], Iterable[bytes]]:
    return attrgetter(*(each.name for each in dataclasses.fields(cls) if each.name not in read))


_Metadata = _outline_of(ObjectMeta, name=str | None)
_Spec = _outline_of(PodSpec)
_outlines: msgspec.json.Decoder[Any] = msgspec.json.Decoder(
    _outline_of(PodTemplate, metadata=_Metadata | None, spec=_Spec | None)
)
_owners: msgspec.json.Decoder[Any] = msgspec.json.Decoder(
    tuple.__class_getitem__((shape_of(OwnerReference), ...)) | None
)
_of_metadata = _raw_parts(ObjectMeta, "name")
_of_spec = _raw_parts(PodSpec)
