"""What CRI-O opens to pods and to the network: devices, sysctls and users of the host, and where it streams."""

from __future__ import annotations

from stridegate.model.nodes.addresses import Reach, reach
from stridegate.model.nodes.crio import crio
from stridegate.model.nodes.fields import Field
from stridegate.model.nodes.nodes import Node
from stridegate.model.nodes.readings import NUMBER, TEXT, TEXTS, TRUTH
from stridegate.model.nodes.remedies import Remedy
from stridegate.model.nodes.rules import NodeRule
from stridegate.model.nodes.runtime_rules import NO_RUNTIME, RUNTIME_DEFAULTS, judged, with_crio
from stridegate.model.nodes.verdicts import Offender, State, Verdict
from stridegate.model.vocabulary import Severity, Stride

_ELEVATION = frozenset({Stride.ELEVATION})
_RUNTIME = "[crio.runtime]\n"

# Defaults: cri-o pkg/config, `DefaultConfig`.
_STREAM_ADDRESS = Field(at="crio.api.stream_address", reading=TEXT, default="127.0.0.1", flag="stream-address")
_STREAM_TLS = Field(at="crio.api.stream_enable_tls", reading=TRUTH, default=False, flag="stream-enable-tls")
_METRICS = Field(at="crio.metrics.enable_metrics", reading=TRUTH, default=False, flag="enable-metrics")
_METRICS_HOST = Field(at="crio.metrics.metrics_host", reading=TEXT, default="127.0.0.1", flag="metrics-host")
_ALLOWED_DEVICES = Field(at="crio.runtime.allowed_devices", reading=TEXTS, default=(), flag="allowed-devices")
_MORE_DEVICES = Field(at="crio.runtime.additional_devices", reading=TEXTS, default=(), flag="additional-devices")
_SYSCTLS = Field(at="crio.runtime.default_sysctls", reading=TEXTS, default=(), flag="default-sysctls")
_LEAST_UID = Field(at="crio.runtime.minimum_mappable_uid", reading=NUMBER, default=-1)
_LEAST_GID = Field(at="crio.runtime.minimum_mappable_gid", reading=NUMBER, default=-1)

# Annotations by which a pod gives itself devices or a writable cgroup.
_BROAD_ANNOTATIONS = frozenset({"io.kubernetes.cri-o.Devices", "io.kubernetes.cri-o.cgroup2-mount-hierarchy-rw"})
# What a pod may set without harm to others (Kubernetes, "safe sysctls").
_SAFE_SYSCTLS = frozenset(
    {
        "kernel.shm_rmid_forced",
        *(
            f"net.ipv4.{name}"
            for name in (
                "ip_local_port_range",
                "ip_unprivileged_port_start",
                "tcp_syncookies",
                "ping_group_range",
                "ip_local_reserved_ports",
                "tcp_keepalive_time",
                "tcp_fin_timeout",
                "tcp_keepalive_intvl",
                "tcp_keepalive_probes",
                "tcp_rmem",
                "tcp_wmem",
            )
        ),
    }
)


def _streaming(node: Node) -> Verdict:
    found = crio(node)
    offenders = []
    address = found.setting(_STREAM_ADDRESS).value
    if reach(address) is not Reach.LOOPBACK and not found.setting(_STREAM_TLS).value:
        offenders.append(Offender(name="streaming without TLS", observed=address or "every address"))
    metrics = found.setting(_METRICS_HOST).value
    if found.setting(_METRICS).value and reach(metrics) is not Reach.LOOPBACK:
        offenders.append(Offender(name="metrics", observed=metrics or "every address"))
    return judged(found.evidence, offenders, f"streams on {address}")


def _devices(node: Node) -> Verdict:
    found = crio(node)
    offenders = [
        Offender(name=path, observed=field.at.rpartition(".")[2])
        for field in (_ALLOWED_DEVICES, _MORE_DEVICES)
        for path in found.setting(field).value
    ]
    for name, table in found.tables("crio.runtime.runtimes").items():
        allowed = table.get("allowed_annotations")
        broad = _BROAD_ANNOTATIONS.intersection(map(str, allowed)) if isinstance(allowed, list) else ()
        offenders += [Offender(name=f"runtime {name}", observed=each) for each in sorted(broad)]
    return judged(found.evidence, offenders, "no further devices")


def _sysctls(node: Node) -> Verdict:
    found = crio(node)
    names = [each.partition("=")[0].strip() for each in found.setting(_SYSCTLS).value]
    unsafe = [Offender(name=name, observed="not safe") for name in names if name not in _SAFE_SYSCTLS]
    if unsafe:
        return judged(found.evidence, unsafe, "")
    unset = [
        Offender(name=field.at.rpartition(".")[2], observed="unset")
        for field in (_LEAST_UID, _LEAST_GID)
        if found.setting(field).value < 0
    ]
    return judged(found.evidence, unset, "safe sysctls, and minimums for mapped users", State.WARN)


RULES = (
    NodeRule(
        slug="crio-exposed-streaming",
        severity=Severity.MEDIUM,
        stride=frozenset({Stride.INFORMATION_DISCLOSURE}),
        references=(),
        threats=RUNTIME_DEFAULTS | {"unauthenticated-management-access"},
        wrong="CRI-O streams exec and logs, or shows metrics, where the network can listen.",
        threat="Whoever is on the network reads or takes over a session in a container.",
        wants="stream on loopback or with TLS, and show metrics on loopback",
        fix='stream_address = "127.0.0.1" and metrics_host = "127.0.0.1"',
        remedy=Remedy.RUNTIME,
        judge=_streaming,
        examples=(
            with_crio("every address", State.FAIL, '[crio.api]\nstream_address = "0.0.0.0"\n'),
            with_crio("metrics", State.FAIL, '[crio.metrics]\nenable_metrics = true\nmetrics_host = ""\n'),
            with_crio("with TLS", State.PASS, '[crio.api]\nstream_address = ""\nstream_enable_tls = true\n'),
            with_crio("unset", State.PASS, ""),
            NO_RUNTIME,
        ),
    ),
    NodeRule(
        slug="crio-extra-devices",
        severity=Severity.LOW,
        stride=_ELEVATION,
        references=(),
        threats=RUNTIME_DEFAULTS,
        wrong="CRI-O gives containers devices that their specs do not name.",
        threat="A container reaches a device of the node by asking for it in an annotation, or without asking.",
        wants="have no allowed_devices, no additional_devices and no runtime that takes devices from annotations",
        fix="allowed_devices = [] and additional_devices = []",
        remedy=Remedy.RUNTIME,
        judge=_devices,
        examples=(
            with_crio("a device for all", State.FAIL, f'{_RUNTIME}additional_devices = ["/dev/kvm"]\n'),
            with_crio("a device for who asks", State.FAIL, f'{_RUNTIME}allowed_devices = ["/dev/fuse"]\n'),
            with_crio(
                "a runtime that takes annotations",
                State.FAIL,
                '[crio.runtime.runtimes.crun]\nallowed_annotations = ["io.kubernetes.cri-o.Devices"]\n',
            ),
            with_crio("unset", State.PASS, ""),
            NO_RUNTIME,
        ),
    ),
    NodeRule(
        slug="crio-unsafe-sysctl-default",
        severity=Severity.LOW,
        stride=_ELEVATION,
        references=(),
        threats=RUNTIME_DEFAULTS,
        wrong="CRI-O sets unsafe sysctls for every pod, or maps any user of the host.",
        threat="A pod changes what other pods depend on, or runs as a user that the host trusts.",
        wants="have safe default_sysctls alone, and minimums for mapped users and groups",
        fix="default_sysctls = [], minimum_mappable_uid = 100000 and minimum_mappable_gid = 100000",
        remedy=Remedy.RUNTIME,
        judge=_sysctls,
        examples=(
            with_crio("an unsafe one", State.FAIL, f'{_RUNTIME}default_sysctls = ["kernel.msgmax=65536"]\n'),
            with_crio("no minimums", State.WARN, f'{_RUNTIME}default_sysctls = ["net.ipv4.ping_group_range=0 0"]\n'),
            with_crio(
                "minimums", State.PASS, f"{_RUNTIME}minimum_mappable_uid = 100000\nminimum_mappable_gid = 100000\n"
            ),
            NO_RUNTIME,
        ),
    ),
)
