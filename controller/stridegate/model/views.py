"""The read-only view of a pod that rules judge: one visitor over every container, pod-level fallbacks, and what several rules ask for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import cast

from stridegate.model.container_views import ContainerKind, ContainerView
from stridegate.model.images import parse_image
from stridegate.model.parts import EnvironmentVariable, ImageUse, Mount, NodePort
from stridegate.model.paths import resolve
from stridegate.model.places import Field, Place, Pointer, Spot, V
from stridegate.model.pods import HostPath, ObjectMeta, PodSecurityContext, PodSpec, PodTemplate, Port
from stridegate.model.settings import Setting
from stridegate.model.volumes import VolumeView

_NO_METADATA = ObjectMeta()
_NO_SPEC = PodSpec()
_NO_POD_CONTEXT = PodSecurityContext()
_SOMEWHERE = Setting()

# Where the ServiceAccount plugin of the API server mounts a pod's token; images have /var/run as a link to /run.
_TOKEN = resolve("/var/run/secrets/kubernetes.io/serviceaccount")


class PodView(Spot):
    """A pod, or the pod that a workload's template will become, as rules see it."""

    # No __slots__: cached properties keep what several rules ask for.
    shape: PodSpec

    def __init__(self, template: PodTemplate, prefix: Pointer = (), setting: Setting = _SOMEWHERE) -> None:
        super().__init__(template.spec or _NO_SPEC, (*prefix, "spec"), "pod")
        self.context = self.shape.securityContext or _NO_POD_CONTEXT
        self.prefix = prefix
        self.setting = setting
        self.metadata = template.metadata or _NO_METADATA
        self.complete = template.spec is not None
        self.windows = self.shape.os is not None and self.shape.os.name == "windows"
        self.own_user_namespace = self.shape.hostUsers is False
        self.containers = tuple(self._containers())

    def _containers(self) -> Iterator[ContainerView]:
        spec = self.shape
        for index, container in enumerate(spec.initContainers or ()):
            kind = ContainerKind.SIDECAR if container.restartPolicy == "Always" else ContainerKind.INIT
            yield ContainerView(self.prefix, container, kind, "initContainers", index)
        for index, container in enumerate(spec.containers or ()):
            yield ContainerView(self.prefix, container, ContainerKind.REGULAR, "containers", index)
        for index, container in enumerate(spec.ephemeralContainers or ()):
            yield ContainerView(self.prefix, container, ContainerKind.EPHEMERAL, "ephemeralContainers", index)

    @cached_property
    def volumes(self) -> tuple[VolumeView, ...]:
        """The pod's volumes."""
        return tuple([self._volume(index) for index in range(len(self.shape.volumes or ()))])

    def _volume(self, index: int) -> VolumeView:
        known = self._made_volumes.get(index)
        if known is None:
            shape = (self.shape.volumes or ())[index]
            mounts = self.mounts_by_name.get(str(shape.get("name") or ""), ())
            known = self._made_volumes[index] = VolumeView(self.prefix, shape, index, mounts)
        return known

    @cached_property
    def _made_volumes(self) -> dict[int, VolumeView]:
        return {}

    @cached_property
    def _sources(self) -> Mapping[str, Sequence[int]]:
        """Where in the list of volumes each source occurs; a volume without one is an emptyDir by the API server's defaulting."""
        found: dict[str, list[int]] = {}
        for index, shape in enumerate(self.shape.volumes or ()):
            named = [key for key, value in shape.items() if value is not None and key != "name"]
            for source in named or ("emptyDir",):
                found.setdefault(source, []).append(index)
        return found

    def volumes_from(self, source: str) -> Sequence[VolumeView]:
        """Return the volumes that come from a source, such as emptyDir."""
        # Most pods have none: views are made only where some are asked for.
        positions = self._sources.get(source)
        return () if positions is None else [self._volume(index) for index in positions]

    @cached_property
    def volumes_by_name(self) -> Mapping[str, VolumeView]:
        """The pod's volumes by name."""
        return {volume.name: volume for volume in self.volumes}

    def volumes_beyond(self, sources: frozenset[str]) -> Iterator[VolumeView]:
        """Yield the volumes that have a key which is not among these sources."""
        # Most pods have none: a view is made only of those that do.
        for index, shape in enumerate(self.shape.volumes or ()):
            if not shape.keys() <= sources:
                yield self._volume(index)

    @cached_property
    def host_paths(self) -> tuple[tuple[VolumeView, HostPath], ...]:
        """The volumes that are paths of the node, each with its path.

        Raises WrongType where a hostPath is no map with strings.
        """
        return tuple((volume, volume.host_path()) for volume in self.volumes_from("hostPath"))

    @cached_property
    def mounts(self) -> tuple[Mount, ...]:
        """Every mount of every container."""
        return tuple(
            [
                Mount(container, index, mount)
                for container in self.containers
                for index, mount in enumerate(container.shape.volumeMounts or ())
            ]
        )

    @cached_property
    def node_ports(self) -> tuple[NodePort, ...]:
        """Every port that is one of the node as well."""
        shared = self.shape.hostNetwork
        found: list[NodePort] = []
        for container in self.containers:
            for index, port in enumerate(container.shape.ports or ()):
                implied = bool(shared and port.hostPort in {None, 0, port.containerPort})
                number = port.containerPort if implied else port.hostPort
                if number:
                    spot = container.element("ports", index, port, port.name or _numbered(port))
                    found.append(NodePort(spot, port, number, implied))
        return tuple(found)

    @cached_property
    def variables(self) -> tuple[EnvironmentVariable, ...]:
        """Every variable that a container is given by name."""
        return tuple(
            [
                EnvironmentVariable(container, index, variable)
                for container in self.containers
                for index, variable in enumerate(container.shape.env or ())
            ]
        )

    @cached_property
    def images(self) -> tuple[ImageUse, ...]:
        """Every image that is named; in a template one may be left for others to fill in.

        Raises WrongType where an image volume is no map with strings.
        """
        named: list[tuple[Spot, tuple[str, ...], str | None, str | None]] = [
            (container, ("image",), container.shape.image, container.shape.imagePullPolicy)
            for container in self.containers
        ]
        for volume in self.volumes_from("image"):
            text, policy = volume.text("image", "reference"), volume.text("image", "pullPolicy")
            named.append((volume, ("image", "reference"), text, policy))
        return tuple(
            [
                ImageUse(spot, path, text, policy, parse_image(text or ""))
                for spot, path, text, policy in named
                if text or not self.setting.template
            ]
        )

    @cached_property
    def token_holders(self) -> tuple[ContainerView, ...]:
        """The containers that have a token of the service account where the API server mounts it; something empty mounted there is none."""
        listed = self.shape.volumes or ()
        blank = {str(listed[index].get("name") or "") for index in self._sources.get("emptyDir", ())}
        return tuple(
            [
                container
                for container, _, mount in self.mounts
                if "serviceaccount" in (path := mount.mountPath or "")
                and mount.name not in blank
                and resolve(path) == _TOKEN
            ]
        )

    @cached_property
    def mounts_by_name(self) -> Mapping[str, Sequence[Mount]]:
        """The mounts of each volume by its name."""
        mounts: dict[str, list[Mount]] = {}
        for mount in self.mounts:
            mounts.setdefault(mount.shape.name or "", []).append(mount)
        return mounts

    def mounts_of(self, volume: VolumeView) -> Sequence[Mount]:
        """Return every mount of a volume."""
        return self.mounts_by_name.get(volume.name, ())

    @property
    def annotations(self) -> Mapping[str, str]:
        """The pod's annotations."""
        return self.metadata.annotations or {}

    def annotation(self, key: str) -> Place:
        """Return the place of one annotation."""
        return Place((*self.prefix, "metadata", "annotations", key), "pod", f"metadata.annotations[{key}]")

    def present(self, field: Field[V]) -> Sequence[tuple[Spot, V]]:
        """Return the levels where a field is present, each with its value; what one rule asks for, the next finds ready."""
        known = self._present.get(field.path)
        if known is None:
            read = field.of
            known = [(container, value) for container in self.containers if (value := read(container)) is not None]
            # Without what the pod itself says: it must not hold itself.
            self._present[field.path] = known
        within = cast("Sequence[tuple[Spot, V]]", known)
        own = field.of(self)
        return within if own is None else [(self, own), *within]

    @cached_property
    def _present(self) -> dict[tuple[str, ...], Sequence[tuple[Spot, object]]]:
        return {}

    def effective(self, container: ContainerView, field: Field[V]) -> V | None:
        """Return a container's value of a field that lives at both levels, else the pod's."""
        own = field.of(container)
        return field.of(self) if own is None else own

    @property
    def levels(self) -> tuple[Spot, ...]:
        """The pod and every container: the spots of a field that lives at both levels."""
        return (self, *self.containers)


def _numbered(port: Port) -> str:
    """Return what tells a port without a name apart from the others of its container."""
    return f"{port.containerPort}{f'/{port.protocol}' if port.protocol not in {None, 'TCP'} else ''}"
