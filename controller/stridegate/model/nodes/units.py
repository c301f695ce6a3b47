"""systemd's units as systemd merges them: the unit that counts, its drop-ins, and the command it starts (systemd.unit(5))."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from stridegate.model.nodes.answers import Absent, FileStatus, Unreadable
from stridegate.model.nodes.nodes import Node, NotReadable, NotThere
from stridegate.model.nodes.paths import base_name
from stridegate.model.nodes.queries import Document, FileStatusOf, FilesUnder, Query, Syntax

# Where units are, what counts most first.
DIRECTORIES = (
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
)

# What may stand before a command (systemd.service(5), "Command lines").
_PREFIXES = "@-:+!|"
_VARIABLE = re.compile(r"\$\$|\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\$([A-Za-z_][A-Za-z0-9_]*)")
_ALONE = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A unit with its drop-ins. `files` are all that it is made of, the unit itself first; `options` are by section and name."""

    files: tuple[str, ...]
    options: Mapping[tuple[str, str], tuple[str, ...]]

    @property
    def path(self) -> str:
        """The unit's own file."""
        return self.files[0]

    def values(self, section: str, option: str) -> tuple[str, ...]:
        """Return all that an option is set to, since the last empty value took everything back."""
        return self.options.get((section, option), ())

    def value(self, section: str, option: str) -> str | None:
        """Return what an option that holds one value is set to, None where it is unset."""
        values = self.values(section, option)
        return values[-1] if values else None


def unit_files(node: Node, name: str) -> tuple[str, ...]:
    """Return the file of the unit that counts, then its drop-ins in the order in which they apply. Raises NotThere, NotReadable."""
    candidates: list[Query[object]] = [FileStatusOf(f"{directory}/{name}") for directory in DIRECTORIES]
    kinds = (name, name.rpartition(".")[2])
    folders = [FilesUnder(f"{directory}/{each}.d", "*.conf") for each in kinds for directory in DIRECTORIES]
    # All at once, since each round of questions costs: also what a unit that hides another makes irrelevant.
    answers = node.look_at([*candidates, *folders])
    for answer in answers:
        if isinstance(answer, Unreadable):
            raise NotReadable(answer)
    own = next((answer.path for answer in answers if isinstance(answer, FileStatus)), None)
    if own is None:
        raise NotThere(Absent(name))
    drop_ins: dict[str, str] = {}
    for path in (path for answer in answers if isinstance(answer, tuple) for path in answer):
        drop_ins.setdefault(base_name(path), path)
    return (own, *(drop_ins[each] for each in sorted(drop_ins)))


def unit(node: Node, name: str) -> Unit:
    """Return a unit as systemd merges it. Raises NotThere where there is none, NotReadable."""
    files = unit_files(node, name)
    options: dict[tuple[str, str], tuple[str, ...]] = {}
    for path, answer in zip(files, node.look_at([Document(path, Syntax.UNIT) for path in files]), strict=True):
        if isinstance(answer, Unreadable):
            raise NotReadable(answer)
        for section, given in _sections(path, answer):
            for option, values in given.items():
                for value in values:
                    before = options.get((section, option), ())
                    options[section, option] = (*before, value) if value else ()
    return Unit(files=files, options=options)


def command(node: Node, started: Unit) -> tuple[str, ...]:
    """Return the words of the last ExecStart=, with variables of Environment= and EnvironmentFile= replaced. Raises NotReadable."""
    line = started.value("Service", "ExecStart")
    if line is None:
        return ()
    variables = environment(node, started)
    words: list[str] = []
    for word in _words(line.lstrip(_PREFIXES), started.path):
        alone = _ALONE.fullmatch(word)
        if alone:  # a variable that is a word of its own becomes as many words as it holds
            words.extend(_words(variables.get(alone[1], ""), started.path))
        else:
            words.append(_VARIABLE.sub(lambda match: _replaced(match, variables), word))
    return tuple(words)


def environment(node: Node, started: Unit) -> Mapping[str, str]:
    """Return the variables that a unit sets, those of its files last. Raises NotReadable."""
    variables: dict[str, str] = {}
    for line in started.values("Service", "Environment"):
        for word in _words(line, started.path):
            name, equals, value = word.partition("=")
            if equals:
                variables[name] = value
    for written in started.values("Service", "EnvironmentFile"):
        path = written.lstrip("-").strip('"')
        if not path.startswith("/") or any(sign in path for sign in "*?["):
            continue
        given = node.get(Document(path, Syntax.ENVIRONMENT))
        if isinstance(given, Mapping):
            variables |= {str(name): str(value) for name, value in given.items()}
    return variables


def _replaced(match: re.Match[str], variables: Mapping[str, str]) -> str:
    name = match[1] or match[2]
    return "$" if name is None else variables.get(name, "")


def _words(line: str, path: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError as error:
        raise NotReadable(Unreadable(path, "has a quote that never ends")) from error


def _sections(path: str, document: object) -> list[tuple[str, Mapping[str, list[str]]]]:
    if isinstance(document, Absent):  # gone since it was listed
        return []
    if not isinstance(document, Mapping) or not all(isinstance(each, Mapping) for each in document.values()):
        raise NotReadable(Unreadable(path, "is no unit"))
    return list(document.items())
