"""A static pod whose manifest, whose pod as the kubelet serves it, and whose process do not say the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from stridegate.model.nodes.answers import REDACTED, Absent, Process, Unreadable
from stridegate.model.nodes.file_rules import MISCONFIGURED_HOST
from stridegate.model.nodes.files import listed
from stridegate.model.nodes.kubelet import setting
from stridegate.model.nodes.kubelet_fields import STATIC_PODS
from stridegate.model.nodes.nodes import Node, NotReadable, NotThere
from stridegate.model.nodes.paths import STATIC_POD_DIRECTORIES, base_name
from stridegate.model.nodes.programs import expanded
from stridegate.model.nodes.queries import Document, HostProcesses, KubeletPods, Syntax
from stridegate.model.nodes.remedies import Remedy
from stridegate.model.nodes.rules import HostFile, NodeExample, NodeRule
from stridegate.model.nodes.runtime_rules import judged
from stridegate.model.nodes.verdicts import Evidence, Offender, Source, State, Verdict
from stridegate.model.vocabulary import Severity, Stride

JsonObject = Mapping[str, object]
Words = tuple[str, ...]

# The kubelet writes it itself; `http` is a manifest that it fetches, of which there is no file.
_SOURCE = "kubernetes.io/config.source"
# What starts something else, whose words then are not the container's.
_STARTERS = frozenset(
    {"sh", "bash", "dash", "ash", "env", "go-runner", "kube-log-runner", "tini", "dumb-init", "timeout"}
)


@dataclass(frozen=True, slots=True)
class _Pod:
    """What of a pod is compared: the words of its containers, variables replaced where their values stand in the pod.

    `whole` names the containers whose words are all that their processes are started with; the others' images say more.
    """

    name: str
    uid: str
    containers: Mapping[str, Words]
    whole: frozenset[str]

    @classmethod
    def of(cls, document: JsonObject) -> _Pod:
        metadata, spec = _map(document.get("metadata")), _map(document.get("spec"))
        namespace = metadata.get("namespace") or "default"
        containers = {str(each.get("name")): each for each in _maps(spec.get("containers"))}
        return cls(
            f"{namespace}/{metadata.get('name')}",
            str(metadata.get("uid") or ""),
            {name: _words(each) for name, each in containers.items()},
            frozenset(name for name, each in containers.items() if each.get("command")),
        )


def _judge(node: Node) -> Verdict:
    served = [pod for pod in node[KubeletPods()] if _annotation(pod) == "file"]
    manifests = _manifests(node)
    if not served and not manifests:
        raise NotThere(Absent("static pods"))
    offenders = list(_against_manifests(manifests, [_Pod.of(pod) for pod in served]))
    processes = node[HostProcesses()]
    for pod in map(_Pod.of, served):
        offenders += _against_processes(pod, [each for each in processes if _same(each.pod_uid, pod.uid)])
    evidence = Evidence(source=Source.KUBELET, path="/pods against manifests and processes")
    return judged(evidence, offenders, f"{len(served)} static pods alike in all three")


def _manifests(node: Node) -> dict[str, _Pod]:
    """Return what the files say that the kubelet reads: all in the directory whose names begin with no dot."""
    try:
        named = setting(node, STATIC_PODS).value
    except NotThere:
        named = ""
    directories = (named,) if named else STATIC_POD_DIRECTORIES.on(node.circumstances.installation)
    paths = [path for each in directories for path in listed(node, each) if not base_name(path).startswith(".")]
    found = {}
    for path, answer in zip(paths, node.look_at([Document(path, Syntax.YAML) for path in paths]), strict=True):
        if isinstance(answer, Unreadable):
            raise NotReadable(answer)
        if isinstance(answer, Mapping) and answer.get("kind") == "Pod":
            found[path] = _Pod.of(answer)
    return found


def _against_manifests(manifests: Mapping[str, _Pod], served: Sequence[_Pod]) -> Iterator[Offender]:
    """Yield what a file and the pod that the kubelet made of it do not have alike; its name there ends with the node's."""
    known = set()
    for path, manifest in manifests.items():
        pods = [pod for pod in served if pod.name.startswith(f"{manifest.name}-") or pod.name == manifest.name]
        if not pods:
            yield Offender(name=path, observed="the kubelet serves no such pod")
            continue
        pod = min(pods, key=lambda each: len(each.name))
        known.add(pod.name)
        for name in sorted({*manifest.containers, *pod.containers}):
            words = _difference(manifest.containers.get(name), pod.containers.get(name))
            if words:
                yield Offender(name=f"{path} {name}", observed=f"manifest and pod differ: {words}")
    yield from (Offender(name=pod.name, observed="no file has its manifest") for pod in served if pod.name not in known)


def _against_processes(pod: _Pod, processes: Sequence[Process]) -> Iterator[Offender]:
    """Yield what a pod's process was started with and its container does not say. What does not run cannot differ."""
    for name, words in pod.containers.items():
        program = base_name(words[0]) if words else ""
        running = [each.argv for each in processes if each.argv and base_name(each.argv[0]) == program]
        if name not in pod.whole or program in _STARTERS or not running:
            continue
        differences = [_difference(words, argv) for argv in running]
        if all(differences):
            yield Offender(name=f"{pod.name}/{name}", observed=f"pod and process differ: {differences[0]}")


def _difference(wanted: Words | None, got: Words | None) -> str:
    """Return the first word that differs, without its value, which may be secret; empty where nothing does."""
    if wanted is None or got is None:
        return "a container more or less"
    for index in range(max(len(wanted), len(got))):
        left = wanted[index] if index < len(wanted) else None
        right = got[index] if index < len(got) else None
        if not _alike(left, right):
            return (left or right or "").partition("=")[0][:60]
    return ""


def _alike(left: str | None, right: str | None) -> bool:
    """Tell whether two words may be the same: of some only the kubelet knows the value, and secrets are not told."""
    if left is None or right is None:
        return left == right
    if "$(" in left or REDACTED in {left, right}:
        return True
    if REDACTED in left or REDACTED in right:
        return left.partition("=")[0] == right.partition("=")[0]
    return left == right


def _words(container: JsonObject) -> Words:
    """Return a container's command and arguments."""
    environment = {
        str(each["name"]): str(each["value"])
        for each in _maps(container.get("env"))
        if "name" in each and "value" in each
    }
    return tuple(expanded(word, environment) for key in ("command", "args") for word in _texts(container.get(key)))


def _annotation(pod: JsonObject) -> object:
    return _map(_map(pod.get("metadata")).get("annotations")).get(_SOURCE)


def _same(one: str, other: str) -> bool:
    """Tell whether two uids are the same: that of a static pod is a hash without dashes, a cgroup's name may have some."""
    return bool(one) and one.replace("-", "") == other.replace("-", "")


def _map(value: object) -> JsonObject:
    return value if isinstance(value, Mapping) else {}


def _maps(value: object) -> list[JsonObject]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list | tuple) else []


def _texts(value: object) -> Words:
    return tuple(map(str, value)) if isinstance(value, list | tuple) else ()


_MANIFEST = "/etc/kubernetes/manifests/kube-scheduler.yaml"
_UID = "0123456789abcdef0123456789abcdef"
_SAFE = ("kube-scheduler", "--bind-address=127.0.0.1", "--profiling=false")
_UNSAFE = ("kube-scheduler", "--bind-address=0.0.0.0", "--profiling=false")


def _host(title: str, state: State, manifest: Words | None, served: Words | None, process: Words | None) -> NodeExample:
    """Return a host with one static pod, as each of the three tells it, None where it does not."""
    text = "kind: Pod\nmetadata: {name: kube-scheduler, namespace: kube-system}\nspec:\n  containers:\n"
    text += f"  - {{name: kube-scheduler, command: [{', '.join(manifest or ())}]}}\n"
    pod = {
        "metadata": {
            "name": "kube-scheduler-node1",
            "namespace": "kube-system",
            "uid": _UID,
            "annotations": {_SOURCE: "file"},
        },
        "spec": {"containers": [{"name": "kube-scheduler", "command": list(served or ())}]},
    }
    running = Process(
        pid=1000, comm="kube-scheduler", argv=process or (), pod_uid=_UID, namespace_pids=(1000, 1), static=True
    )
    return NodeExample(
        title=title,
        state=state,
        files={_MANIFEST: HostFile(text=text)} if manifest else {},
        processes=(running,) if process else (),
        answers={KubeletPods(): (pod,) if served else ()},
    )


RULES = (
    NodeRule(
        slug="static-pod-divergence",
        severity=Severity.HIGH,
        stride=frozenset({Stride.REPUDIATION}),
        references=(),
        threats=frozenset({MISCONFIGURED_HOST, "unauthorized-apiserver-change", "etcd-config-tampering"}),
        wrong="A static pod's manifest, the pod that the kubelet serves and its process are not the same.",
        threat="A manifest that looks right hides a control plane that runs with something else.",
        wants="have the same command and arguments in its manifest, in the pod that the kubelet serves and in its process",
        fix="Compare the manifest with its source, then move it out of the directory and in again",
        remedy=Remedy.HOST,
        judge=_judge,
        examples=(
            _host("all three alike", State.PASS, _SAFE, _SAFE, _SAFE),
            _host("a manifest that was changed and not taken up", State.FAIL, _SAFE, _UNSAFE, _UNSAFE),
            _host("a process that nothing explains", State.FAIL, _SAFE, _SAFE, _UNSAFE),
            _host(
                "a secret, which is not told",
                State.PASS,
                (*_SAFE, "--a-token=x"),
                (*_SAFE, "--a-token=x"),
                (*_SAFE, "--a-token=x"),
            ),
            _host(
                "what only the kubelet knows",
                State.PASS,
                (*_SAFE, "--ip=$(IP)"),
                (*_SAFE, "--ip=$(IP)"),
                (*_SAFE, "--ip=192.0.2.1"),
            ),
            _host("one flag more", State.FAIL, _SAFE, _SAFE, (*_SAFE, "--v=9")),
            _host("a pod without a manifest", State.FAIL, None, _SAFE, _SAFE),
            _host("a manifest without a pod", State.FAIL, _SAFE, None, None),
            _host("a pod that does not run", State.PASS, _SAFE, _SAFE, None),
            _host("no static pods", State.NOT_APPLICABLE, None, None, None),
        ),
    ),
)
