"""Docker on a node: whether it is there, and what its daemon is set to.

What counts is what the daemon runs with: its flags, then daemon.json, then its defaults. Where both say something about
the same setting, the daemon would not start again (`dockerd`: "specified both as a flag and in the configuration file").
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Generic, TypeVar

from stridegate.model.nodes.answers import Absent, FileKind, Process, Unreadable
from stridegate.model.nodes.files import Finder
from stridegate.model.nodes.flags import Flags
from stridegate.model.nodes.nodes import Node, NotReadable, NotThere
from stridegate.model.nodes.programs import arguments, host_processes
from stridegate.model.nodes.queries import Document, FileStatusOf, HostAccounts, HostProcesses, Query, Syntax
from stridegate.model.nodes.rules import HostFile
from stridegate.model.nodes.units import command, unit
from stridegate.model.nodes.verdicts import Evidence, Source

T = TypeVar("T")

CONFIGURATION = "/etc/docker/daemon.json"
SOCKET = "/run/docker.sock"
# What an example's host needs for rules about Docker to apply to it.
DOCKER_HOST: Mapping[str, HostFile] = MappingProxyType({SOCKET: HostFile(kind=FileKind.SOCKET, mode=0o660)})

# dockerd's one-letter flags that take a value, and the one that takes none.
_SHORT = {
    "H": "host",
    "l": "log-level",
    "s": "storage-driver",
    "G": "group",
    "b": "bridge",
    "p": "pidfile",
    "g": "data-root",
}
_SHORT_SWITCHES = {"-D": "--debug"}
# Lists are called in the plural in daemon.json, and each flag adds one member.
_FLAGS = {
    "hosts": "host",
    "insecure-registries": "insecure-registry",
    "registry-mirrors": "registry-mirror",
    "storage-opts": "storage-opt",
    "authorization-plugins": "authorization-plugin",
    "default-ulimits": "default-ulimit",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting(Generic[T]):
    """What a setting is, and where that stands. `contradicted` is what daemon.json says besides, where a flag decides."""

    name: str
    value: T
    given: bool
    evidence: Evidence
    contradicted: T | None = None

    @property
    def said(self) -> str:
        """The setting as a person would write it, such as `icc=true (default)`."""
        if not self.given and not isinstance(self.value, bool) and not self.value:
            return f"{self.name} is unset"
        shown = str(self.value).lower() if isinstance(self.value, bool) else _listed(self.value)
        return f"{self.name}={shown}" + ("" if self.given else " (default)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Daemon:
    """What Docker's daemon is set to. `process` is None where it does not run; the flags are then those of its unit."""

    process: Process | None
    flags: Flags
    started: Evidence
    path: str
    file: Mapping[str, object]

    def truth(self, name: str, *, default: bool) -> Setting[bool]:
        """Return a boolean setting. Raises NotReadable where it is none."""
        written = self._written(name, bool, "true or false")
        return self._setting(name, self.flags.truth(name), written, default)

    def text(self, name: str, default: str) -> Setting[str]:
        """Return a setting that is a text. Raises NotReadable where it is none."""
        return self._setting(name, self.flags.text(name), self._written(name, str, "a text"), default)

    def members(self, name: str) -> Setting[tuple[str, ...]]:
        """Return a setting that is a list; it is empty by default. Raises NotReadable where it is none."""
        given = self.flags.every(_FLAGS[name])
        written = self._written(name, list, "a list")
        members = None if written is None else tuple(map(str, written))
        return self._setting(name, given or None, members, ())

    def names(self, name: str) -> Setting[tuple[str, ...]]:
        """Return the names in a setting that maps names to something; it is empty by default. Raises NotReadable where it is none."""
        given = tuple(each.partition("=")[0] for each in self.flags.every(_FLAGS[name]))
        written = self._written(name, dict, "a map")
        return self._setting(name, given or None, None if written is None else tuple(written), ())

    @property
    def data_root(self) -> str:
        """Where it keeps images, containers and volumes."""
        return self.text("data-root", "/var/lib/docker").value

    def _written(self, name: str, kind: type[T], wanted: str) -> T | None:
        value = self.file.get(name)
        if value is None:
            return None
        if not isinstance(value, kind):
            raise NotReadable(Unreadable(f"{self.path}: {name}", f"wanted {wanted}, got {type(value).__name__}"))
        return value

    def _setting(self, name: str, flag: T | None, written: T | None, default: T) -> Setting[T]:
        if flag is not None:
            contradicted = written if written != flag else None
            return Setting(name=name, value=flag, given=True, evidence=self.started, contradicted=contradicted)
        if written is not None:
            place = Evidence(source=Source.FILE, path=f"{self.path}: {name}")
            return Setting(name=name, value=written, given=True, evidence=place)
        return Setting(name=name, value=default, given=False, evidence=self.started)


def expect_docker(node: Node) -> None:
    """Return where there is evidence of Docker: its daemon, its socket or its configuration. Raises NotThere, NotReadable."""
    evidence: list[Query[object]] = [FileStatusOf(SOCKET), FileStatusOf(CONFIGURATION), HostProcesses()]
    socket, configuration, processes = node.look_at(evidence)
    for answer in (socket, configuration, processes):
        if isinstance(answer, Unreadable):
            raise NotReadable(answer)
    if isinstance(socket, Absent) and isinstance(configuration, Absent) and not host_processes(node, "dockerd"):
        raise NotThere(Absent("Docker"))


def of_docker(find: Finder) -> Finder:
    """Return what finds files where Docker is. It raises NotThere where Docker is not."""

    def found(node: Node) -> Iterable[str]:
        expect_docker(node)
        return find(node)

    return found


def configuration_path(node: Node) -> str:
    """Return where the daemon's configuration file is, whether or not there is one. Raises NotThere without Docker, NotReadable."""
    expect_docker(node)
    return _started(node).configuration(node)


def daemon(node: Node) -> Daemon:
    """Return what Docker's daemon is set to. Raises NotThere where there is no Docker, NotReadable."""
    expect_docker(node)
    started = _started(node)
    path = started.configuration(node)
    document = node.get(Document(path, Syntax.JSON))
    if document is not None and not isinstance(document, Mapping):
        raise NotReadable(Unreadable(path, "wanted an object"))
    if document is None and started.by.path == CONFIGURATION:  # a socket that something else than Docker may have left
        raise NotThere(Absent("dockerd, its unit and its daemon.json"))
    return Daemon(process=started.process, flags=started.flags, started=started.by, path=path, file=document or {})


def daemon_if_any(node: Node) -> Daemon | None:
    """Return what Docker's daemon is set to, None where nothing of it but its socket is there. Raises NotReadable."""
    try:
        return daemon(node)
    except NotThere:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Started:
    """How the daemon was started: its process, where it runs, its flags and where these are from."""

    process: Process | None
    flags: Flags
    by: Evidence

    def configuration(self, node: Node) -> str:
        """Return where it looks for its configuration; one that runs as a user does so in that user's home."""
        if (said := self.flags.text("config-file")) is not None:
            return said
        if self.process is None or self.process.uid == 0:
            return CONFIGURATION
        homes = [user.home for user in node[HostAccounts()].users if user.uid == self.process.uid]
        return f"{homes[0]}/.config/docker/daemon.json" if homes else CONFIGURATION


def _started(node: Node) -> _Started:
    for process in host_processes(node, "dockerd"):
        by = Evidence(source=Source.PROC, path="process dockerd")
        return _Started(process=process, flags=_flags(process.argv), by=by)
    try:
        service = unit(node, "docker.service")
    except NotThere:
        return _Started(process=None, flags=Flags(), by=Evidence(source=Source.FILE, path=CONFIGURATION))
    by = Evidence(source=Source.FILE, path=service.path)
    return _Started(process=None, flags=_flags(command(node, service)), by=by)


def _flags(words: Sequence[str]) -> Flags:
    plain = [_SHORT_SWITCHES.get(word, word) for word in arguments(words, "dockerd")]
    return Flags.of(plain, short=_SHORT)


def _listed(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
