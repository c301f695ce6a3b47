"""What kube-proxy shows of itself, where it opens node ports, and what it lets connections use up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from stridegate.model.nodes.addresses import is_loopback
from stridegate.model.nodes.answers import Process
from stridegate.model.nodes.fields import Field, Setting
from stridegate.model.nodes.kube_proxy import (
    CONNTRACK_PER_CORE,
    HEALTH,
    METRICS,
    MODE,
    NODE_PORT_ADDRESSES,
    PROFILING,
    kube_proxy,
)
from stridegate.model.nodes.kubelet_rules import RUNTIME_EXPOSURE
from stridegate.model.nodes.nodes import Node
from stridegate.model.nodes.queries import ConfigMapEntry, KubeletPods, Syntax
from stridegate.model.nodes.remedies import Remedy
from stridegate.model.nodes.rules import HostFile, NodeExample, NodeRule
from stridegate.model.nodes.verdicts import State, Verdict
from stridegate.model.references import CisKubernetes
from stridegate.model.vocabulary import Severity, Stride

T = TypeVar("T")

_DISCLOSURE = frozenset({Stride.INFORMATION_DISCLOSURE})
_CLAIMS = RUNTIME_EXPOSURE | {"kube-proxy-disclosure"}
_EVERYWHERE = frozenset({"0.0.0.0/0", "::/0"})


def _of(field: Field[T], judge: Callable[[Setting[T]], Verdict]) -> Callable[[Node], Verdict]:
    return lambda node: judge(kube_proxy(node).setting(field))


def _metrics(found: Setting[str]) -> Verdict:
    return found.verdict(_state(found.value, State.FAIL), wanted="127.0.0.1:10249")


def _health(found: Setting[str]) -> Verdict:
    state = _state(found.value, State.WARN)
    note = "" if state is State.PASS else "Load balancers may need it: then let the firewall admit them alone."
    return found.verdict(state, wanted="127.0.0.1:10256", note=note)


def _state(address: str, otherwise: State) -> State:
    if not address:  # an empty flag switches the server off
        return State.PASS
    return State.PASS if is_loopback(address) else otherwise


def _profiling(found: Setting[bool]) -> Verdict:
    return found.verdict(State.FAIL if found.value else State.PASS, wanted="false")


def _node_ports(node: Node) -> Verdict:
    proxy = kube_proxy(node)
    found = proxy.setting(NODE_PORT_ADDRESSES)
    if found.value and not _EVERYWHERE & set(found.value):
        return found.verdict(State.PASS)
    if not found.value and proxy.setting(MODE).value == "nftables":
        return found.verdict(State.PASS, note="In mode nftables, node ports open on the node's primary address alone.")
    return found.verdict(State.FAIL, wanted="some addresses")


def _conntrack(found: Setting[int]) -> Verdict:
    return found.verdict(State.PASS if found.value > 0 else State.FAIL, wanted="more than 0")


def _pod(*arguments: str, namespace: str = "kube-system") -> Mapping[str, object]:
    return {
        "metadata": {"name": "kube-proxy-x", "namespace": namespace, "uid": "0b0b0b0b-0000-4000-8000-000000000001"},
        "spec": {
            "containers": [
                {
                    "name": "kube-proxy",
                    "command": ["/usr/local/bin/kube-proxy", *arguments],
                    "volumeMounts": [{"name": "kube-proxy", "mountPath": "/var/lib/kube-proxy"}],
                }
            ],
            "volumes": [{"name": "kube-proxy", "configMap": {"name": "kube-proxy"}}],
        },
    }


def _mapped(title: str, state: State, configuration: object) -> NodeExample:
    """Return a host whose kubelet serves a kube-proxy that reads its ConfigMap."""
    return NodeExample(
        title=title,
        state=state,
        answers={
            KubeletPods(): (_pod("--config=/var/lib/kube-proxy/config.conf", "--metrics-bind-address=0.0.0.0"),),
            ConfigMapEntry("kube-proxy", "config.conf", Syntax.YAML): configuration,
        },
    )


def _flagged(title: str, state: State, *flags: str) -> NodeExample:
    """Return a host that runs kube-proxy itself."""
    process = Process(pid=800, comm="kube-proxy", argv=("/usr/bin/kube-proxy", *flags), namespace_pids=(800,))
    return NodeExample(title=title, state=state, processes=(process,))


_NONE = NodeExample(title="no kube-proxy", state=State.NOT_APPLICABLE)
_ELSEWHERE = NodeExample(
    title="somebody's pod that calls itself so",
    state=State.NOT_APPLICABLE,
    answers={KubeletPods(): (_pod("--metrics-bind-address=0.0.0.0", namespace="shop"),)},
)


def _k3s(title: str, state: State, settings: str) -> NodeExample:
    """Return a host that runs kube-proxy inside k3s."""
    process = Process(pid=600, comm="k3s-server", argv=("/usr/local/bin/k3s", "server"), namespace_pids=(600,))
    files = {"/etc/rancher/k3s/config.yaml": HostFile(text=settings)}
    return NodeExample(title=title, state=state, files=files, processes=(process,))


RULES = (
    NodeRule(
        slug="exposed-kube-proxy-metrics",
        severity=Severity.MEDIUM,
        stride=_DISCLOSURE,
        references=(CisKubernetes("4.3.1"),),
        threats=_CLAIMS,
        wrong="kube-proxy shows its metrics to the network.",
        threat="Whoever reaches the port learns the cluster's services and reads the proxy's configuration.",
        wants="bind its metrics to loopback",
        fix="metricsBindAddress: 127.0.0.1:10249",
        remedy=Remedy.KUBE_PROXY,
        judge=_of(METRICS, _metrics),
        examples=(
            _mapped("on every address", State.FAIL, {"metricsBindAddress": "0.0.0.0:10249"}),
            _mapped("on every IPv6 address", State.FAIL, {"metricsBindAddress": "[::]:10249"}),
            _mapped(
                "on a name that looks like loopback", State.FAIL, {"metricsBindAddress": "127.0.0.1.example.org:1"}
            ),
            _mapped("on loopback", State.PASS, {"metricsBindAddress": "127.0.0.1:10249"}),
            _mapped("on IPv6 loopback", State.PASS, {"metricsBindAddress": "[::1]:10249"}),
            _mapped("empty, which is loopback; the flag is ignored", State.PASS, {"metricsBindAddress": ""}),
            _mapped("no configuration", State.UNKNOWN, ["metricsBindAddress"]),
            _flagged("a flag alone", State.FAIL, "--metrics-bind-address", "192.0.2.1:10249"),
            _flagged("unset", State.PASS),
            _k3s("inside k3s", State.PASS, "{}\n"),
            _k3s("inside k3s, opened", State.FAIL, "kube-proxy-arg: metrics-bind-address=0.0.0.0\n"),
            _k3s("switched off in k3s", State.NOT_APPLICABLE, "disable-kube-proxy: true\n"),
            _ELSEWHERE,
            _NONE,
        ),
    ),
    NodeRule(
        slug="exposed-kube-proxy-health",
        severity=Severity.LOW,
        stride=_DISCLOSURE,
        references=(),
        threats=_CLAIMS,
        wrong="kube-proxy answers the network about its health.",
        threat="Whoever reaches the port learns which services have endpoints on the node.",
        wants="bind its health port to loopback, or be firewalled",
        fix="healthzBindAddress: 127.0.0.1:10256",
        remedy=Remedy.KUBE_PROXY,
        judge=_of(HEALTH, _health),
        examples=(
            _mapped("unset, so every address", State.WARN, {}),
            _mapped("on loopback", State.PASS, {"healthzBindAddress": "127.0.0.1:10256"}),
            _flagged("off", State.PASS, "--healthz-bind-address="),
            _k3s("inside k3s", State.PASS, "{}\n"),
            _NONE,
        ),
    ),
    NodeRule(
        slug="kube-proxy-profiling",
        severity=Severity.LOW,
        stride=_DISCLOSURE,
        references=(),
        threats=_CLAIMS,
        wrong="kube-proxy offers profiles of itself.",
        threat="Whoever reaches its metrics port learns what it does in detail, and can slow it down.",
        wants="have profiling off",
        fix="enableProfiling: false",
        remedy=Remedy.KUBE_PROXY,
        judge=_of(PROFILING, _profiling),
        examples=(
            _mapped("on", State.FAIL, {"enableProfiling": True}),
            _mapped("unset", State.PASS, {}),
            _flagged("on by flag", State.FAIL, "--profiling"),
            _NONE,
        ),
    ),
    NodeRule(
        slug="unrestricted-node-port-addresses",
        severity=Severity.LOW,
        stride=_DISCLOSURE,
        references=(),
        threats=_CLAIMS,
        wrong="Node ports open on every address of the node.",
        threat="A service meant for one network answers on all of them, the internet's among them.",
        wants="open node ports on some addresses alone",
        fix="nodePortAddresses: [primary], or the network that clients come from",
        remedy=Remedy.KUBE_PROXY,
        judge=_node_ports,
        examples=(
            _mapped("unset", State.FAIL, {"nodePortAddresses": None}),
            _mapped("everywhere in words", State.FAIL, {"nodePortAddresses": ["192.0.2.0/24", "0.0.0.0/0"]}),
            _mapped("one network", State.PASS, {"nodePortAddresses": ["192.0.2.0/24"]}),
            _mapped("unset in mode nftables", State.PASS, {"mode": "nftables"}),
            _flagged("the primary address by flag", State.PASS, "--nodeport-addresses=primary"),
            _NONE,
        ),
    ),
    NodeRule(
        slug="missing-conntrack-limits",
        severity=Severity.LOW,
        stride=frozenset({Stride.DENIAL_OF_SERVICE}),
        references=(),
        threats=RUNTIME_EXPOSURE | {"node-resource-exhaustion"},
        wrong="kube-proxy leaves the table of connections as small or as large as it finds it.",
        threat="A flood of connections fills the table, and the node drops everybody's.",
        wants="set a limit on tracked connections for each core",
        fix="conntrack: {maxPerCore: 32768, min: 131072}",
        remedy=Remedy.KUBE_PROXY,
        judge=_of(CONNTRACK_PER_CORE, _conntrack),
        examples=(
            _mapped("none", State.FAIL, {"conntrack": {"maxPerCore": 0}}),
            _mapped("unset, so the default", State.PASS, {"conntrack": {"maxPerCore": None}}),
            _flagged("none by flag", State.FAIL, "--conntrack-max-per-core=0"),
            _NONE,
        ),
    ),
)
