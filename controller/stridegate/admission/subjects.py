"""What a review is about: the kind of its object, where it stands, and what people call it."""

from __future__ import annotations

from stridegate.admission.errors import UnknownSubject
from stridegate.admission.kinds import KINDS, POD, Kind, Kinds
from stridegate.admission.reviews import GroupVersionResource, Request
from stridegate.model.pods import ObjectMeta, PodTemplate
from stridegate.model.settings import Setting

# The subresources of pods that carry no pod and change nothing that rules read.
_PODS = GroupVersionResource("", "v1", "pods")
_PERSISTENT_VOLUMES = GroupVersionResource("", "v1", "persistentvolumes")
_IGNORED_SUBRESOURCES = frozenset({"status", "binding", "eviction", "log", "proxy", "portforward"})
_MIRROR_ANNOTATION = "kubernetes.io/config.mirror"


def ignored_subresource(request: Request) -> bool:
    """Whether a request is about a subresource of pods that has nothing to judge."""
    return request.subResource in _IGNORED_SUBRESOURCES and request.resource == _PODS


def scope_of(request: Request) -> str | None:
    """Return the namespace that a request is about; None for a kind that belongs to no namespace."""
    return None if request.resource == _PERSISTENT_VOLUMES else request.namespace or ""


def setting_of(request: Request, kind: Kind, template: PodTemplate | None) -> Setting:
    """Return where the object of a request stands."""
    return Setting(
        namespace=request.namespace or "",
        template=kind.templated,
        creating=request.operation == "CREATE",
        mirror=template is not None and _mirrored(request, template),
    )


def _mirrored(request: Request, template: PodTemplate) -> bool:
    """Whether a pod is the mirror of a static pod: annotated so, by a node, about itself.

    The annotation alone, from anyone else, is an ordinary pod's (the NodeRestriction plugin checks the same).
    """
    annotations = template.metadata.annotations if template.metadata else None
    if not annotations or _MIRROR_ANNOTATION not in annotations:
        return False
    node = template.spec.nodeName if template.spec else None
    user = request.userInfo
    return bool(node) and user.username == f"system:node:{node}" and "system:nodes" in (user.groups or ())


def kind_of(request: Request, kinds: Kinds = KINDS) -> Kind:
    """Return the kind that a request is about.

    Raises UnknownSubject where the resource is none that is judged, or where the object of a subresource is of another
    kind than its resource (a Scale, an Eviction): decoded as a pod it would look harmless.
    """
    resource = request.resource
    kind = kinds.get((resource.group, resource.version, resource.resource))
    if kind is POD and request.subResource:
        kind = kinds.get((resource.group, resource.version, f"{resource.resource}/{request.subResource}"), POD)
    if kind is None or (request.kind.kind, request.kind.group) != (kind.name, resource.group):
        raise UnknownSubject(described(request), request.operation[:20] or "an unnamed operation")
    return kind


def described(request: Request) -> str:
    """Return what a request is about, for people: group, resource, subresource and the kind of the object."""
    resource = "/".join(filter(None, (request.resource.group, request.resource.resource, request.subResource)))
    return f"{resource[:120]} ({request.kind.kind[:60] or 'no kind'})"


def named(request: Request, metadata: ObjectMeta) -> str:
    """Return the object's name; where the API server has yet to make one up, what it begins with."""
    name = metadata.name or request.name
    if name:
        return name
    return f"{metadata.generateName}…" if metadata.generateName else ""
