"""How etcd is set up: by flags, by ETCD_* variables, or by a YAML file, which alone counts where it is named."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from stridegate.model.nodes.answers import Absent, Unreadable
from stridegate.model.nodes.components import Started, component
from stridegate.model.nodes.files import found_first
from stridegate.model.nodes.flags import Flags, members_of, truth_of
from stridegate.model.nodes.nodes import Node, NotReadable, NotThere
from stridegate.model.nodes.paths import ETCD_CONFIGURATION, ETCD_DATA, ETCD_ENVIRONMENT
from stridegate.model.nodes.queries import Document, Syntax
from stridegate.model.nodes.units import environment, unit
from stridegate.model.nodes.verdicts import Evidence, Source, State, Verdict

# The sections of the YAML file, and what its keys are as flags (etcd server/embed/config.go, securityConfig).
_SECTIONS = {"client-transport-security": "", "peer-transport-security": "peer-"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Etcd:
    """What is set, by the names of flags, wherever it was written; and where what it names is on the node."""

    settings: Mapping[str, str]
    evidence: Evidence
    started: Started | None = None

    def text(self, flag: str) -> str:
        """Return a setting, empty where it is unset."""
        return self.settings.get(flag, "")

    def truth(self, flag: str) -> bool:
        """Return a boolean setting; etcd's are off where unset. Raises NotReadable."""
        value = self.settings.get(flag)
        return value is not None and truth_of(value, flag)

    def members(self, flag: str) -> tuple[str, ...]:
        """Return the members of a list."""
        return tuple(members_of(self.text(flag)))

    def on_host(self, path: str) -> str:
        """Return where on the node a path of etcd's leads. Raises NotReadable."""
        return path if self.started is None else self.started.on_host(path)

    def shown(self, flag: str, default: str = "") -> str:
        """Return what a setting says, in words for a person."""
        value = self.settings.get(flag)
        if value is None:
            return f"{flag} is unset" + (f" ({default})" if default else "")
        return f"{flag} is {value}"

    def verdict(self, state: State, observed: str, note: str = "") -> Verdict:
        """Return a verdict that rests on what is set."""
        return Verdict(state=state, observed=observed[:128], evidence=self.evidence, note=note)


def etcd_of(node: Node) -> Etcd:
    """Return how etcd is set up on a node. Raises NotThere or NotReadable."""
    try:
        started = component(node, "etcd")
    except NotThere as missing:
        return _embedded(node, missing)
    flags = _as_settings(Flags.of(started.words, single_dash=True))
    variables = _variables(node, started)
    path = flags.get("config-file") or variables.get("config-file")
    if path:
        on_host = started.on_host(path)
        evidence = Evidence(source=Source.FILE, path=on_host)
        return Etcd(settings=_of_file(node, on_host), evidence=evidence, started=started)
    return Etcd(settings={**variables, **flags}, evidence=started.evidence, started=started)


def judge_etcd(judge: Callable[[Etcd, Node], Verdict]) -> Callable[[Node], Verdict]:
    """Return the judgement of a node by its etcd; a node without one has nothing to judge."""

    def judge_node(node: Node) -> Verdict:
        return judge(etcd_of(node), node)

    return judge_node


def data_directory(node: Node) -> str:
    """Return where etcd keeps its data, which may not exist. Raises NotThere where nothing speaks of etcd, and NotReadable."""
    try:
        etcd = etcd_of(node)
    except NotThere:
        return found_first(node, ETCD_DATA).path
    if etcd.text("data-dir").startswith("/"):
        return etcd.on_host(etcd.text("data-dir")).rstrip("/") or "/"
    # Unset it is a directory where etcd was started, which nothing tells.
    return found_first(node, ETCD_DATA).path


def _embedded(node: Node, missing: NotThere) -> Etcd:
    """Return how an etcd is set up that runs inside another program, which writes it a file."""
    try:
        path = found_first(node, ETCD_CONFIGURATION).path
    except NotThere:
        raise missing from None
    return Etcd(settings=_of_file(node, path), evidence=Evidence(source=Source.FILE, path=path))


def _as_settings(flags: Flags) -> dict[str, str]:
    return {flag.name: "true" if flag.value is None else flag.value for flag in flags.all}


def _variables(node: Node, started: Started) -> dict[str, str]:
    """Return what ETCD_* variables set: the container's, or those that the unit of a host's process gives it."""
    variables = started.environment
    if started.evidence.source is Source.PROC:
        try:
            variables = environment(node, unit(node, "etcd.service"))
        except NotThere:
            variables = _of_usual_file(node)
    return {
        name.removeprefix("ETCD_").lower().replace("_", "-"): value
        for name, value in variables.items()
        if name.startswith("ETCD_")
    }


def _of_usual_file(node: Node) -> Mapping[str, str]:
    try:
        found = found_first(node, ETCD_ENVIRONMENT).path
    except NotThere:
        return {}
    document = node.get(Document(found, Syntax.ENVIRONMENT))
    return {str(name): str(value) for name, value in document.items()} if isinstance(document, Mapping) else {}


def _of_file(node: Node, path: str) -> dict[str, str]:
    document = node.look(Document(path, Syntax.YAML))
    if isinstance(document, Unreadable):
        raise NotReadable(document)
    if isinstance(document, Absent) or not isinstance(document, Mapping):
        raise NotReadable(Unreadable(path, "wanted etcd's settings"))
    settings: dict[str, str] = {}
    for key, value in document.items():
        if key in _SECTIONS and isinstance(value, Mapping):
            settings |= {f"{_SECTIONS[key]}{name}": _word(each) for name, each in value.items() if each is not None}
        elif value is not None and not isinstance(value, Mapping):
            settings[str(key)] = _word(value)
    return settings


def _word(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
