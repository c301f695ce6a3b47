"""The volumes of a pod, each by its name and by where it comes from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from stridegate.model.errors import WrongType
from stridegate.model.parts import Mount
from stridegate.model.places import Pointer, Spot
from stridegate.model.pods import HostPath

# What is read from JSON is a dict; asking for that first is ten times as fast.
_MAPS = (dict, Mapping)


class VolumeView(Spot):
    """One volume of the pod."""

    __slots__ = ("index",)
    shape: Mapping[str, object]

    def __init__(self, prefix: Pointer, shape: Mapping[str, object], index: int, mounts: Iterable[Mount]) -> None:
        super().__init__(
            shape,
            (*prefix, "spec", "volumes", index),
            f"volumes[{shape.get('name') or index}]",
            concerned=tuple(dict.fromkeys(mount.container.name for mount in mounts)),
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

    def source(self, key: str) -> Mapping[str, object]:
        """Return one source of the volume; empty where that is what the API server makes of a volume without any.

        Raises WrongType where it is no map.
        """
        source = self.shape.get(key)
        if source is None:
            return {}
        if not isinstance(source, _MAPS):
            raise WrongType(f"{self.owner}: {key}", "a map", source)
        return source

    def text(self, key: str, field: str) -> str | None:
        """Return a field of a source that is a string, or None where it is absent.

        Raises WrongType where it is anything else.
        """
        value = self.source(key).get(field)
        if value is not None and not isinstance(value, str):
            raise WrongType(f"{self.owner}: {key}.{field}", "a string", value)
        return value

    def host_path(self) -> HostPath:
        """Return the hostPath source.

        Raises WrongType where it is no map with strings.
        """
        return HostPath(path=self.text("hostPath", "path"), type=self.text("hostPath", "type"))

    def token_projections(self) -> Iterator[tuple[int, Mapping[str, object]]]:
        """Yield the tokens of the service account that the volume projects, each with its position among the projections.

        Raises WrongType where the projections are no list of maps.
        """
        listed = self.source("projected").get("sources")
        if listed is None:
            return
        if not isinstance(listed, (list, tuple)):
            raise WrongType(f"{self.owner}: projected.sources", "a list", listed)
        for index, each in enumerate(listed):
            token = each.get("serviceAccountToken") if isinstance(each, _MAPS) else each
            if token is None:
                continue
            if not isinstance(token, _MAPS):
                raise WrongType(f"{self.owner}: projected.sources[{index}]", "a map", token)
            yield index, token
