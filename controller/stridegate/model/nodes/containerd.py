"""What a node's containerd is set to: its configuration with all that it imports, under the names of either version.

Up to version 2 of the file, all settings of Kubernetes' interface (CRI) are one table; since version 3 images and runtime
have one each; since version 4 its own listeners are plugins too (containerd, cmd/containerd/server/config).
"""

from __future__ import annotations

import enum
import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from stridegate.model.nodes.answers import Absent, Unreadable
from stridegate.model.nodes.fields import Field, Origin, Setting, find, of_type
from stridegate.model.nodes.files import found_first, listed
from stridegate.model.nodes.flags import Flags
from stridegate.model.nodes.nodes import Node, NotReadable, NotThere
from stridegate.model.nodes.paths import CONTAINERD_CONFIGURATION, parent
from stridegate.model.nodes.programs import arguments, host_processes
from stridegate.model.nodes.queries import Document, Syntax
from stridegate.model.nodes.verdicts import Evidence, Source

T = TypeVar("T")
Table = Mapping[str, object]

DEFAULT_CONFIGURATION = "/etc/containerd/config.toml"
# Docker starts a containerd of its own, without CRI, with a file that it writes there.
_DOCKERS = "/docker/containerd/"
# Files that import each other end somewhere.
_MOST_FILES = 64
_SPLIT = 3  # the version that split the CRI table


class Part(enum.Enum):
    """A part of containerd's configuration; its table in a file of version 3 and later, then in older ones."""

    WHOLE = ((), ())
    RUNTIME = (("plugins", "io.containerd.cri.v1.runtime"), ("plugins", "io.containerd.grpc.v1.cri"))
    IMAGES = (("plugins", "io.containerd.cri.v1.images"), ("plugins", "io.containerd.grpc.v1.cri"))
    STREAMING = (("plugins", "io.containerd.grpc.v1.cri"),) * 2
    VERIFIER = (("plugins", "io.containerd.image-verifier.v1.bindir"),) * 2
    NRI = (("plugins", "io.containerd.nri.v1.nri"),) * 2
    GRPC = (("grpc",),) * 2
    DEBUG = (("debug",),) * 2
    METRICS = (("metrics",),) * 2
    # Listeners of version 4 and later, which were the three tables before these.
    GRPC_SERVER = (("plugins", "io.containerd.server.v1.grpc"),) * 2
    TCP_SERVER = (("plugins", "io.containerd.server.v1.grpc-tcp"),) * 2
    DEBUG_SERVER = (("plugins", "io.containerd.server.v1.debug"),) * 2
    METRICS_SERVER = (("plugins", "io.containerd.server.v1.metrics"),) * 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Containerd:
    """A containerd's configuration: the files that it is made of and what each says, the main one first; none where it has none."""

    layers: tuple[tuple[str, Table], ...]
    flags: Flags

    @property
    def files(self) -> tuple[str, ...]:
        """All the files, the main one first."""
        return tuple(path for path, _ in self.layers)

    @property
    def version(self) -> int:
        """The version that the main file is written in; 1 where it says none, or where there is none."""
        return _version(self.layers[0][1], 1) if self.layers else 1

    @property
    def evidence(self) -> Evidence:
        """What tells its settings, and that others have their defaults."""
        if self.layers:
            return Evidence(source=Source.FILE, path=self.layers[0][0])
        return Evidence(source=Source.PROC, path="process containerd, without a configuration file")

    def table(self, part: Part) -> Table:
        """Return what all files say of a part, each by the names of its own version. Raises NotReadable where that is no table."""
        merged: Table = {}
        for path, layer in self.layers:
            newer, older = part.value
            if _version(layer, self.version) >= _SPLIT:
                merged = _merged(merged, _at(path, layer, newer))
            else:
                short = tuple(key.rpartition(".")[2] for key in older)  # as version 1 has it
                merged = _merged(merged, _at(path, layer, older) or _at(path, layer, short))
        return merged

    def setting(self, part: Part, field: Field[T]) -> Setting[T]:
        """Return what a setting is. Raises NotReadable for a value of another type."""
        found, raw = find(self.table(part), field.at)
        if not found:
            return Setting(field=field, value=field.default, origin=Origin.DEFAULT, evidence=self.evidence)
        place = f"{self.evidence.path} {field.at}"
        value = of_type(field.reading.of_value(raw), field, place)
        evidence = Evidence(source=Source.FILE, path=place)
        return Setting(field=field, value=value, origin=Origin.FILE, evidence=evidence)

    def disabled(self, *names: str) -> bool:
        """Tell whether one of these plugins is switched off."""
        plugins = self.table(Part.WHOLE).get("disabled_plugins")
        return isinstance(plugins, list) and any(name in plugins for name in names)


def _version(layer: Table, otherwise: int) -> int:
    version = layer.get("version")
    return version if isinstance(version, int) and not isinstance(version, bool) else otherwise


def _at(path: str, layer: Table, keys: tuple[str, ...]) -> Table:
    table: object = layer
    for key in keys:
        table = table.get(key, {}) if isinstance(table, Mapping) else None
    if not isinstance(table, Mapping):
        raise NotReadable(Unreadable(f"{path} {'.'.join(keys)}", "wanted a table"))
    return table


def containerd(node: Node) -> Containerd:
    """Return the node's containerd, not the one that Docker runs for itself where there is another.

    Raises NotAnswered, NotThere without one, NotReadable.
    """
    processes = host_processes(node, "containerd")
    given = [Flags.of(arguments(each.argv, "containerd"), single_dash=True) for each in processes]
    for flags in sorted(given, key=lambda flags: _DOCKERS in (_named(flags) or "")):
        path = _named(flags)
        return _loaded(node, path or DEFAULT_CONFIGURATION, flags, optional=path is None)
    return _loaded(node, found_first(node, CONTAINERD_CONFIGURATION).path, Flags(), optional=False)


def _named(flags: Flags) -> str | None:
    return flags.text("config") or flags.text("c")


def cri(node: Node) -> Containerd:
    """Return the node's containerd where Kubernetes can use it. Raises NotThere where its CRI plugin is switched off too."""
    found = containerd(node)
    if found.disabled("io.containerd.grpc.v1.cri", "cri"):
        raise NotThere(Absent("CRI plugin of containerd"))
    return found


def _loaded(node: Node, path: str, flags: Flags, *, optional: bool) -> Containerd:
    """Return what a file and its imports say, each after those that were named before it."""
    loaded: dict[str, Table] = {}
    pending = [path]
    while pending:
        imports: list[str] = []
        for each, answer in zip(pending, node.look_at([Document(each, Syntax.TOML) for each in pending]), strict=True):
            if isinstance(answer, Absent) and optional and each == path:
                return Containerd(layers=(), flags=flags)
            loaded[each] = _table(each, answer)
            imports += _imports(node, each, loaded[each])
        pending = [each for each in dict.fromkeys(imports) if each not in loaded]
        if len(loaded) + len(pending) > _MOST_FILES:
            raise NotReadable(Unreadable(path, f"imports more than {_MOST_FILES} files"))
    return Containerd(layers=tuple(loaded.items()), flags=flags)


def _table(path: str, answer: object) -> Table:
    if isinstance(answer, Unreadable):
        raise NotReadable(answer)
    if isinstance(answer, Absent):
        raise NotReadable(Unreadable(path, "containerd is told to read it, and it is not there"))
    if not isinstance(answer, Mapping):
        raise NotReadable(Unreadable(path, "wanted a table"))
    return answer


def _imports(node: Node, path: str, table: Table) -> list[str]:
    """Return the files that one imports: those that match a pattern in their order, relative ones below its directory."""
    given = table.get("imports", [])
    if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
        raise NotReadable(Unreadable(f"{path} imports", "wanted a list of strings"))
    found: list[str] = []
    for each in given:
        full = _clean(each if each.startswith("/") else f"{parent(path)}/{each}")
        found += _matching(node, full) if "*" in full else [full]
    return found


def _matching(node: Node, pattern: str) -> list[str]:
    """Return the paths that match part by part (Go filepath.Glob)."""
    fixed = parent(pattern.partition("*")[0] + "*")
    wanted = pattern.split("/")
    return [
        path
        for path in listed(node, fixed, wanted[-1], len(wanted) - len(fixed.rstrip("/").split("/")))
        if len(path.split("/")) == len(wanted) and all(map(fnmatch.fnmatchcase, path.split("/"), wanted))
    ]


def _clean(path: str) -> str:
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in {"", "."}:
            parts.append(part)
    return f"/{'/'.join(parts)}"


def _merged(below: Table, above: Table) -> Table:
    """Return what two files say together: tables are merged, lists add up, and what is nothing takes nothing back."""
    result = dict(below)
    for key, value in above.items():
        there = result.get(key)
        if isinstance(value, Mapping) and isinstance(there, Mapping):
            result[key] = _merged(there, value)
        elif isinstance(value, list) and isinstance(there, list):
            result[key] = [*there, *(each for each in value if each not in there)]
        elif value or key not in result:
            result[key] = value
    return result
