"""What keeps a kubelet's node from running out of something: process ids, memory, disk, bandwidth, the kernel's own limits."""

from __future__ import annotations

from collections.abc import Mapping

from stridegate.model.nodes.fields import Setting
from stridegate.model.nodes.kubelet import setting
from stridegate.model.nodes.kubelet_fields import (
    EVENT_RATE,
    EVICTION_HARD,
    KERNEL_DEFAULTS,
    KUBE_RESERVED,
    POD_PIDS,
    PULL_RATE,
    SERIAL_PULLS,
    STREAMING_TIMEOUT,
    SYSTEM_RESERVED,
)
from stridegate.model.nodes.kubelet_rules import KUBELET_DEFAULTS, NO_KUBELET, filed, flagged, of, served, that
from stridegate.model.nodes.nodes import Node
from stridegate.model.nodes.queries import FileText
from stridegate.model.nodes.remedies import Remedy
from stridegate.model.nodes.rules import HostFile, NodeRule
from stridegate.model.nodes.verdicts import Offender, State, Verdict
from stridegate.model.references import Benchmark, CisKubernetes, in_clouds
from stridegate.model.vocabulary import Severity, Stride

_CLOUDS = (Benchmark.CIS_EKS, Benchmark.CIS_AKS)
_DENIAL = frozenset({Stride.DENIAL_OF_SERVICE})
_KERNEL_CLAIM = frozenset({"kubelet-unprotected-kernel"})
# The rate that the kubelet has by default, and the benchmark as its upper bound.
_MOST_EVENTS = 50
# What the kubelet wants of the kernel (kubernetes pkg/kubelet/cm, setupKernelTunables).
_SYSCTLS = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}
# Thresholds that never trigger (kubernetes pkg/kubelet/eviction, parseThresholdStatements).
_NEVER = frozenset({"0", "0%", "100%"})


def _events(found: Setting[int]) -> Verdict:
    if found.value == 0:
        return found.verdict(State.WARN, wanted="1 to 50", note="0 means no limit at all.")
    return found.verdict(State.PASS if 0 < found.value <= _MOST_EVENTS else State.FAIL, wanted="1 to 50")


def _kernel_defaults(node: Node) -> Verdict:
    found = setting(node, KERNEL_DEFAULTS)
    if found.value:
        return found.verdict(State.PASS)
    answers = node.look_at([FileText(f"/proc/sys/{name}") for name in _SYSCTLS])
    differing = []
    for (name, wanted), answer in zip(_SYSCTLS.items(), answers, strict=True):
        seen = answer.strip() if isinstance(answer, str) else "unknown"
        if seen != wanted:
            differing.append(Offender(name=name.replace("/", "."), observed=f"{seen}, {wanted} wanted"))
    if not differing:
        note = "The kernel has all six settings today; nothing keeps them, since the kubelet overwrites them."
        return found.verdict(State.WARN, wanted="true", note=note)
    verdict = found.verdict(State.FAIL, wanted="true")
    return Verdict(
        state=verdict.state,
        observed=f"{verdict.observed}; {len(differing)} of {len(_SYSCTLS)} kernel settings differ",
        wanted="true",
        evidence=verdict.evidence,
        offenders=tuple(differing),
    )


def _evictions(found: Setting[Mapping[str, str]]) -> Verdict:
    effective = {signal: threshold for signal, threshold in found.value.items() if threshold.strip() not in _NEVER}
    if effective:
        return found.verdict(State.PASS)
    return found.verdict(State.WARN, wanted="a threshold above 0", note="The node runs full before the kubelet reacts.")


def _reservations(node: Node) -> Verdict:
    kube, system = setting(node, KUBE_RESERVED), setting(node, SYSTEM_RESERVED)
    if kube.value and system.value:
        return Verdict(
            state=State.PASS, observed=f"kube: {kube.words[:50]}; system: {system.words[:50]}", evidence=kube.evidence
        )
    lacking = [each.field.at for each in (kube, system) if not each.value]
    evidence = system.evidence if kube.value else kube.evidence
    return Verdict(state=State.WARN, observed=f"unset: {' and '.join(lacking)}", evidence=evidence)


def _pulls(node: Node) -> Verdict:
    rate, serial = setting(node, PULL_RATE), setting(node, SERIAL_PULLS)
    if rate.value > 0:
        return rate.verdict(State.PASS)
    if serial.value:
        return serial.verdict(State.PASS)
    return Verdict(state=State.WARN, observed="no limit, and many at once", evidence=rate.evidence)


RULES = (
    NodeRule(
        slug="endless-streaming-connections",
        severity=Severity.LOW,
        stride=_DENIAL,
        references=(CisKubernetes("4.2.5"), *in_clouds("3.2.5", *_CLOUDS)),
        threats=KUBELET_DEFAULTS,
        wrong="The kubelet keeps idle streaming connections for ever.",
        threat="Forgotten exec and port-forward sessions pile up, and can be taken over later.",
        wants="close idle streaming connections after some time",
        fix="Remove the flag --streaming-connection-idle-timeout=0",
        remedy=Remedy.KUBELET,
        judge=that(STREAMING_TIMEOUT, lambda seconds: seconds > 0, "more than 0"),
        examples=(
            filed("0 by flag", State.FAIL, "", "--streaming-connection-idle-timeout=0"),
            filed("0 in the file, which is the default", State.PASS, "streamingConnectionIdleTimeout: 0s\n"),
            filed("unset", State.PASS, ""),
            filed("no duration", State.UNKNOWN, "streamingConnectionIdleTimeout: 5\n"),
            served("0 as it runs", State.FAIL, {"streamingConnectionIdleTimeout": "0s"}),
            served("some time as it runs", State.PASS, {"streamingConnectionIdleTimeout": "4h0m0s"}),
            NO_KUBELET,
        ),
    ),
    NodeRule(
        slug="unbounded-kubelet-events",
        severity=Severity.LOW,
        stride=_DENIAL,
        references=(CisKubernetes("4.2.8"), *in_clouds("3.2.7", *_CLOUDS)),
        threats=KUBELET_DEFAULTS,
        wrong="The kubelet creates events without a sensible limit.",
        threat="A pod that fails in a loop floods the API server and etcd, and buries the events that matter.",
        wants="create 1 to 50 events a second; 0 means no limit",
        fix="eventRecordQPS: 50",
        remedy=Remedy.KUBELET,
        judge=of(EVENT_RATE, _events),
        examples=(
            filed("no limit", State.WARN, "eventRecordQPS: 0\n"),
            filed("more than the benchmark allows", State.FAIL, "eventRecordQPS: 500\n"),
            filed("unset", State.PASS, ""),
            flagged("5 by flag", State.PASS, "--event-qps=5"),
            NO_KUBELET,
        ),
    ),
    NodeRule(
        slug="unlimited-pod-pids",
        severity=Severity.MEDIUM,
        stride=_DENIAL,
        references=(CisKubernetes("4.2.13"),),
        threats=KUBELET_DEFAULTS | _KERNEL_CLAIM | {"node-resource-exhaustion"},
        wrong="A pod may start as many processes as it likes.",
        threat="A fork bomb in one pod takes the last process id of the node, and all its pods with it.",
        wants="have a limit above 0; unset it is -1, which is none",
        fix="podPidsLimit: 4096",
        remedy=Remedy.KUBELET,
        judge=that(POD_PIDS, lambda limit: limit > 0, "more than 0"),
        examples=(
            filed("unset", State.FAIL, ""),
            filed("-1", State.FAIL, "podPidsLimit: -1\n"),
            filed("a limit", State.PASS, "podPidsLimit: 1024\n"),
            filed("-1 by flag", State.FAIL, "podPidsLimit: 1024\n", "--pod-max-pids", "-1"),
            served("none as it runs", State.FAIL, {"podPidsLimit": -1}),
            NO_KUBELET,
        ),
    ),
    NodeRule(
        slug="unprotected-kernel-defaults",
        severity=Severity.MEDIUM,
        stride=_DENIAL,
        references=(CisKubernetes(None, "4.2.6"),),
        threats=KUBELET_DEFAULTS | _KERNEL_CLAIM,
        wrong="The kubelet changes the kernel's settings instead of insisting on them.",
        threat="What was set to keep the kernel up under load is overwritten without a word.",
        wants="have protectKernelDefaults on",
        fix="Set the six sysctls in /etc/sysctl.d, then protectKernelDefaults: true",
        remedy=Remedy.KUBELET,
        judge=_kernel_defaults,
        examples=(
            filed("unset", State.FAIL, ""),
            filed(
                "unset, though the kernel has the settings",
                State.WARN,
                "",
                files={f"/proc/sys/{name}": HostFile(text=f"{value}\n") for name, value in _SYSCTLS.items()},
            ),
            filed("on", State.PASS, "protectKernelDefaults: true\n"),
            filed("on by flag", State.PASS, "", "--protect-kernel-defaults"),
            NO_KUBELET,
        ),
    ),
    NodeRule(
        slug="missing-eviction-thresholds",
        severity=Severity.LOW,
        stride=_DENIAL,
        references=(),
        threats=KUBELET_DEFAULTS | _KERNEL_CLAIM | {"node-resource-exhaustion", "noisy-neighbour"},
        wrong="The kubelet never evicts a pod to save the node.",
        threat="One pod fills the node's memory or disk until the kernel kills what it likes.",
        wants="have a hard eviction threshold above 0",
        fix="evictionHard: {memory.available: 100Mi, nodefs.available: 10%, imagefs.available: 15%}",
        remedy=Remedy.KUBELET,
        judge=of(EVICTION_HARD, _evictions),
        examples=(
            filed("none", State.WARN, "evictionHard: {}\n"),
            filed(
                "none that ever triggers", State.WARN, "evictionHard: {imagefs.available: 0%, nodefs.available: 0%}\n"
            ),
            filed("unset, so the defaults", State.PASS, ""),
            filed("none by flag", State.WARN, "", "--eviction-hard="),
            served("left out as it runs", State.WARN, {}),
            NO_KUBELET,
        ),
    ),
    NodeRule(
        slug="missing-resource-reservations",
        severity=Severity.LOW,
        stride=_DENIAL,
        references=(),
        threats=KUBELET_DEFAULTS | _KERNEL_CLAIM | {"node-resource-exhaustion", "noisy-neighbour"},
        wrong="Pods may use up what the node's own daemons need.",
        threat="A busy pod starves the kubelet, the runtime or sshd, and the node drops out.",
        wants="reserve resources for Kubernetes' daemons and for the system's",
        fix="kubeReserved: {cpu: 100m, memory: 512Mi} and systemReserved: {cpu: 100m, memory: 512Mi}",
        remedy=Remedy.KUBELET,
        judge=_reservations,
        examples=(
            filed("none", State.WARN, ""),
            filed("one of them", State.WARN, "kubeReserved: {cpu: 100m}\n"),
            filed("both", State.PASS, "kubeReserved: {cpu: 100m}\nsystemReserved: {memory: 512Mi}\n"),
            filed("one by flag", State.PASS, "kubeReserved: {cpu: 100m}\n", "--system-reserved=memory=1Gi"),
            NO_KUBELET,
        ),
    ),
    NodeRule(
        slug="unbounded-image-pulls",
        severity=Severity.LOW,
        stride=_DENIAL,
        references=(),
        threats=KUBELET_DEFAULTS | {"docker-daemon-overload"},
        wrong="The kubelet pulls any number of images at once.",
        threat="Many pods at once take the node's network and disk, and its share of the registry.",
        wants="have a limit on pulls a second, or pull one image after the other",
        fix="registryPullQPS: 5, or serializeImagePulls: true",
        remedy=Remedy.KUBELET,
        judge=_pulls,
        examples=(
            filed("no limit and many at once", State.WARN, "registryPullQPS: 0\nserializeImagePulls: false\n"),
            filed("no limit, one after the other", State.PASS, "registryPullQPS: 0\n"),
            filed("unset", State.PASS, ""),
            NO_KUBELET,
        ),
    ),
)
