"""What a kubelet is really set to: its live configuration, else flags over file and drop-ins over the defaults that then hold.

The default trap: with `--config`, what the file leaves out has the safe defaults of KubeletConfiguration v1beta1; without
it the flags' own hold, under which the kubelet takes anonymous requests, allows them all and answers on port 10255
(kubernetes cmd/kubelet/app/options, `applyLegacyDefaults`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from stridegate.model.nodes.answers import Absent, Unreadable
from stridegate.model.nodes.fields import Field, Origin, Setting, find, of_type
from stridegate.model.nodes.files import listed
from stridegate.model.nodes.kubelet_launches import Launch, launch_of
from stridegate.model.nodes.nodes import Node, NotReadable, NotThere
from stridegate.model.nodes.queries import Document, KubeletConfigz, Syntax
from stridegate.model.nodes.readings import TRUTH
from stridegate.model.nodes.verdicts import Evidence, Source

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """A kubelet's configuration as flags and files have it: `layers` are the files, a later one over those before it."""

    launch: Launch
    layers: tuple[tuple[str, Mapping[str, object]], ...]

    def setting(self, field: Field[T]) -> Setting[T]:
        """Return what a setting is by flags, files and defaults. Raises NotReadable for a value of another type."""
        if field.flag and field.flag in self.launch.flags:
            value = field.reading.of_flag(self.launch.flags, field.flag)
            place = f"{self.launch.evidence.path} --{field.flag}"
            evidence = Evidence(source=self.launch.evidence.source, path=place)
            return Setting(field=field, value=of_type(value, field, place), origin=Origin.FLAG, evidence=evidence)
        found, raw = find(self.merged, field.at)
        if found and raw is not None:
            place = f"{self._source(field.at)} {field.at}"
            value = of_type(field.reading.of_value(raw), field, place)
            if value or not field.zero_means_default:
                evidence = Evidence(source=Source.FILE, path=place)
                return Setting(field=field, value=value, origin=Origin.FILE, evidence=evidence)
        default = field.default if self.launch.config or field.bare is None else field.bare
        return Setting(field=field, value=default, origin=Origin.DEFAULT, evidence=self._silence())

    @property
    def merged(self) -> Mapping[str, object]:
        """Return what the files say together (JSON merge patch, RFC 7386)."""
        document: Mapping[str, object] = {}
        for _, layer in self.layers:
            document = _patched(document, layer)
        return document

    def _source(self, at: str) -> str:
        """Return the last file that says something at a place."""
        return next((path for path, layer in reversed(self.layers) if find(layer, at)[0]), "")

    def _silence(self) -> Evidence:
        """Return what a default rests on: the file that leaves the setting out, or a command line without a file."""
        if self.launch.config:
            return Evidence(source=Source.FILE, path=self.launch.config)
        return self.launch.evidence


def _patched(document: Mapping[str, object], patch: Mapping[str, object]) -> Mapping[str, object]:
    result = dict(document)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping):
            below = result.get(key)
            result[key] = _patched(below if isinstance(below, Mapping) else {}, value)
        else:
            result[key] = value
    return result


def live(node: Node) -> Mapping[str, object] | None:
    """Return the configuration that the kubelet serves, None where it could not be had."""
    answer = node.look(KubeletConfigz())
    if not isinstance(answer, Mapping):
        return None
    inner = answer.get("kubeletconfig", answer)  # as /configz wraps it
    return inner if isinstance(inner, Mapping) else None


def setting(node: Node, field: Field[T]) -> Setting[T]:
    """Return what a setting of the node's kubelet is.

    Raises NotAnswered; NotThere where there is no kubelet; NotReadable where its value could not be told.
    """
    served = live(node)
    if served is not None:
        found, raw = find(served, field.at)
        evidence = Evidence(source=Source.CONFIGZ, path=field.at)
        if found and raw is not None:
            value = of_type(field.reading.of_value(raw), field, f"configz {field.at}")
            return Setting(field=field, value=value, origin=Origin.LIVE, evidence=evidence)
        if field.omitted is not None:
            return Setting(field=field, value=field.omitted, origin=Origin.LIVE, evidence=evidence)
    try:
        return configuration(node).setting(field)
    except NotThere as missing:
        if served is None:
            raise
        raise NotReadable(Unreadable(f"configz {field.at}", "left out, and no kubelet was found")) from missing


def configuration(node: Node) -> Configuration:
    """Return the configuration by flags and files. Raises NotAnswered, NotThere without a kubelet, NotReadable."""
    launch = launch_of(node)
    return Configuration(launch=launch, layers=_layers(node, launch))


def _layers(node: Node, launch: Launch) -> tuple[tuple[str, Mapping[str, object]], ...]:
    paths = [launch.config] if launch.config else []
    if launch.drop_ins:
        # The kubelet walks the directory: what is in `a/` comes before `a.conf` (Go filepath.WalkDir).
        paths += sorted(listed(node, launch.drop_ins, "*.conf", 8), key=lambda path: path.split("/"))
    answers = node.look_at([Document(path, Syntax.JSON if path.endswith(".json") else Syntax.YAML) for path in paths])
    return tuple((path, _configuration(path, answer)) for path, answer in zip(paths, answers, strict=True))


def _configuration(path: str, answer: object) -> Mapping[str, object]:
    if isinstance(answer, Unreadable):
        raise NotReadable(answer)
    if isinstance(answer, Absent):
        raise NotReadable(Unreadable(path, "the kubelet is told to read it, and it is not there"))
    if answer is None:
        return {}
    if not isinstance(answer, Mapping):
        raise NotReadable(Unreadable(path, "wanted a KubeletConfiguration"))
    return answer


def gate(node: Node, name: str, *, default: bool) -> Setting[bool]:
    """Return how a feature gate of the kubelet is set; `default` where nothing sets it. Raises as `setting` does."""
    field = Field(at=f"featureGates.{name}", reading=TRUTH, default=default)
    served = live(node)
    if served is not None:
        found, raw = find(served, field.at)
        evidence = Evidence(source=Source.CONFIGZ, path=field.at)
        value = of_type(field.reading.of_value(raw), field, f"configz {field.at}") if found else default
        return Setting(field=field, value=value, origin=Origin.LIVE if found else Origin.DEFAULT, evidence=evidence)
    here = configuration(node)
    said = here.launch.flags.gate(name)
    if said is None:
        return here.setting(field)
    evidence = Evidence(source=here.launch.evidence.source, path=f"{here.launch.evidence.path} --feature-gates")
    return Setting(field=field, value=said, origin=Origin.FLAG, evidence=evidence)
