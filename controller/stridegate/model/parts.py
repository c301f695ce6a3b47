"""What several rules ask a pod for: its mounts, variables, ports of the node and images, each with the spot it stands at."""

from __future__ import annotations

from typing import NamedTuple

from stridegate.model.container_views import ContainerView
from stridegate.model.images import ImageReference
from stridegate.model.places import Place, Spot
from stridegate.model.pods import Port, Variable, VolumeMount


class Mount(NamedTuple):
    """One mount of a volume, with the container that has it."""

    container: ContainerView
    position: int
    shape: VolumeMount

    @property
    def spot(self) -> Spot:
        """The mount as a spot, called by where it is mounted."""
        return self.container.element("volumeMounts", self.position, self.shape, self.shape.mountPath)


class EnvironmentVariable(NamedTuple):
    """One variable that a container is given by name."""

    container: ContainerView
    position: int
    shape: Variable

    @property
    def spot(self) -> Spot:
        """The variable as a spot, called by its name."""
        return self.container.element("env", self.position, self.shape, self.shape.name)


class NodePort(NamedTuple):
    """One port of a container that is one of the node as well: its number there, and whether hostNetwork implies it."""

    spot: Spot
    shape: Port
    number: int
    implied: bool


class ImageUse(NamedTuple):
    """One image that the pod brings to the node: to run, or to read as a volume (KEP-4639).

    `text` is as written; `reference` is what it names, or None where it does not parse.
    """

    spot: Spot
    path: tuple[str, ...]
    text: str | None
    policy: str | None
    reference: ImageReference | None

    @property
    def place(self) -> Place:
        """Where the image is named."""
        return self.spot.place(*self.path)
