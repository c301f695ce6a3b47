"""The files that make a kubelet what it is: its unit, its kubeconfig and kube-proxy's, its client CA and configuration."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from stridegate.model.nodes.answers import Absent, FileKind
from stridegate.model.nodes.fields import Field
from stridegate.model.nodes.file_rules import GuardedFiles, ownership_rule, permissions_rule
from stridegate.model.nodes.files import Finder, Limit, first_of, listed
from stridegate.model.nodes.kubelet import setting
from stridegate.model.nodes.kubelet_fields import CLIENT_CA
from stridegate.model.nodes.kubelet_launches import UNITS, Launch, launch_of
from stridegate.model.nodes.kubelet_rules import CONFIG, RUNTIME_EXPOSURE, filed
from stridegate.model.nodes.nodes import Circumstances, Installation, Node, NotThere
from stridegate.model.nodes.paths import (
    CLIENT_CA as CLIENT_CAS,
)
from stridegate.model.nodes.paths import (
    KUBE_PROXY_KUBECONFIG,
    KUBELET_KUBECONFIG,
    Whereabouts,
)
from stridegate.model.nodes.rules import HostFile, NodeExample, NodeRule
from stridegate.model.nodes.units import unit_files
from stridegate.model.nodes.verdicts import State, Verdict
from stridegate.model.references import Benchmark, CisKubernetes, in_clouds
from stridegate.model.vocabulary import Severity, Stride

_CLOUDS = (Benchmark.CIS_EKS, Benchmark.CIS_AKS, Benchmark.CIS_GKE)
# AKS has cloud credentials under those numbers.
_CONFIG_CLOUDS = (Benchmark.CIS_EKS, Benchmark.CIS_GKE)
_MANAGED = (Installation.EKS, Installation.GKE, Installation.AKS)
# The benchmarks of managed Kubernetes allow 0644 (CIS EKS, GKE and AKS, 3.1).
_PRIVATE = Limit(files=0o600, by_installation=dict.fromkeys(_MANAGED, 0o644))
_UNIT = "/etc/systemd/system/kubelet.service"
_DROP_INS = "/etc/kubernetes/kubelet.d"


def _units(node: Node) -> Iterable[str]:
    found: list[str] = []
    for name in UNITS:
        try:
            files = unit_files(node, name)
        except NotThere:
            continue
        # k3s and rke2 keep their tokens in a file of variables beside the unit.
        found += [*files, f"{files[0]}.env", f"{files[0].removesuffix('.service')}.env"]
    if not found:
        raise NotThere(Absent("unit kubelet.service"))
    return found


def _launch(node: Node) -> Launch | None:
    try:
        return launch_of(node)
    except NotThere:
        return None


def _named_by(flag: str, whereabouts: Whereabouts) -> Finder:
    """Return what finds the file that a flag of the kubelet names, else the first of those where it may be."""

    def find(node: Node) -> Iterable[str]:
        launch = _launch(node)
        named = launch.flags.text(flag) if launch else None
        return (named,) if named else first_of(whereabouts)(node)

    return find


def _set_in(field: Field[str], whereabouts: Whereabouts) -> Finder:
    """Return what finds the file that a setting of the kubelet names, else the first of those where it may be."""

    def find(node: Node) -> Iterable[str]:
        try:
            named = setting(node, field).value
        except NotThere:
            named = ""
        return (named,) if named else first_of(whereabouts)(node)

    return find


def _configurations(node: Node) -> Iterable[str]:
    launch = _launch(node)
    paths = [launch.config] if launch and launch.config else []
    if launch and launch.drop_ins:
        paths += [launch.drop_ins, *listed(node, launch.drop_ins, "*.conf", 8)]
    if not paths:
        raise NotThere(Absent("configuration file of the kubelet"))
    return paths


def _vendor_owned(judge: Callable[[Node], Verdict]) -> Callable[[Node], Verdict]:
    def judged(node: Node) -> Verdict:
        if node.circumstances.installation in _MANAGED:
            return Verdict(state=State.NOT_APPLICABLE, observed="the unit is the vendor's")
        return judge(node)

    return judged


def _of_vendor(rule: NodeRule) -> NodeRule:
    managed = NodeExample(
        title="the vendor's unit",
        state=State.NOT_APPLICABLE,
        files={_UNIT: HostFile(mode=0o666, uid=1000)},
        circumstances=Circumstances(installation=Installation.EKS),
    )
    return replace(rule, judge=_vendor_owned(rule.judge), examples=(*rule.examples, managed))


_SERVICE = GuardedFiles(
    what="the kubelet's unit",
    find=_units,
    severity=Severity.MEDIUM,
    stride=Stride.TAMPERING,
    threat="Whoever can write the unit or a drop-in decides how the kubelet starts, and as whom.",
    example=_UNIT,
    threats=RUNTIME_EXPOSURE | {"kubelet-config-tampering"},
)
_PROXY_KUBECONFIG = GuardedFiles(
    what="kube-proxy's kubeconfig",
    find=first_of(KUBE_PROXY_KUBECONFIG),
    severity=Severity.HIGH,
    stride=Stride.INFORMATION_DISCLOSURE,
    threat="Whoever reads it has kube-proxy's rights in the cluster; whoever writes it sends kube-proxy elsewhere.",
    example="/var/lib/kube-proxy/kubeconfig",
    threats=RUNTIME_EXPOSURE | {"kube-proxy-disclosure"},
)
_KUBECONFIG = GuardedFiles(
    what="the kubelet's kubeconfig",
    find=_named_by("kubeconfig", KUBELET_KUBECONFIG),
    severity=Severity.HIGH,
    stride=Stride.INFORMATION_DISCLOSURE,
    threat="Whoever reads it speaks to the API server as the node: its Secrets, its pods, its status.",
    example="/etc/kubernetes/kubelet.conf",
    threats=RUNTIME_EXPOSURE | {"kubelet-config-tampering"},
)
_AUTHORITY = GuardedFiles(
    what="the kubelet's client CA",
    find=_set_in(CLIENT_CA, CLIENT_CAS),
    severity=Severity.HIGH,
    stride=Stride.TAMPERING,
    threat="Whoever can write it adds a CA of their own, and the kubelet believes what that one signed.",
    example="/etc/kubernetes/pki/ca.crt",
    threats=RUNTIME_EXPOSURE,
)
_CONFIGURATION = GuardedFiles(
    what="the kubelet's configuration",
    find=_configurations,
    severity=Severity.HIGH,
    stride=Stride.TAMPERING,
    threat="Whoever can write it switches the kubelet's authentication off with its next start.",
    example=CONFIG,
    threats=RUNTIME_EXPOSURE | {"kubelet-config-tampering", "unauthorized-kubelet-change"},
)
_CONFIGURATION_LIMIT = Limit(
    files=0o600,
    directories=0o700,
    by_pattern={"/etc/kubernetes/kubelet/config.json.d": 0o755},
    by_installation=_PRIVATE.by_installation,
)
_WITH_DROP_INS = (
    filed(
        "a drop-in that others may write",
        State.FAIL,
        "",
        "--config-dir",
        _DROP_INS,
        files={_DROP_INS: HostFile(kind=FileKind.DIRECTORY, mode=0o700), f"{_DROP_INS}/1.conf": HostFile(mode=0o602)},
    ),
    filed(
        "a directory of drop-ins that others may write",
        State.FAIL,
        "",
        f"--config-dir={_DROP_INS}",
        files={_DROP_INS: HostFile(kind=FileKind.DIRECTORY, mode=0o777), f"{_DROP_INS}/1.conf": HostFile()},
    ),
    filed(
        "private drop-ins",
        State.PASS,
        "",
        f"--config-dir={_DROP_INS}",
        files={_DROP_INS: HostFile(kind=FileKind.DIRECTORY, mode=0o700), f"{_DROP_INS}/1.conf": HostFile()},
    ),
)
_ON_EKS = NodeExample(
    title="readable on EKS",
    state=State.PASS,
    files={"/etc/kubernetes/kubelet/kubelet-config.json": HostFile(mode=0o644)},
    circumstances=Circumstances(installation=Installation.EKS),
)
_UNIT_DROP_IN = NodeExample(
    title="a drop-in that others may write",
    state=State.FAIL,
    files={_UNIT: HostFile(), f"{_UNIT}.d/10-kubeadm.conf": HostFile(mode=0o646)},
)
_TOKENS = NodeExample(
    title="a file of tokens beside the unit that others may read",
    state=State.FAIL,
    files={
        "/etc/systemd/system/k3s-agent.service": HostFile(),
        "/etc/systemd/system/k3s-agent.service.env": HostFile(mode=0o644),
    },
)
_ELSEWHERE = filed(
    "where the flag says",
    State.FAIL,
    "",
    "--kubeconfig=/srv/kubelet.conf",
    files={"/etc/kubernetes/kubelet.conf": HostFile(), "/srv/kubelet.conf": HostFile(mode=0o644)},
)


RULES = (
    _of_vendor(
        permissions_rule(
            "kubelet-service-file-permissions",
            _SERVICE,
            Limit(files=0o600),
            (CisKubernetes("4.1.1"),),
            more=(_UNIT_DROP_IN, _TOKENS),
        )
    ),
    _of_vendor(ownership_rule("kubelet-service-file-ownership", _SERVICE, (CisKubernetes("4.1.2"),))),
    permissions_rule("kube-proxy-kubeconfig-file-permissions", _PROXY_KUBECONFIG, _PRIVATE, (CisKubernetes("4.1.3"),)),
    ownership_rule("kube-proxy-kubeconfig-file-ownership", _PROXY_KUBECONFIG, (CisKubernetes("4.1.4"),)),
    permissions_rule(
        "kubelet-kubeconfig-file-permissions",
        _KUBECONFIG,
        _PRIVATE,
        (CisKubernetes("4.1.5"), *in_clouds("3.1.1", *_CLOUDS)),
        more=(_ELSEWHERE,),
    ),
    ownership_rule(
        "kubelet-kubeconfig-file-ownership", _KUBECONFIG, (CisKubernetes("4.1.6"), *in_clouds("3.1.2", *_CLOUDS))
    ),
    permissions_rule("kubelet-client-ca-file-permissions", _AUTHORITY, Limit(files=0o644), (CisKubernetes("4.1.7"),)),
    ownership_rule("kubelet-client-ca-file-ownership", _AUTHORITY, (CisKubernetes("4.1.8"),)),
    permissions_rule(
        "kubelet-config-file-permissions",
        _CONFIGURATION,
        _CONFIGURATION_LIMIT,
        (CisKubernetes("4.1.9"), *in_clouds("3.1.3", *_CONFIG_CLOUDS)),
        more=(*_WITH_DROP_INS, _ON_EKS),
    ),
    ownership_rule(
        "kubelet-config-file-ownership",
        _CONFIGURATION,
        (CisKubernetes("4.1.10"), *in_clouds("3.1.4", *_CONFIG_CLOUDS)),
    ),
)
