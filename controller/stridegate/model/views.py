"""The read-only view of a pod that rules judge: one visitor over every container, with pod-level fallbacks."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from stridegate.model.errors import WrongType
from stridegate.model.places import Field, Place, Pointer, Spot, V
from stridegate.model.pods import (
    Container,
    HostPath,
    HostTarget,
    ObjectMeta,
    PodSecurityContext,
    PodSpec,
    PodTemplate,
    Probe,
    SecurityContext,
    VolumeMount,
)

_NO_METADATA = ObjectMeta()
_NO_SPEC = PodSpec()
_NO_CONTEXT = SecurityContext()
_NO_POD_CONTEXT = PodSecurityContext()


class ContainerKind(enum.Enum):
    """Which list of the pod spec a container stands in; a sidecar is an init container that restarts always (KEP-753)."""

    INIT = "init"
    SIDECAR = "sidecar"
    REGULAR = "regular"
    EPHEMERAL = "ephemeral"


class ContainerView(Spot):
    """One container of whatever kind, with the pod it stands in."""

    __slots__ = ("context", "kind", "pod")
    shape: Container

    def __init__(self, pod: PodView, shape: Container, kind: ContainerKind, listed: str, index: int) -> None:
        name = shape.name or ""
        super().__init__(shape, (*pod.prefix, "spec", listed, index), f"{listed}[{name or index}]", concerned=(name,))
        # Never missing, so that the fields that most rules read are one step away.
        self.context = shape.securityContext or _NO_CONTEXT
        self.pod = pod
        self.kind = kind

    @property
    def name(self) -> str:
        """The container's name; empty where a template or an unvalidated pod has none."""
        return self.shape.name or ""

    @property
    def ephemeral(self) -> bool:
        """Whether it is an ephemeral container, for which the API forbids resources, ports, probes and lifecycle."""
        return self.kind is ContainerKind.EPHEMERAL

    def effective(self, field: Field[V]) -> V | None:
        """Return the container's value of a field that lives at both levels, else the pod's."""
        own = field.of(self)
        return field.of(self.pod) if own is None else own

    @property
    def privileged(self) -> bool:
        """Whether it runs privileged, which makes the other confinements moot."""
        return self.context.privileged is True

    @property
    def added_capabilities(self) -> frozenset[str]:
        """The capabilities it adds, in canonical spelling, read against the author: any case, a `CAP_` prefix and blanks count."""
        capabilities = self.context.capabilities
        added = capabilities.add if capabilities else None
        return frozenset(name.strip().upper().removeprefix("CAP_") for name in added or ())

    @property
    def needs_escalation(self) -> bool:
        """Whether the API server refuses `allowPrivilegeEscalation: false` here: privileged, or SYS_ADMIN added (`ValidateSecurityContext`)."""
        return self.privileged or not self.added_capabilities.isdisjoint({"SYS_ADMIN", "ALL"})

    def host_targets(self) -> Iterator[tuple[tuple[str, ...], str, HostTarget]]:
        """Yield every request that the kubelet makes for the container, with the path of its handler and the kind of request."""
        shape = self.shape
        handlers: list[tuple[tuple[str, ...], Probe | None]] = [
            (("livenessProbe",), shape.livenessProbe),
            (("readinessProbe",), shape.readinessProbe),
            (("startupProbe",), shape.startupProbe),
        ]
        if shape.lifecycle is not None:
            handlers.append((("lifecycle", "postStart"), shape.lifecycle.postStart))
            handlers.append((("lifecycle", "preStop"), shape.lifecycle.preStop))
        for path, handler in handlers:
            if handler is not None:
                if handler.httpGet is not None:
                    yield path, "httpGet", handler.httpGet
                if handler.tcpSocket is not None:
                    yield path, "tcpSocket", handler.tcpSocket


class VolumeView(Spot):
    """One volume of the pod."""

    __slots__ = ("index",)
    shape: Mapping[str, object]

    def __init__(self, pod: PodView, shape: Mapping[str, object], index: int) -> None:
        name = shape.get("name")
        mounts = pod.mounts.get(str(name or ""), ())
        super().__init__(
            shape,
            (*pod.prefix, "spec", "volumes", index),
            f"volumes[{name or index}]",
            concerned=tuple(dict.fromkeys(container.name for container, _ in mounts)),
        )
        self.index = index

    @property
    def name(self) -> str:
        """The volume's name."""
        return str(self.shape.get("name") or "")

    @property
    def sources(self) -> tuple[str, ...]:
        """The keys that say where the volume comes from; a volume without one is an emptyDir by the API server's defaulting."""
        return tuple(key for key, value in self.shape.items() if key != "name" and value is not None) or ("emptyDir",)

    def host_path(self) -> HostPath | None:
        """Return the hostPath source, if that is what the volume has.

        Raises WrongType where it is no map with strings.
        """
        source = self.shape.get("hostPath")
        if source is None:
            return None
        if not isinstance(source, Mapping):
            raise WrongType(f"{self.owner}: hostPath", "a map", source)
        path, kind = source.get("path"), source.get("type")
        for key, value in (("path", path), ("type", kind)):
            if not isinstance(value, str | None):
                raise WrongType(f"{self.owner}: hostPath.{key}", "a string", value)
        return HostPath(path=path, type=kind)


class PodView(Spot):
    """A pod, or the pod that a workload's template will become, as rules see it."""

    # No __slots__: cached properties keep what several rules ask for.
    shape: PodSpec

    def __init__(self, template: PodTemplate, prefix: Pointer = ()) -> None:
        super().__init__(template.spec or _NO_SPEC, (*prefix, "spec"), "pod")
        self.context = self.shape.securityContext or _NO_POD_CONTEXT
        self.prefix = prefix
        self.metadata = template.metadata or _NO_METADATA
        self.complete = template.spec is not None
        self.windows = self.shape.os is not None and self.shape.os.name == "windows"
        self.own_user_namespace = self.shape.hostUsers is False
        self.containers = tuple(self._containers())

    def _containers(self) -> Iterator[ContainerView]:
        spec = self.shape
        for index, container in enumerate(spec.initContainers or ()):
            kind = ContainerKind.SIDECAR if container.restartPolicy == "Always" else ContainerKind.INIT
            yield ContainerView(self, container, kind, "initContainers", index)
        for index, container in enumerate(spec.containers or ()):
            yield ContainerView(self, container, ContainerKind.REGULAR, "containers", index)
        for index, container in enumerate(spec.ephemeralContainers or ()):
            yield ContainerView(self, container, ContainerKind.EPHEMERAL, "ephemeralContainers", index)

    @cached_property
    def volumes(self) -> tuple[VolumeView, ...]:
        """The pod's volumes."""
        return tuple(VolumeView(self, shape, index) for index, shape in enumerate(self.shape.volumes or ()))

    @property
    def annotations(self) -> Mapping[str, str]:
        """The pod's annotations."""
        return self.metadata.annotations or {}

    @cached_property
    def volumes_by_name(self) -> Mapping[str, VolumeView]:
        """The pod's volumes by name."""
        return {volume.name: volume for volume in self.volumes}

    def volumes_beyond(self, sources: frozenset[str]) -> Iterator[VolumeView]:
        """Yield the volumes that have a key which is not among these sources."""
        # Most pods have none: a view is made only of those that do.
        for index, shape in enumerate(self.shape.volumes or ()):
            if not shape.keys() <= sources:
                yield self.volumes[index]

    @cached_property
    def host_paths(self) -> tuple[tuple[VolumeView, HostPath], ...]:
        """The volumes that are paths of the node, each with its path.

        Raises WrongType where a hostPath is no map with strings.
        """
        if not any("hostPath" in shape for shape in self.shape.volumes or ()):
            return ()
        pairs = ((volume, volume.host_path()) for volume in self.volumes)
        return tuple((volume, source) for volume, source in pairs if source is not None)

    @cached_property
    def mounts(self) -> Mapping[str, Sequence[tuple[ContainerView, VolumeMount]]]:
        """The mounts of each volume by its name, with the containers that have them."""
        mounts: dict[str, list[tuple[ContainerView, VolumeMount]]] = {}
        for container in self.containers:
            for mount in container.shape.volumeMounts or ():
                mounts.setdefault(mount.name or "", []).append((container, mount))
        return mounts

    def annotation(self, key: str) -> Place:
        """Return the place of one annotation."""
        return Place((*self.prefix, "metadata", "annotations", key), "pod", f"metadata.annotations[{key}]")

    @cached_property
    def levels(self) -> tuple[Spot, ...]:
        """The pod and every container: the spots of a field that lives at both levels."""
        return (self, *self.containers)
