"""How a component of the control plane was started: its flags, its environment, and where its files are on the node."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar, cast

from stridegate.model.nodes.answers import Absent, Unreadable
from stridegate.model.nodes.files import Finder, found_first
from stridegate.model.nodes.flags import Flags
from stridegate.model.nodes.k3s import CONFIGURATION, embedded_words
from stridegate.model.nodes.nodes import Node, NotAnswered, NotReadable, NotThere, Role
from stridegate.model.nodes.paths import MICROK8S_ARGUMENTS, STATIC_POD_DIRECTORIES, base_name, manifests
from stridegate.model.nodes.programs import arguments, component_processes, expanded, started
from stridegate.model.nodes.queries import Document, FilesUnder, FileText, KubeletPods, Query, Syntax
from stridegate.model.nodes.verdicts import Evidence, Source, State, Verdict

T = TypeVar("T")
JsonObject = Mapping[str, object]

# Where the kubelet got a pod from; it sets this itself, whatever a pod from the API says of it
# (kubernetes pkg/kubelet/types, ConfigSourceAnnotationKey).
_SOURCE_ANNOTATION = "kubernetes.io/config.source"
# A component has some hundred flags at most.
_MOST_WORDS = 5_000
# Where OpenShift's file has a component's flags: lists, by flag.
_OPENSHIFT_ARGUMENTS = {"kube-apiserver": "apiServerArguments"}
# The kubelet reads files of any name; these are what people write.
_MANIFEST_ENDINGS = ("*.yaml", "*.yml", "*.json", "*.manifest")
_STATIC_SOURCES = frozenset({"file", "http"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A component as it was started: what its command line and its environment say, and on what evidence.

    `mounts` maps the paths inside its container to those on the node, or to None where a volume is not of the node;
    without any, its paths are the node's.
    """

    component: str
    words: tuple[str, ...]
    evidence: Evidence
    environment: Mapping[str, str] = field(default_factory=dict)
    mounts: Mapping[str, str | None] | None = None

    def verdict(self, state: State, observed: str, note: str = "") -> Verdict:
        """Return a verdict that rests on how it was started."""
        return Verdict(state=state, observed=observed[:128], evidence=self.evidence, note=note)

    @property
    def flags(self) -> Flags:
        """Its flags, as Kubernetes' components read them."""
        return Flags.of(self.words)

    def on_host(self, path: str) -> str:
        """Return where on the node a path of the component's leads. Raises NotReadable where it is inside its image alone."""
        if "${" in path or "$(" in path:
            raise NotReadable(Unreadable(path, "holds a variable whose value is not known"))
        if self.mounts is None:
            return path
        within = [point for point in self.mounts if path == point or path.startswith(point.rstrip("/") + "/")]
        longest = max(within, key=len, default="")
        behind = self.mounts.get(longest)
        if behind is None:
            raise NotReadable(Unreadable(path, f"inside the container of {self.component}, not on the node"))
        return behind.rstrip("/") + path[len(longest.rstrip("/")) :]


def on_control_plane(node: Node) -> None:
    """Raise NotThere where nothing says that a node is of the control plane: neither its role nor an API server's manifest."""
    if node.circumstances.role is not Role.CONTROL_PLANE:
        try:
            found_first(node, manifests("kube-apiserver"))
        except NotThere:
            raise NotThere(Absent("the control plane")) from None


def manifest_of(name: str) -> Finder:
    """Return what finds the manifest of a component's static pod: where it usually is, else by what it starts."""

    def find(node: Node) -> tuple[str, ...]:
        try:
            return (found_first(node, manifests(name)).path,)
        except NotThere:
            found = _in_manifests(node, name)
            if found is None:
                raise
            return (found.evidence.path,)

    return find


def named_file(name: str, flag: str, otherwise: Finder) -> Finder:
    """Return what finds the file that a component's flag names, else where it is without one."""

    def find(node: Node) -> Iterable[str]:
        try:
            started = component(node, name)
        except NotThere:
            return otherwise(node)
        path = started.flags.text(flag)
        return (started.on_host(path),) if path else otherwise(node)

    return find


def component(node: Node, name: str) -> Started:
    """Return how a component was started: as the kubelet serves its static pod, else by its manifest, else as it runs.

    OpenShift writes most of a component's flags to a file of its own (`--openshift-config`); they count as if they stood on
    the command line. Inside k3s a component has no process, and its flags are those that k3s gives it.

    A kubelet that does not say is no obstacle, a manifest that cannot be read is one. Raises NotThere or NotReadable.
    """
    key = (component, name)
    if key not in node.concluded:
        try:
            node.concluded[key] = _bounded(_with_openshift(node, _component(node, name)))
        except (NotAnswered, NotThere, NotReadable) as error:
            node.concluded[key] = error
    concluded = cast("Started | NotAnswered | NotThere | NotReadable", node.concluded[key])
    match concluded:
        case Started() as started:
            return started
        case NotAnswered() as unanswered:
            raise NotAnswered(unanswered.queries)
        case NotThere() as missing:
            raise NotThere(missing.absent)
        case NotReadable() as hidden:
            raise NotReadable(hidden.unreadable)


def _bounded(started: Started) -> Started:
    """Return what can be a component. Raises NotReadable for what only somebody writes who wants it to be read for long."""
    if len(started.words) > _MOST_WORDS:
        raise NotReadable(Unreadable(f"command line of {started.component}", f"has more than {_MOST_WORDS} words"))
    return started


def _with_openshift(node: Node, started: Started) -> Started:
    """Return a component with the flags that OpenShift keeps in a file."""
    path = started.flags.text("openshift-config")
    if not path:
        return started
    document = node.get(Document(started.on_host(path), Syntax.YAML))
    if not isinstance(document, Mapping):
        raise NotReadable(Unreadable(path, f"wanted the settings of {started.component}"))
    given = document.get(_OPENSHIFT_ARGUMENTS.get(started.component, "extendedArguments"))
    words = (f"--{flag}={value}" for flag, values in _pairs(given) for value in values)
    return replace(started, words=(*words, *started.words))


def _component(node: Node, name: str) -> Started:
    pods = node.look(KubeletPods())
    if not isinstance(pods, Absent | Unreadable):
        for pod in filter(_static, pods):
            if (found := _of_pod(pod, name, Evidence(source=Source.KUBELET, path=f"/pods {name}"))) is not None:
                return found
    if (found := _in_manifests(node, name)) is not None:
        return found
    for process in component_processes(node, name):
        return Started(
            component=name,
            words=arguments(process.argv, name),
            evidence=Evidence(source=Source.PROC, path=f"process {name}"),
        )
    try:
        words = embedded_words(node, name)
    except NotThere:
        raise NotThere(Absent(name)) from None
    return Started(component=name, words=words, evidence=Evidence(source=Source.FILE, path=CONFIGURATION))


def _static(pod: JsonObject) -> bool:
    return _text(pod, "metadata", "annotations", _SOURCE_ANNOTATION) in _STATIC_SOURCES


def _in_manifests(node: Node, name: str) -> Started | None:
    """Return what the manifest of its own name starts, else any other: the kubelet reads whatever lies in that directory."""
    installation = node.circumstances.installation
    usual, *others = manifests(name).stages(installation)
    directories = STATIC_POD_DIRECTORIES.on(installation)
    listings = [FilesUnder(directory, ending) for directory in directories for ending in _MANIFEST_ENDINGS]
    node.look_at([*map(_contents, usual), *listings])
    listed = sorted({path for listing in listings for path in node.get(listing) or ()} - {*usual})
    for paths in (usual, [path for path in listed if not base_name(path).startswith(".")], *others):
        for found in _in_files(node, name, paths):
            return found
    return None


def _in_files(node: Node, name: str, paths: Sequence[str]) -> Iterator[Started]:
    """Yield what files start. Raises NotReadable where any could not be read, since it might be the one."""
    contents = [_readable(answer) for answer in node.look_at([_contents(path) for path in paths])]
    for path, content in zip(paths, contents, strict=True):
        evidence = Evidence(source=Source.MANIFEST, path=path)
        if isinstance(content, str) and path.startswith(MICROK8S_ARGUMENTS):
            yield Started(component=name, words=_argument_lines(content), evidence=evidence)
        elif isinstance(content, Mapping) and (found := _of_document(content, name, evidence)) is not None:
            yield found


def _contents(path: str) -> Query[object]:
    """Return the query for a file that starts something: lines of flags in microk8s, else a manifest."""
    return FileText(path) if path.startswith(MICROK8S_ARGUMENTS) else Document(path, Syntax.YAML)


def _readable(answer: T | Absent | Unreadable) -> T | None:
    if isinstance(answer, Unreadable):
        raise NotReadable(answer)
    return None if isinstance(answer, Absent) else answer


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
        words = started([expanded(word, environment) for word in command], name, environment=environment)
        if words is None and container.get("name") == name and not container.get("command"):
            words = _texts(container.get("args"))  # the image's own entry point
        if words is not None:
            return Started(
                component=name, words=words, evidence=evidence, environment=environment, mounts=_mounts(spec, container)
            )
    return None


def _mounts(spec: JsonObject, container: JsonObject) -> Mapping[str, str | None]:
    """Return what is mounted where: the paths on the node behind mount points, None behind those of other volumes than hostPath."""
    volumes = {str(volume.get("name")): _text(volume, "hostPath", "path") for volume in _maps(spec.get("volumes"))}
    mounts: dict[str, str | None] = {}
    for mount in _maps(container.get("volumeMounts")):
        behind = volumes.get(str(mount.get("name")))
        below = _text(mount, "subPath")
        mounts[str(mount.get("mountPath"))] = f"{behind.rstrip('/')}/{below}" if behind and below else behind
    return mounts


def _argument_lines(text: str) -> tuple[str, ...]:
    """Return the words of a file with a flag on each line, comments left out; a variable of the snap's own is resolved."""
    lines = (line.strip() for line in text.splitlines())
    words = (word for line in lines if line and not line.startswith("#") for word in line.split())
    return tuple(
        word.replace("${SNAP_DATA}", "/var/snap/microk8s/current").replace("$SNAP_DATA", "/var/snap/microk8s/current")
        for word in words
    )


def _pairs(value: object) -> Iterator[tuple[str, tuple[str, ...]]]:
    for key, each in value.items() if isinstance(value, Mapping) else ():
        yield str(key), _texts(each)


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
