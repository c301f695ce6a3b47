"""What a kubelet lets its pods and whoever asks it have: seccomp, sysctls, swap, images, handlers, addresses, the cloud."""

from __future__ import annotations

from stridegate.model.nodes.answers import Absent
from stridegate.model.nodes.kubelet import configuration, setting
from stridegate.model.nodes.kubelet_fields import (
    DEBUG_FLAGS,
    FAIL_SWAP_ON,
    IMAGE_CREDENTIALS,
    IPTABLES_CHAINS,
    PROFILING,
    SECCOMP_DEFAULT,
    UNSAFE_SYSCTLS,
)
from stridegate.model.nodes.kubelet_launches import UNITS
from stridegate.model.nodes.kubelet_rules import KUBELET_DEFAULTS, NO_KUBELET, filed, flagged, must_be, served, that
from stridegate.model.nodes.nodes import Node, NotThere
from stridegate.model.nodes.remedies import Remedy
from stridegate.model.nodes.rules import HostFile, NodeExample, NodeRule
from stridegate.model.nodes.units import Unit, unit
from stridegate.model.nodes.verdicts import Evidence, Source, State, Verdict
from stridegate.model.references import Benchmark, CisDocker, CisKubernetes, in_clouds
from stridegate.model.vocabulary import Severity, Stride

_CLOUDS = (Benchmark.CIS_EKS, Benchmark.CIS_AKS)
_DISCLOSURE = frozenset({Stride.INFORMATION_DISCLOSURE})
_ELEVATION = frozenset({Stride.ELEVATION})
_UNIT = "/etc/systemd/system/kubelet.service"
# What verifies that a pod may use an image that is already there; NeverVerify does not (KEP-2535).
_VERIFYING = frozenset({"NeverVerifyPreloadedImages", "NeverVerifyAllowlistedImages", "AlwaysVerify"})
_EVERYBODY = ("any", "0.0.0.0/0")


def _handlers(node: Node) -> Verdict:
    profiling, flags = setting(node, PROFILING), setting(node, DEBUG_FLAGS)
    on = [each for each in (profiling, flags) if each.value]
    if not on:
        return profiling.verdict(State.PASS)
    names = " and ".join(each.field.at for each in on)
    return Verdict(state=State.WARN, observed=f"on: {names}", wanted="false", evidence=on[0].evidence)


def _address_deny(node: Node) -> Verdict:
    found = _unit(node)
    denied = [word for value in found.values("Service", "IPAddressDeny") for word in value.split()]
    evidence = Evidence(source=Source.FILE, path=f"{found.path} IPAddressDeny")
    observed = f"IPAddressDeny={' '.join(denied)[:80]}" if denied else "IPAddressDeny unset"
    state = State.PASS if any(word in _EVERYBODY for word in denied) else State.WARN
    return Verdict(state=state, observed=observed, wanted="IPAddressDeny=any", evidence=evidence)


def _unit(node: Node) -> Unit:
    for name in UNITS:
        try:
            return unit(node, name)
        except NotThere:
            continue
    raise NotThere(Absent("unit kubelet.service"))


def _cloud_provider(node: Node) -> Verdict:
    launch = configuration(node).launch
    provider = launch.flags.text("cloud-provider")
    evidence = Evidence(source=launch.evidence.source, path=f"{launch.evidence.path} --cloud-provider")
    state = State.PASS if provider in {None, "", "external"} else State.FAIL
    return Verdict(state=state, observed=provider or "unset", wanted="external or unset", evidence=evidence)


def _unit_example(title: str, state: State, option: str) -> NodeExample:
    text = f"[Service]\n{option}ExecStart=/usr/bin/kubelet\n"
    return NodeExample(title=title, state=state, files={_UNIT: HostFile(text=text)})


RULES = (
    NodeRule(
        slug="disabled-kubelet-iptables-chains",
        severity=Severity.LOW,
        stride=frozenset({Stride.TAMPERING}),
        references=(CisKubernetes("4.2.6"), *in_clouds("3.2.6", *_CLOUDS)),
        threats=KUBELET_DEFAULTS,
        wrong="The kubelet leaves the node's iptables chains to somebody else.",
        threat="Rules that somebody made by hand drift from what pods and services need, open or shut.",
        wants="keep the iptables utility chains itself",
        fix="makeIPTablesUtilChains: true",
        remedy=Remedy.KUBELET,
        judge=must_be(IPTABLES_CHAINS, wanted=True),
        examples=(
            filed("off", State.FAIL, "makeIPTablesUtilChains: false\n"),
            filed("unset", State.PASS, ""),
            flagged("off by flag", State.FAIL, "--make-iptables-util-chains=false"),
            NO_KUBELET,
        ),
    ),
    NodeRule(
        slug="unconfined-kubelet-seccomp-default",
        severity=Severity.MEDIUM,
        stride=_ELEVATION,
        references=(CisKubernetes("4.2.14"), CisDocker("5.22", before_1_6="5.21")),
        threats=KUBELET_DEFAULTS | {"disabled-seccomp"},
        wrong="Pods that ask for no seccomp profile run without one.",
        threat="Each of some 300 system calls of the kernel is open to a container that was broken into.",
        wants="have seccompDefault on; unset it is off",
        fix="seccompDefault: true",
        remedy=Remedy.KUBELET,
        judge=must_be(SECCOMP_DEFAULT, wanted=True),
        examples=(
            filed("unset", State.FAIL, ""),
            filed("off, though it is there", State.FAIL, "seccompDefault: false\n"),
            filed("on", State.PASS, "seccompDefault: true\n"),
            filed("on by flag", State.PASS, "", "--seccomp-default"),
            served("off as it runs", State.FAIL, {"seccompDefault": False}),
            NO_KUBELET,
        ),
    ),
    NodeRule(
        slug="missing-kubelet-address-deny",
        severity=Severity.LOW,
        stride=_DISCLOSURE,
        references=(CisKubernetes(None, "4.2.15"),),
        threats=KUBELET_DEFAULTS,
        wrong="The kubelet's unit speaks to any address.",
        threat="Whoever reaches the kubelet's port speaks to it, from any network.",
        wants="have IPAddressDeny=any in its systemd unit, with what may reach it under IPAddressAllow",
        fix="[Service] IPAddressDeny=any and IPAddressAllow= with the networks of nodes and control plane",
        remedy=Remedy.KUBELET,
        judge=_address_deny,
        examples=(
            _unit_example("unset", State.WARN, ""),
            _unit_example("a network alone", State.WARN, "IPAddressDeny=192.0.2.0/24\n"),
            _unit_example("taken back", State.WARN, "IPAddressDeny=any\nIPAddressDeny=\n"),
            _unit_example("everybody but some", State.PASS, "IPAddressDeny=any\nIPAddressAllow=localhost\n"),
            filed("a kubelet without a unit", State.NOT_APPLICABLE, ""),
        ),
    ),
    NodeRule(
        slug="kubelet-profiling-handlers",
        severity=Severity.LOW,
        stride=_DISCLOSURE,
        references=(),
        threats=KUBELET_DEFAULTS,
        wrong="The kubelet offers profiles of itself, and flags to turn.",
        threat="Who may ask the kubelet learns what it does in detail, and can slow it down.",
        wants="have the handlers for profiling and debug flags off",
        fix="enableProfilingHandler: false and enableDebugFlagsHandler: false",
        remedy=Remedy.KUBELET,
        judge=_handlers,
        examples=(
            filed("unset, so both on", State.WARN, ""),
            filed("one of them on", State.WARN, "enableProfilingHandler: false\n"),
            filed("both off", State.PASS, "enableProfilingHandler: false\nenableDebugFlagsHandler: false\n"),
            NO_KUBELET,
        ),
    ),
    NodeRule(
        slug="unverified-image-credentials",
        severity=Severity.LOW,
        stride=frozenset({Stride.SPOOFING}),
        references=(),
        threats=KUBELET_DEFAULTS,
        wrong="A pod may use an image on the node without the credentials to pull it.",
        threat="A tenant runs, and reads, the private image that another tenant pulled.",
        wants="verify credentials also for images that are already there",
        fix="imagePullCredentialsVerificationPolicy: AlwaysVerify",
        remedy=Remedy.KUBELET,
        judge=that(IMAGE_CREDENTIALS, lambda policy: policy in _VERIFYING, "AlwaysVerify", State.WARN),
        examples=(
            filed("unset", State.WARN, ""),
            filed("never", State.WARN, "imagePullCredentialsVerificationPolicy: NeverVerify\n"),
            filed("always", State.PASS, "imagePullCredentialsVerificationPolicy: AlwaysVerify\n"),
            served("of what the kubelet pulled", State.PASS, {IMAGE_CREDENTIALS.at: "NeverVerifyPreloadedImages"}),
            NO_KUBELET,
        ),
    ),
    NodeRule(
        slug="kubelet-allowed-unsafe-sysctls",
        severity=Severity.LOW,
        stride=_ELEVATION,
        references=(),
        threats=KUBELET_DEFAULTS,
        wrong="Pods may set kernel parameters that are not safe to share.",
        threat="A pod changes or exhausts what other pods and the node depend on.",
        wants="allow no unsafe sysctl",
        fix="allowedUnsafeSysctls: []",
        remedy=Remedy.KUBELET,
        judge=must_be(UNSAFE_SYSCTLS, (), State.WARN),
        examples=(
            filed("some", State.WARN, "allowedUnsafeSysctls: [kernel.msg*]\n"),
            filed("unset", State.PASS, ""),
            flagged("some by flag", State.WARN, "--allowed-unsafe-sysctls", "net.core.somaxconn"),
            NO_KUBELET,
        ),
    ),
    NodeRule(
        slug="disabled-fail-swap-on",
        severity=Severity.LOW,
        stride=_DISCLOSURE,
        references=(),
        threats=KUBELET_DEFAULTS,
        wrong="The kubelet starts on a node with swap.",
        threat="Memory of pods, Secrets among it, may be written to a disk that nobody encrypted.",
        wants="refuse to start where swap is on",
        fix="failSwapOn: true",
        remedy=Remedy.KUBELET,
        judge=must_be(FAIL_SWAP_ON, wanted=True, otherwise=State.WARN),
        examples=(
            filed("off", State.WARN, "failSwapOn: false\n"),
            filed("unset", State.PASS, ""),
            NO_KUBELET,
        ),
    ),
    NodeRule(
        slug="in-tree-cloud-provider",
        severity=Severity.LOW,
        stride=_ELEVATION,
        references=(),
        threats=KUBELET_DEFAULTS | {"cloud-controller-separation"},
        wrong="The kubelet has a cloud provider's code and credentials inside.",
        threat="Every node holds rights in the cloud that the cloud controller manager alone should have.",
        wants="have no cloud provider, or an external one",
        fix="--cloud-provider=external, with a cloud controller manager",
        remedy=Remedy.KUBELET,
        judge=_cloud_provider,
        examples=(
            flagged("inside", State.FAIL, "--cloud-provider=aws"),
            flagged("outside", State.PASS, "--cloud-provider", "external"),
            filed("none", State.PASS, ""),
            NO_KUBELET,
        ),
    ),
)
