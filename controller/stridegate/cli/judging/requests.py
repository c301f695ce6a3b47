"""From an object to the request in which the API server would show it to a webhook: its creation, as kubectl would send it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from stridegate.admission.kinds import Kind, Kinds
from stridegate.admission.reviews import (
    API_VERSION,
    KIND,
    GroupVersionKind,
    GroupVersionResource,
    Request,
    UserInfo,
    read_review,
)
from stridegate.cli.judging.defaults import defaulted

if TYPE_CHECKING:
    from collections.abc import Sequence

# Who asks makes no difference to what is made of an object.
SOMEBODY = UserInfo("stridegate-check", ("system:authenticated",))
_UID = "stridegate-check"
_CLUSTER_SCOPED = frozenset({"PersistentVolume"})
# Versions of judged kinds that no Kubernetes serves any more, with what it serves instead.
_GONE = {
    ("extensions", "v1beta1"): "apps/v1",
    ("apps", "v1beta1"): "apps/v1",
    ("apps", "v1beta2"): "apps/v1",
    ("batch", "v1beta1"): "batch/v1",
    ("batch", "v2alpha1"): "batch/v1",
}

_encode = msgspec.json.encode


@dataclass(frozen=True, slots=True)
class Judged:
    """A kind that is judged, and the resource that the API server knows it by."""

    kind: Kind
    resource: GroupVersionResource

    @property
    def namespaced(self) -> bool:
        """Whether its objects belong to namespaces."""
        return self.kind.name not in _CLUSTER_SCOPED


class Roster:
    """The kinds that are judged, by what manifests call them."""

    def __init__(self, kinds: Kinds) -> None:
        self._known = {
            (group, version, kind.name): Judged(kind, GroupVersionResource(group, version, resource))
            for (group, version, resource), kind in kinds.items()
        }
        self._names = {name for _, _, name in self._known}

    def judged(self, api_version: str, kind: str) -> Judged | None:
        """Return the kind of an object, None where no rule looks at such objects."""
        return self._known.get((*_parted(api_version), kind))

    def served_instead(self, api_version: str, kind: str) -> str | None:
        """Return the version to write in place of one that is not served any more; None for any other."""
        return _GONE.get(_parted(api_version)) if kind in self._names else None

    def half_named(self, api_version: str, kind: str) -> bool:
        """Whether something names a kind that is judged, and no version of it."""
        return not api_version and kind in self._names


def _parted(api_version: str) -> tuple[str, str]:
    group, _, version = api_version.rpartition("/")
    return group, version


def creation(obj: Mapping[str, object], judged: Judged, namespace: str, user: UserInfo = SOMEBODY) -> Request:
    """Return the request that creates an object in a namespace, with what the API server fills in before it asks."""
    metadata = obj.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    resource = judged.resource
    return Request(
        uid=_UID,
        kind=GroupVersionKind(resource.group, resource.version, judged.kind.name),
        resource=resource,
        name=name if isinstance(name, str) else None,
        namespace=namespace if judged.namespaced else None,
        operation="CREATE",
        userInfo=user,
        object=msgspec.Raw(_encode(defaulted(obj, judged.kind.prefix) if _embeds(judged.kind) else obj)),
    )


def _embeds(kind: Kind) -> bool:
    return bool(kind.prefix) or kind.name == "Pod"


def asked(request: Mapping[str, object]) -> Request:
    """Return the request of an AdmissionReview, as the webhook reads it. Raises UnreadableReview."""
    return read_review(_encode({"apiVersion": API_VERSION, "kind": KIND, "request": request}))


def patched(request: Request, patch: bytes) -> Request:
    """Return a request after the operations of a mutation: the object that is validated next."""
    obj = msgspec.json.decode(request.object)
    for operation in msgspec.json.decode(patch):
        _apply(obj, operation)
    return msgspec.structs.replace(request, object=msgspec.Raw(_encode(obj)))


def _apply(obj: Any, operation: Mapping[str, Any]) -> None:  # noqa: ANN401 - any JSON
    """Make one operation of RFC 6902 of the kinds that mutation writes: they always apply to the object they were made for."""
    parts: Sequence[str] = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]]
    for part in parts[:-1]:
        obj = obj[int(part)] if isinstance(obj, list) else obj[part]
    last = parts[-1]
    if operation["op"] == "remove":
        del obj[int(last) if isinstance(obj, list) else last]
    elif isinstance(obj, list) and operation["op"] == "add":
        obj.insert(len(obj) if last == "-" else int(last), operation["value"])
    else:
        obj[int(last) if isinstance(obj, list) else last] = operation["value"]
