"""Docker on a node: whether it is there, and what its daemon is set to.

What counts is what the daemon runs with: its flags, then daemon.json, then its defaults. Where both say something about
the same setting, the daemon would not start again (`dockerd`: "specified both as a flag and in the configuration file").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from stridegate.model.nodes.answers import Absent, Process, Unreadable
from stridegate.model.nodes.flags import Flags
from stridegate.model.nodes.nodes import Node, NotReadable, NotThere
from stridegate.model.nodes.programs import arguments, host_processes
from stridegate.model.nodes.queries import Document, FileStatusOf, HostAccounts, HostProcesses, Syntax
from stridegate.model.nodes.units import command, unit
from stridegate.model.nodes.verdicts import Evidence, Source

T = TypeVar("T")

CONFIGURATION = "/etc/docker/daemon.json"
SOCKET = "/run/docker.sock"
DATA_ROOT = "/var/lib/docker"

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
    found = node.look_at([FileStatusOf(SOCKET), FileStatusOf(CONFIGURATION)])
    for answer in (*found, node.look(HostProcesses())):
        if isinstance(answer, Unreadable):
            raise NotReadable(answer)
    if all(isinstance(answer, Absent) for answer in found) and not host_processes(node, "dockerd"):
        raise NotThere(Absent("Docker"))


def daemon(node: Node) -> Daemon:
    """Return what Docker's daemon is set to. Raises NotThere where there is no Docker, NotReadable."""
    expect_docker(node)
    process, words, started = _started(node)
    flags = Flags.of([_SHORT_SWITCHES.get(word, word) for word in words], short=_SHORT)
    path = flags.text("config-file") or _usual_path(node, process)
    document = node.get(Document(path, Syntax.JSON))
    if document is not None and not isinstance(document, Mapping):
        raise NotReadable(Unreadable(path, "wanted an object"))
    if document is None and started.path == CONFIGURATION:  # a socket that something else than Docker may have left
        raise NotThere(Absent("dockerd, its unit and its daemon.json"))
    return Daemon(process=process, flags=flags, started=started, path=path, file=document or {})


def docker_group(node: Node) -> str:
    """Return the group that the daemon gives its socket to."""
    return daemon(node).text("group", "docker").value


def of_daemon(find: Callable[[Daemon], str]) -> Callable[[Node], tuple[str, ...]]:
    """Return what finds a path that a setting names, or nothing where it names none."""

    def found(node: Node) -> tuple[str, ...]:
        path = find(daemon(node))
        return (path,) if path else ()

    return found


def _started(node: Node) -> tuple[Process | None, tuple[str, ...], Evidence]:
    """Return the daemon's process and the words after its name: of the process, else of its unit."""
    for process in host_processes(node, "dockerd"):
        return process, arguments(process.argv, "dockerd"), Evidence(source=Source.PROC, path="dockerd")
    try:
        service = unit(node, "docker.service")
    except NotThere:
        return None, (), Evidence(source=Source.FILE, path=CONFIGURATION)
    return None, arguments(command(node, service), "dockerd"), Evidence(source=Source.FILE, path=service.path)


def _usual_path(node: Node, process: Process | None) -> str:
    """Return where a daemon looks for its configuration: one that runs as a user, in that user's home."""
    if process is None or process.uid == 0:
        return CONFIGURATION
    accounts = node[HostAccounts()]
    homes = [user.home for user in accounts.users if user.uid == process.uid]
    return f"{homes[0]}/.config/docker/daemon.json" if homes else CONFIGURATION


def _listed(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
