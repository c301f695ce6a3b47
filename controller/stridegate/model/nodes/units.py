"""systemd units as systemd merges them: the unit file that comes first, and all its drop-ins by name (systemd.unit(5))."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from stridegate.model.nodes.answers import Absent, FileStatus, Unreadable
from stridegate.model.nodes.nodes import Node, NotReadable, NotThere
from stridegate.model.nodes.paths import base_name
from stridegate.model.nodes.queries import Document, FileStatusOf, FilesUnder, Syntax

# The administrator's, the running system's, then the distribution's.
DIRECTORIES = (
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
)
# What may stand before a command (systemd.service(5), "special executable prefixes").
_PREFIXES = "-@:+!|"
# In a command, a word `$NAME` becomes words, and `${NAME}` stays in its word.
_WHOLE = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)")
_BRACED = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A unit: its file, its drop-ins in the order in which they count, and what each says."""

    paths: tuple[str, ...]
    layers: tuple[Mapping[str, Mapping[str, list[str]]], ...]

    @property
    def path(self) -> str:
        """The unit file itself; where there are only drop-ins, the first of them."""
        return self.paths[0]

    def every(self, section: str, option: str) -> tuple[str, ...]:
        """Return the values of an option that adds up; an empty one takes back those before it."""
        values: list[str] = []
        for layer in self.layers:
            for value in layer.get(section, {}).get(option, []):
                values = [*values, value] if value else []
        return tuple(values)

    def last(self, section: str, option: str) -> str | None:
        """Return the value of an option that is replaced by a later one; None where it is unset."""
        values = self.every(section, option)
        return values[-1] if values else None


def unit_paths(node: Node, name: str) -> tuple[str, ...]:
    """Return the unit file that counts, if there is one, then the drop-ins in their order. Raises NotAnswered or NotReadable."""
    statuses = node.look_at([FileStatusOf(f"{directory}/{name}") for directory in DIRECTORIES])
    listings = node.look_at([FilesUnder(f"{directory}/{name}.d", "*.conf") for directory in DIRECTORIES])
    for answer in (*statuses, *listings):
        if isinstance(answer, Unreadable):
            raise NotReadable(answer)
    file = [answer.path for answer in statuses if isinstance(answer, FileStatus)][:1]
    by_name: dict[str, str] = {}
    for answer in listings:
        if isinstance(answer, tuple):
            for path in answer:
                by_name.setdefault(base_name(path), path)
    return (*file, *(by_name[each] for each in sorted(by_name)))


def read_unit(node: Node, name: str) -> Unit:
    """Return a unit, such as `kubelet.service`. Raises NotThere where it has neither file nor drop-in, NotAnswered, NotReadable."""
    paths = unit_paths(node, name)
    if not paths:
        raise NotThere(Absent(f"unit {name}"))
    answers = node.look_at([Document(path, Syntax.UNIT) for path in paths])
    layers = []
    for answer in answers:
        if isinstance(answer, Unreadable):
            raise NotReadable(answer)
        layers.append(_sections(answer))
    return Unit(paths=paths, layers=tuple(layers))


def _sections(document: object) -> Mapping[str, Mapping[str, list[str]]]:
    # A drop-in that went away since it was listed says nothing.
    return document if isinstance(document, Mapping) else {}


def command(node: Node, unit: Unit) -> tuple[str, ...]:
    """Return the words of what a service starts, variables replaced from its Environment= and EnvironmentFile=.

    Raises NotThere where it starts nothing, NotAnswered, NotReadable.
    """
    line = unit.last("Service", "ExecStart")
    if line is None:
        raise NotThere(Absent(f"ExecStart in {unit.path}"))
    environment = _environment(node, unit)
    words: list[str] = []
    for word in _words(line.lstrip(_PREFIXES), unit.path):
        if (whole := _WHOLE.fullmatch(word)) is not None:
            words += _words(environment.get(whole.group(1), ""), unit.path)
        else:
            words.append(_BRACED.sub(lambda match: environment.get(match.group(1), ""), word))
    return tuple(words)


def _environment(node: Node, unit: Unit) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for assignments in unit.every("Service", "Environment"):
        for assignment in _words(assignments, unit.path):
            name, _, value = assignment.partition("=")
            found[name] = value
    files = [path.removeprefix("-") for path in unit.every("Service", "EnvironmentFile")]
    for answer in node.look_at([Document(path, Syntax.ENVIRONMENT) for path in files]):
        if isinstance(answer, Unreadable):
            raise NotReadable(answer)
        if isinstance(answer, Mapping):
            found |= {str(name): str(value) for name, value in answer.items()}
    return found


def _words(text: str, path: str) -> Iterable[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise NotReadable(Unreadable(path, "quotes that never end")) from error
