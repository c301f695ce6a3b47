"""What a node's kube-proxy is set to: its configuration file, which comes out of a ConfigMap as a rule, or else its flags.

With `--config`, kube-proxy ignores all other flags but a few that no rule asks for (kubernetes cmd/kube-proxy/app/options.go).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from stridegate.model.nodes.answers import Absent, Unreadable
from stridegate.model.nodes.components import component
from stridegate.model.nodes.fields import Field, Origin, Setting, find, of_type
from stridegate.model.nodes.flags import Flags
from stridegate.model.nodes.k3s import K3s, k3s_of
from stridegate.model.nodes.nodes import Node, NotReadable, NotThere
from stridegate.model.nodes.paths import base_name
from stridegate.model.nodes.programs import host_processes, started
from stridegate.model.nodes.queries import ConfigMapEntry, Document, HostProcesses, KubeletPods, Query, Syntax
from stridegate.model.nodes.readings import NUMBER, TEXT, TEXTS, TRUTH
from stridegate.model.nodes.verdicts import Evidence, Source

T = TypeVar("T")
JsonObject = Mapping[str, object]

# Where kubeadm and EKS keep it.
_CONFIG_MAPS = (("kube-proxy", "config.conf"), ("kube-proxy-config", "config"))

# What k3s gives it (k3s pkg/daemons/agent, kubeProxyArgs); its users' arguments come after.
_K3S = ("--proxy-mode=iptables", "--healthz-bind-address=127.0.0.1", "--conntrack-max-per-core=0")

METRICS = Field(
    at="metricsBindAddress",
    reading=TEXT,
    default="127.0.0.1:10249",
    flag="metrics-bind-address",
    zero_means_default=True,
)
HEALTH = Field(
    at="healthzBindAddress", reading=TEXT, default=":10256", flag="healthz-bind-address", zero_means_default=True
)
PROFILING = Field(at="enableProfiling", reading=TRUTH, default=False, flag="profiling")
NODE_PORT_ADDRESSES = Field(at="nodePortAddresses", reading=TEXTS, default=(), flag="nodeport-addresses")
MODE = Field(at="mode", reading=TEXT, default="", flag="proxy-mode")
CONNTRACK_PER_CORE = Field(at="conntrack.maxPerCore", reading=NUMBER, default=32768, flag="conntrack-max-per-core")


@dataclass(frozen=True, slots=True, kw_only=True)
class KubeProxy:
    """A kube-proxy's configuration file, or its flags where it has none; `evidence` tells where they were seen."""

    evidence: Evidence
    flags: Flags = field(default_factory=Flags)
    document: JsonObject | None = None

    def setting(self, wanted: Field[T]) -> Setting[T]:
        """Return what a setting is. Raises NotReadable for a value of another type."""
        found, raw = find(self.document or {}, wanted.at)
        place = f"{self.evidence.path} {wanted.at}"
        evidence = Evidence(source=self.evidence.source, path=place)
        if self.document is None and wanted.flag in self.flags:
            place = f"{self.evidence.path} --{wanted.flag}"
            value = of_type(wanted.reading.of_flag(self.flags, wanted.flag), wanted, place)
            flag = Evidence(source=self.evidence.source, path=place)
            return Setting(field=wanted, value=value, origin=Origin.FLAG, evidence=flag)
        if found and raw is not None:
            value = of_type(wanted.reading.of_value(raw), wanted, place)
            if value or not wanted.zero_means_default:
                return Setting(field=wanted, value=value, origin=Origin.FILE, evidence=evidence)
        return Setting(field=wanted, value=wanted.default, origin=Origin.DEFAULT, evidence=evidence)


def kube_proxy(node: Node) -> KubeProxy:
    """Return how the node's kube-proxy is set. Raises NotAnswered, NotThere where none runs, NotReadable."""
    pods = node.look(KubeletPods())
    for pod in pods if isinstance(pods, tuple) else ():
        if (words := _words(pod)) is not None:
            return _of_pod(node, pod, Flags.of(words))
    try:
        own = component(node, "kube-proxy")
    except NotThere:
        return _without_process(node, served=not isinstance(pods, Unreadable | Absent))
    config = own.flags.text("config")
    if not config:
        return KubeProxy(evidence=own.evidence, flags=own.flags)
    path = own.on_host(config)
    return _of_document(node, Document(path, Syntax.YAML), Evidence(source=Source.FILE, path=path))


def _words(pod: JsonObject) -> tuple[str, ...] | None:
    """Return what a pod in kube-system gives kube-proxy, None where it is none; anybody may call a pod elsewhere so."""
    metadata, spec = _map(pod.get("metadata")), _map(pod.get("spec"))
    if metadata.get("namespace") != "kube-system":
        return None
    for container in _maps(spec.get("containers")):
        words = [str(word) for key in ("command", "args") for word in _list(container.get(key))]
        if (found := started(words, "kube-proxy")) is not None:
            return found
    return None


def _of_pod(node: Node, pod: JsonObject, flags: Flags) -> KubeProxy:
    config = flags.text("config")
    if not config:
        return KubeProxy(evidence=Evidence(source=Source.KUBELET, path="/pods kube-proxy"), flags=flags)
    spec = _map(pod.get("spec"))
    for container in _maps(spec.get("containers")):
        for mount in _maps(container.get("volumeMounts")):
            point = str(mount.get("mountPath")).rstrip("/")
            if config.startswith(f"{point}/"):
                return _of_volume(node, spec, str(mount.get("name")), config, point)
    raise NotReadable(Unreadable(config, "inside the image of kube-proxy"))


def _of_volume(node: Node, spec: JsonObject, name: str, config: str, point: str) -> KubeProxy:
    volume = next((each for each in _maps(spec.get("volumes")) if each.get("name") == name), {})
    map_name = _map(volume.get("configMap")).get("name")
    if isinstance(map_name, str):
        return _of_config_map(node, map_name, base_name(config))
    host_path = _map(volume.get("hostPath")).get("path")
    if isinstance(host_path, str):
        path = host_path.rstrip("/") + config.removeprefix(point)
        return _of_document(node, Document(path, Syntax.YAML), Evidence(source=Source.FILE, path=path))
    raise NotReadable(Unreadable(config, "neither in a ConfigMap nor on the node"))


def _of_config_map(node: Node, name: str, key: str) -> KubeProxy:
    evidence = Evidence(source=Source.API, path=f"ConfigMap kube-system/{name} {key}")
    return _of_document(node, ConfigMapEntry(name, key, Syntax.YAML), evidence)


def _of_document(node: Node, query: Query[object], evidence: Evidence) -> KubeProxy:
    answer = node.look(query)
    if isinstance(answer, Absent):
        raise NotReadable(Unreadable(evidence.path, "kube-proxy is told to read it, and it is not there"))
    if isinstance(answer, Unreadable):
        raise NotReadable(answer)
    if answer is not None and not isinstance(answer, Mapping):
        raise NotReadable(Unreadable(evidence.path, "wanted a KubeProxyConfiguration"))
    return KubeProxy(evidence=evidence, document=answer or {})


def _without_process(node: Node, *, served: bool) -> KubeProxy:
    """Return what a ConfigMap says where no kube-proxy could be told from what merely calls itself so."""
    for role in ("server", "agent"):
        try:
            return _of_k3s(k3s_of(node, role))
        except NotThere:
            continue
    if host_processes(node, "kubelite"):
        raise NotReadable(Unreadable("kube-proxy", "runs inside kubelite, and its arguments are not there"))
    seen = [process for process in node[HostProcesses()] if started(process.argv, "kube-proxy") is not None]
    if served or not seen or not host_processes(node, "kubelet"):  # without a kubelet, the pod is another node's
        raise NotThere(Absent("kube-proxy"))
    for name, key in _CONFIG_MAPS:
        if not isinstance(node.look(ConfigMapEntry(name, key, Syntax.YAML)), Absent):
            return _of_config_map(node, name, key)
    raise NotReadable(Unreadable("kube-proxy", "a pod runs it, and the kubelet did not say with which settings"))


def _of_k3s(k3s: K3s) -> KubeProxy:
    """Return how k3s starts kube-proxy inside itself."""
    if k3s.text("disable-kube-proxy") == "true":
        raise NotThere(Absent("kube-proxy"))
    if k3s.hidden:
        raise NotReadable(Unreadable("kube-proxy", "runs inside k3s, which hides its arguments, and has no unit"))
    given = [f"--{argument.removeprefix('--')}" for argument in k3s.options.get("kube-proxy-arg", ())]
    return KubeProxy(evidence=Evidence(source=Source.PROC, path="k3s kube-proxy-arg"), flags=Flags.of([*_K3S, *given]))


def _map(value: object) -> JsonObject:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> Sequence[object]:
    return value if isinstance(value, list | tuple) else ()


def _maps(value: object) -> list[JsonObject]:
    return [each for each in _list(value) if isinstance(each, Mapping)]
