"""The kinds that are judged: how each is read, where in it a pod stands, and what of it rules judge beside that."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from stridegate.admission.errors import BadEmbedder
from stridegate.admission.reviews import Request, read_object
from stridegate.engine.workloads import workload_of
from stridegate.kube.shapes import shape_of
from stridegate.model.object_views import ConnectionView, JobView, ObjectView, PersistentVolumeView, ServiceView
from stridegate.model.objects import Connection, CronJob, Hold, Job, JobSpec, PersistentVolume, Service
from stridegate.model.places import Pointer
from stridegate.model.pods import ObjectMeta, PodTemplate
from stridegate.model.policies import Workload

_NO_METADATA = ObjectMeta()
_CHANGES = frozenset({"CREATE", "UPDATE"})


@dataclass(frozen=True, slots=True)
class Content:
    """What a request puts before the rules: an object's metadata, the pod in it, and the view of what is judged beside a pod.

    A workload without a template has no pod, and most kinds have nothing but one.
    """

    metadata: ObjectMeta
    template: PodTemplate | None = None
    own: ObjectView | None = None

    @property
    def empty(self) -> bool:
        """Whether there is nothing to judge."""
        return self.template is None and self.own is None


Reading = Callable[[Request, msgspec.Raw, str], Content]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind that is judged.

    `name` is what the API server calls its objects, `noun` what people are told that a request is about. `prefix` says
    where in it the pod stands.
    """

    name: str
    read: Reading
    prefix: Pointer = ()
    noun: str = ""
    operations: frozenset[str] = _CHANGES

    @property
    def templated(self) -> bool:
        """Whether the pod is one that will be made from a template."""
        return bool(self.prefix)

    @property
    def called(self) -> str:
        """What people are told that a request is about."""
        return self.noun or self.name

    def new(self, request: Request) -> Content:
        """Return the object as it is to become. Raises UnreadableObject."""
        return self.read(request, request.object, "object")

    def old(self, request: Request) -> Content:
        """Return the object as it was. Raises UnreadableObject, also where a request has none."""
        return self.read(request, request.oldObject, "oldObject")

    def workload(self, metadata: ObjectMeta) -> Workload:
        """Return the workload that people know the object by: its owner, or itself; what connects to a pod concerns the pod."""
        if self.noun:
            return Workload("Pod", metadata.name or "")
        owner = workload_of(metadata)
        return Workload(self.name, owner.name) if owner.kind == "Pod" else owner


def _pods() -> Kind:
    decoder = msgspec.json.Decoder(shape_of(PodTemplate))

    def read(_: Request, raw: msgspec.Raw, field: str) -> Content:
        pod = read_object(raw, decoder, kind="Pod", field=field)
        return Content(pod.metadata or _NO_METADATA, pod)

    return Kind(name="Pod", read=read)


def _embedding(name: str, prefix: tuple[str, ...]) -> Kind:
    """Return a kind that embeds the template of a pod at a path; what lacks a part of the path has no template."""
    shape: type = shape_of(PodTemplate)
    for depth, part in reversed(list(enumerate(prefix))):
        fields: list[tuple[str, object, None]] = [("within", shape | None, None)]
        if depth == 0:
            fields.append(("metadata", shape_of(ObjectMeta) | None, None))
        shape = msgspec.defstruct(name, fields, rename={"within": part}, frozen=True, gc=False)
    decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(shape)

    def read(_: Request, raw: msgspec.Raw, field: str) -> Content:
        found = read_object(raw, decoder, kind=name, field=field)
        metadata = found.metadata or _NO_METADATA
        for _part in prefix:
            found = found.within if found else None
        return Content(metadata, found)

    return Kind(name=name, prefix=prefix, read=read)


def _jobs() -> Kind:
    decoder = msgspec.json.Decoder(shape_of(Job))

    def read(_: Request, raw: msgspec.Raw, field: str) -> Content:
        job = read_object(raw, decoder, kind="Job", field=field)
        return _retried(job.metadata, job.spec, ())

    return Kind(name="Job", prefix=("spec", "template"), read=read)


def _cron_jobs() -> Kind:
    decoder = msgspec.json.Decoder(shape_of(CronJob))

    def read(_: Request, raw: msgspec.Raw, field: str) -> Content:
        job = read_object(raw, decoder, kind="CronJob", field=field)
        runs = job.spec.jobTemplate if job.spec else None
        return _retried(job.metadata, runs.spec if runs else None, ("spec", "jobTemplate"))

    return Kind(name="CronJob", prefix=("spec", "jobTemplate", "spec", "template"), read=read)


def _retried(metadata: ObjectMeta | None, spec: JobSpec | None, prefix: Pointer) -> Content:
    return Content(metadata or _NO_METADATA, spec.template if spec else None, JobView(spec, prefix))


def _services() -> Kind:
    decoder = msgspec.json.Decoder(shape_of(Service))

    def read(_: Request, raw: msgspec.Raw, field: str) -> Content:
        service = read_object(raw, decoder, kind="Service", field=field)
        return Content(service.metadata or _NO_METADATA, own=ServiceView(service.spec))

    return Kind(name="Service", read=read)


def _persistent_volumes() -> Kind:
    decoder = msgspec.json.Decoder(shape_of(PersistentVolume))

    def read(_: Request, raw: msgspec.Raw, field: str) -> Content:
        volume = read_object(raw, decoder, kind="PersistentVolume", field=field)
        return Content(volume.metadata or _NO_METADATA, own=PersistentVolumeView(volume.spec))

    return Kind(name="PersistentVolume", read=read)


# Tells what getting into a pod gets hold of, by its namespace and name.
Holding = Callable[[str, str], Hold]


def _connections(name: str, noun: str, holding: Holding | None = None) -> Kind:
    """Return a kind whose objects are the options of a connection: who asks is judged, and what the pod holds if that is told."""

    def read(request: Request, _raw: msgspec.Raw, _field: str) -> Content:
        namespace = request.namespace or ""
        hold = None if holding is None else holding(namespace, request.name or "")
        connection = Connection(namespace=namespace, groups=request.userInfo.groups, hold=hold)
        return Content(ObjectMeta(name=request.name), own=ConnectionView(connection))

    return Kind(name=name, noun=noun, operations=frozenset({"CONNECT"}), read=read)


_TEMPLATE = ("spec", "template")

POD = _pods()

# Kinds by group, version and resource, with the subresource where that is a kind of its own.
Kinds = Mapping[tuple[str, str, str], Kind]


def _connecting(holding: Holding | None = None) -> Kinds:
    """Return what connects to a running pod."""
    return {
        ("", "v1", "pods/exec"): _connections("PodExecOptions", "exec into pod", holding),
        ("", "v1", "pods/attach"): _connections("PodAttachOptions", "attach to pod", holding),
    }


KINDS: Kinds = {
    ("", "v1", "pods"): POD,
    **_connecting(),
    ("", "v1", "services"): _services(),
    ("", "v1", "persistentvolumes"): _persistent_volumes(),
    ("", "v1", "replicationcontrollers"): _embedding("ReplicationController", _TEMPLATE),
    ("apps", "v1", "deployments"): _embedding("Deployment", _TEMPLATE),
    ("apps", "v1", "statefulsets"): _embedding("StatefulSet", _TEMPLATE),
    ("apps", "v1", "daemonsets"): _embedding("DaemonSet", _TEMPLATE),
    ("apps", "v1", "replicasets"): _embedding("ReplicaSet", _TEMPLATE),
    ("batch", "v1", "jobs"): _jobs(),
    ("batch", "v1", "cronjobs"): _cron_jobs(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedder:
    """A further kind that embeds the template of a pod: its resource, its name, and the path of the template."""

    group: str
    version: str
    resource: str
    kind: str
    path: tuple[str, ...]


_WRITTEN = re.compile(
    r"(?P<group>[a-z0-9.-]{1,253})/(?P<version>v[a-z0-9]{1,62})/(?P<resource>[a-z][a-z0-9-]{0,62})"
    r"=(?P<kind>[A-Z][A-Za-z0-9]{0,62}):(?P<path>[a-z][A-Za-z0-9]*(\.[a-z][A-Za-z0-9]*){0,15})",
    re.ASCII,
)


def read_embedder(text: str) -> Embedder:
    """Return the further kind that a text such as `argoproj.io/v1alpha1/rollouts=Rollout:spec.template` names. Raises BadEmbedder."""
    found = _WRITTEN.fullmatch(text)
    if found is None:
        raise BadEmbedder(text[:200], "GROUP/VERSION/RESOURCE=KIND:PATH")
    return Embedder(
        group=found["group"],
        version=found["version"],
        resource=found["resource"],
        kind=found["kind"],
        path=tuple(found["path"].split(".")),
    )


def kinds_with(embedders: Iterable[Embedder], holding: Holding | None = None) -> Kinds:
    """Return the kinds that are judged where these embed pods as well, and where it is told what pods hold.

    Raises BadEmbedder where one of them is judged already.
    """
    kinds = {**KINDS, **_connecting(holding)}
    for each in embedders:
        resource = (each.group, each.version, each.resource)
        if resource in kinds:
            raise BadEmbedder(f"{each.group}/{each.version}/{each.resource}", "a resource that is not judged yet")
        kinds[resource] = _embedding(each.kind, each.path)
    return kinds
