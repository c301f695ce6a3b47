"""What a node's CRI-O is set to: crio.conf, then every file of crio.conf.d in the order of names, then its flags.

A later file replaces what an earlier one says; tables are merged (cri-o pkg/config, `UpdateFromFile`, `UpdateFromPath`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from stridegate.model.nodes.answers import Absent, FileStatus, Unreadable
from stridegate.model.nodes.fields import Field, Origin, Setting, find, of_type
from stridegate.model.nodes.files import listed
from stridegate.model.nodes.flags import Flags
from stridegate.model.nodes.nodes import Node, NotReadable, NotThere
from stridegate.model.nodes.programs import arguments, host_processes
from stridegate.model.nodes.queries import Document, FileStatusOf, Syntax
from stridegate.model.nodes.verdicts import Evidence, Source

T = TypeVar("T")
Table = Mapping[str, object]

CONFIGURATION = "/etc/crio/crio.conf"
DROP_INS = "/etc/crio/crio.conf.d"


@dataclass(frozen=True, slots=True, kw_only=True)
class Crio:
    """A CRI-O's configuration: its files and what each says, a later one over those before it, and its flags over all."""

    layers: tuple[tuple[str, Table], ...]
    flags: Flags

    @property
    def evidence(self) -> Evidence:
        """What tells its settings, and that others have their defaults."""
        if self.layers:
            return Evidence(source=Source.FILE, path=self.layers[0][0])
        return Evidence(source=Source.PROC, path="process crio, without a configuration file")

    def setting(self, field: Field[T]) -> Setting[T]:
        """Return what a setting is. Raises NotReadable for a value of another type."""
        if field.flag and field.flag in self.flags:
            place = f"process crio --{field.flag}"
            value = of_type(field.reading.of_flag(self.flags, field.flag), field, place)
            evidence = Evidence(source=Source.PROC, path=place)
            return Setting(field=field, value=value, origin=Origin.FLAG, evidence=evidence)
        for path, layer in reversed(self.layers):
            found, raw = find(layer, field.at)
            if found:
                place = f"{path} {field.at}"
                evidence = Evidence(source=Source.FILE, path=place)
                value = of_type(field.reading.of_value(raw), field, place)
                return Setting(field=field, value=value, origin=Origin.FILE, evidence=evidence)
        return Setting(field=field, value=field.default, origin=Origin.DEFAULT, evidence=self.evidence)

    def tables(self, at: str) -> Mapping[str, Table]:
        """Return the tables in a table, such as the runtimes by their names; a later file's over an earlier one's."""
        found: dict[str, Table] = {}
        for _, layer in self.layers:
            _, raw = find(layer, at)
            if isinstance(raw, Mapping):
                for name, table in raw.items():
                    if isinstance(table, Mapping):
                        found[str(name)] = {**found.get(str(name), {}), **table}
        return found


def crio(node: Node) -> Crio:
    """Return the node's CRI-O. Raises NotAnswered, NotThere where there is none, NotReadable."""
    flags = next(
        (Flags.of(arguments(each.argv, "crio"), single_dash=True) for each in host_processes(node, "crio")),
        None,
    )
    given = flags or Flags()
    main = given.text("config") or given.text("c") or CONFIGURATION
    directory = given.text("config-dir") or given.text("d") or DROP_INS
    paths = [main] if _is_there(node, main) else []
    paths += sorted(listed(node, directory))
    if flags is None and not paths:
        raise NotThere(Absent("CRI-O"))
    answers = node.look_at([Document(path, Syntax.TOML) for path in paths])
    layers = [(path, _table(path, answer)) for path, answer in zip(paths, answers, strict=True)]
    return Crio(layers=tuple(layers), flags=given)


def _is_there(node: Node, path: str) -> bool:
    answer = node.look(FileStatusOf(path))
    if isinstance(answer, Unreadable):
        raise NotReadable(answer)
    return isinstance(answer, FileStatus)


def _table(path: str, answer: object) -> Table:
    if isinstance(answer, Unreadable):
        raise NotReadable(answer)
    if not isinstance(answer, Mapping):
        raise NotReadable(Unreadable(path, "wanted a table"))
    return answer
