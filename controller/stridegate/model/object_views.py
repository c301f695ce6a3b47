"""The read-only views of whatever is judged beside pods: each says what rules read, and where people find it."""

from __future__ import annotations

from collections.abc import Iterator

from stridegate.model.objects import Connection, JobSpec, PersistentVolumeSpec, ServiceSpec
from stridegate.model.places import Place, Pointer, Spot


class ServiceView(Spot):
    """A Service."""

    __slots__ = ()
    shape: ServiceSpec

    def __init__(self, spec: ServiceSpec | None) -> None:
        super().__init__(spec or ServiceSpec(), ("spec",), "service")


class PersistentVolumeView(Spot):
    """A PersistentVolume, which belongs to no namespace."""

    __slots__ = ()
    shape: PersistentVolumeSpec

    def __init__(self, spec: PersistentVolumeSpec | None) -> None:
        super().__init__(spec or PersistentVolumeSpec(), ("spec",), "volume")

    def node_paths(self) -> Iterator[tuple[Place, str, str | None]]:
        """Yield each source that is a path of a node: its place, the path, and the type that a hostPath may have."""
        if (source := self.shape.hostPath) is not None:
            yield self.place("hostPath"), source.path or "", source.type
        if (local := self.shape.local) is not None:
            yield self.place("local"), local.path or "", None


class JobView(Spot):
    """A Job, or the Jobs that a CronJob will make; `prefix` leads to it from the object."""

    __slots__ = ()
    shape: JobSpec

    def __init__(self, spec: JobSpec | None, prefix: Pointer = ()) -> None:
        super().__init__(spec or JobSpec(), (*prefix, "spec"), "job")


class ConnectionView(Spot):
    """A request for `exec` or `attach`; its places lead into the request, since the object of such a review says nothing of the pod."""

    __slots__ = ()
    shape: Connection

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, ("userInfo",), "user")


ObjectView = ServiceView | PersistentVolumeView | JobView | ConnectionView
