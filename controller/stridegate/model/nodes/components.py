"""How a component of the control plane was started: its flags, its environment, and where its files are on the node."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from stridegate.model.nodes.answers import Absent, Unreadable
from stridegate.model.nodes.flags import Flags
from stridegate.model.nodes.nodes import Node, NotReadable, NotThere
from stridegate.model.nodes.paths import MICROK8S_ARGUMENTS, manifests
from stridegate.model.nodes.programs import arguments, component_processes, expanded, started
from stridegate.model.nodes.queries import Document, FileText, KubeletPods, Syntax
from stridegate.model.nodes.verdicts import Evidence, Source

JsonObject = Mapping[str, object]

# Where the kubelet got a pod from; it sets this itself, whatever a pod from the API says of it
# (kubernetes pkg/kubelet/types, ConfigSourceAnnotationKey).
_SOURCE_ANNOTATION = "kubernetes.io/config.source"
_STATIC_SOURCES = frozenset({"file", "http"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A component as it was started: what its command line and its environment say, and on what evidence.

    `mounts` maps the paths inside its container to those on the node; without any, its paths are the node's.
    """

    component: str
    words: tuple[str, ...]
    evidence: Evidence
    environment: Mapping[str, str] = field(default_factory=dict)
    mounts: Mapping[str, str] | None = None

    @property
    def flags(self) -> Flags:
        """Its flags, as Kubernetes' components read them."""
        return Flags.of(self.words)

    def on_host(self, path: str) -> str:
        """Return where on the node a path of the component's leads. Raises NotReadable where it is inside its image alone."""
        if self.mounts is None:
            return path
        within = [point for point in self.mounts if path == point or path.startswith(point.rstrip("/") + "/")]
        if not within:
            raise NotReadable(Unreadable(path, f"inside the container of {self.component}, not on the node"))
        longest = max(within, key=len)
        return self.mounts[longest].rstrip("/") + path[len(longest.rstrip("/")) :]


def component(node: Node, name: str) -> Started:
    """Return how a component was started: as the kubelet serves its static pod, else by its manifest, else as it runs.

    Raises NotThere where no evidence of it exists, NotReadable where some may but could not be read.
    """
    pods = node.look(KubeletPods())
    if not isinstance(pods, Absent | Unreadable):
        served = (
            _of_pod(pod, name, Evidence(source=Source.KUBELET, path=f"/pods {name}")) for pod in pods if _static(pod)
        )
        for found in served:
            if found is not None:
                return found
    hidden = [pods] if isinstance(pods, Unreadable) else []
    for found in _in_manifests(node, name, hidden):
        return found
    for process in component_processes(node, name):
        return Started(
            component=name,
            words=arguments(process.argv, name),
            evidence=Evidence(source=Source.PROC, path=f"process {name}"),
        )
    others = [each for each in hidden if each is not pods]
    if others:
        raise NotReadable(others[0])
    raise NotThere(Absent(name))


def _static(pod: JsonObject) -> bool:
    return _text(pod, "metadata", "annotations", _SOURCE_ANNOTATION) in _STATIC_SOURCES


def _in_manifests(node: Node, name: str, hidden: list[Unreadable]) -> Iterator[Started]:
    """Yield what the manifests on the disk start; what could not be read is added to `hidden`."""
    for path in manifests(name).on(node.circumstances.installation):
        evidence = Evidence(source=Source.MANIFEST, path=path)
        if path.startswith(MICROK8S_ARGUMENTS):
            text = node.look(FileText(path))
            if isinstance(text, str):
                yield Started(component=name, words=_argument_lines(text), evidence=evidence)
            elif isinstance(text, Unreadable):
                hidden.append(text)
            continue
        answer = node.look(Document(path, Syntax.YAML))
        if isinstance(answer, Unreadable):
            hidden.append(answer)
        elif isinstance(answer, Mapping) and (found := _of_document(answer, name, evidence)) is not None:
            yield found


def _of_document(document: JsonObject, name: str, evidence: Evidence) -> Started | None:
    """Return what a static pod's manifest starts, or a file of BOSH's process manager (bpm.yml: processes with args)."""
    for process in _maps(document.get("processes")):
        if process.get("name") == name:
            return Started(component=name, words=_texts(process.get("args")), evidence=evidence)
    return _of_pod(document, name, evidence)


def _of_pod(pod: JsonObject, name: str, evidence: Evidence) -> Started | None:
    spec = pod.get("spec")
    if not isinstance(spec, Mapping):
        return None
    for container in _maps(spec.get("containers")):
        environment = {
            str(each["name"]): str(each["value"])
            for each in _maps(container.get("env"))
            if "name" in each and "value" in each
        }
        command = [*_texts(container.get("command")), *_texts(container.get("args"))]
        words = started([expanded(word, environment) for word in command], name)
        if words is None and container.get("name") == name and not container.get("command"):
            words = _texts(container.get("args"))  # the image's own entry point
        if words is not None:
            return Started(
                component=name, words=words, evidence=evidence, environment=environment, mounts=_mounts(spec, container)
            )
    return None


def _mounts(spec: JsonObject, container: JsonObject) -> Mapping[str, str]:
    """Return what of the node is mounted where: mount points of hostPath volumes, and the paths on the node behind them."""
    volumes = {
        str(volume.get("name")): path
        for volume in _maps(spec.get("volumes"))
        if (path := _text(volume, "hostPath", "path"))
    }
    mounts = {}
    for mount in _maps(container.get("volumeMounts")):
        behind = volumes.get(str(mount.get("name")))
        if behind is not None:
            below = _text(mount, "subPath")
            mounts[str(mount.get("mountPath"))] = f"{behind.rstrip('/')}/{below}" if below else behind
    return mounts


def _argument_lines(text: str) -> tuple[str, ...]:
    """Return the words of a file with a flag on each line, comments left out; a variable of the snap's own is resolved."""
    lines = (line.strip() for line in text.splitlines())
    words = (word for line in lines if line and not line.startswith("#") for word in line.split())
    return tuple(
        word.replace("${SNAP_DATA}", "/var/snap/microk8s/current").replace("$SNAP_DATA", "/var/snap/microk8s/current")
        for word in words
    )


def _maps(value: object) -> Iterator[JsonObject]:
    return (
        (each for each in value if isinstance(each, Mapping))
        if isinstance(value, Sequence) and not isinstance(value, str)
        else iter(())
    )


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        return ()
    return tuple(str(each) for each in value)


def _text(value: JsonObject, *keys: str) -> str | None:
    found: object = value
    for key in keys:
        if not isinstance(found, Mapping):
            return None
        found = cast("JsonObject", found).get(key)
    return found if isinstance(found, str) else None
