"""What a review is about: which kinds embed a pod and where, and the pods of a request, old and new."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from stridegate.engine.workloads import workload_of
from stridegate.kube.shapes import shape_of
from stridegate.model.places import Pointer
from stridegate.model.pods import ObjectMeta, PodTemplate
from stridegate.model.policies import Workload
from stridegate.model.settings import Setting
from stridegate.webhook.errors import UnknownSubject
from stridegate.webhook.reviews import GroupVersionResource, Request, read_object

# The field names are Kubernetes' own.
# ruff: noqa: N815

_NO_METADATA = ObjectMeta()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Templated:
    """The spec of whatever has a pod template directly in it."""

    template: PodTemplate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Workload:
    """apps/v1 and batch/v1 workloads, and v1.ReplicationController."""

    metadata: ObjectMeta | None = None
    spec: _Templated | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _JobTemplate:
    """batch/v1.JobTemplateSpec."""

    spec: _Templated | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Schedule:
    """batch/v1.CronJobSpec."""

    jobTemplate: _JobTemplate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _CronJob:
    """batch/v1.CronJob."""

    metadata: ObjectMeta | None = None
    spec: _Schedule | None = None


@dataclass(frozen=True, slots=True)
class Embedded:
    """An object's own metadata, and the pod in it; a workload without a template has none."""

    metadata: ObjectMeta
    template: PodTemplate | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind that is judged: its name, where in it the pod stands, and how it is read."""

    name: str
    prefix: Pointer
    read: Callable[[msgspec.Raw, str], Embedded]

    @property
    def templated(self) -> bool:
        """Whether the pod is one that will be made from a template."""
        return bool(self.prefix)

    def new(self, request: Request) -> Embedded:
        """Return the object as it is to become. Raises UnreadableObject."""
        return self.read(request.object, "object")

    def old(self, request: Request) -> Embedded:
        """Return the object as it was. Raises UnreadableObject, also where a request has none."""
        return self.read(request.oldObject, "oldObject")

    def workload(self, metadata: ObjectMeta) -> Workload:
        """Return the workload that people know the object by: its owner, or itself."""
        owner = workload_of(metadata)
        return Workload(self.name, owner.name) if owner.kind == "Pod" else owner


def _pods() -> Kind:
    decoder = msgspec.json.Decoder(shape_of(PodTemplate))

    def read(raw: msgspec.Raw, field: str) -> Embedded:
        pod = read_object(raw, decoder, kind="Pod", field=field)
        return Embedded(pod.metadata or _NO_METADATA, pod)

    return Kind(name="Pod", prefix=(), read=read)


def _workloads(name: str) -> Kind:
    decoder = msgspec.json.Decoder(shape_of(_Workload))

    def read(raw: msgspec.Raw, field: str) -> Embedded:
        workload = read_object(raw, decoder, kind=name, field=field)
        return Embedded(workload.metadata or _NO_METADATA, workload.spec.template if workload.spec else None)

    return Kind(name=name, prefix=("spec", "template"), read=read)


def _cron_jobs() -> Kind:
    decoder = msgspec.json.Decoder(shape_of(_CronJob))

    def read(raw: msgspec.Raw, field: str) -> Embedded:
        job = read_object(raw, decoder, kind="CronJob", field=field)
        runs = job.spec.jobTemplate if job.spec else None
        return Embedded(job.metadata or _NO_METADATA, runs.spec.template if runs and runs.spec else None)

    return Kind(name="CronJob", prefix=("spec", "jobTemplate", "spec", "template"), read=read)


POD = _pods()
_KINDS: dict[tuple[str, str, str], Kind] = {
    ("", "v1", "pods"): POD,
    ("", "v1", "replicationcontrollers"): _workloads("ReplicationController"),
    ("apps", "v1", "deployments"): _workloads("Deployment"),
    ("apps", "v1", "statefulsets"): _workloads("StatefulSet"),
    ("apps", "v1", "daemonsets"): _workloads("DaemonSet"),
    ("apps", "v1", "replicasets"): _workloads("ReplicaSet"),
    ("batch", "v1", "jobs"): _workloads("Job"),
    ("batch", "v1", "cronjobs"): _cron_jobs(),
}

# The subresources of pods that carry no pod and change nothing that rules read.
_PODS = GroupVersionResource("", "v1", "pods")
_IGNORED_SUBRESOURCES = frozenset({"status", "binding", "eviction", "log", "proxy", "portforward"})


_MIRROR_ANNOTATION = "kubernetes.io/config.mirror"


def ignored_subresource(request: Request) -> bool:
    """Whether a request is about a subresource of pods that has nothing to judge."""
    return request.subResource in _IGNORED_SUBRESOURCES and request.resource == _PODS


def setting_of(request: Request, kind: Kind, template: PodTemplate) -> Setting:
    """Return where the pod of a request stands."""
    return Setting(
        namespace=request.namespace or "",
        template=kind.templated,
        creating=request.operation == "CREATE",
        mirror=_mirrored(request, template),
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


def kind_of(request: Request) -> Kind:
    """Return the kind that a request is about.

    Raises UnknownSubject where the resource is none that embeds a pod, or where the object of a subresource is of
    another kind than its resource (a Scale, an Eviction): decoded as a pod it would look harmless.
    """
    resource = request.resource
    kind = _KINDS.get((resource.group, resource.version, resource.resource))
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
