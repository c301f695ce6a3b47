"""What containerd confines pods with: kernel security modules, seccomp, masks, devices and ports."""

from __future__ import annotations

from collections.abc import Mapping

from stridegate.model.nodes.answers import FileStatus, Unreadable
from stridegate.model.nodes.containerd import Containerd, Part, cri
from stridegate.model.nodes.fields import Field
from stridegate.model.nodes.nodes import Node, NotReadable
from stridegate.model.nodes.queries import ComponentVersion, FileStatusOf
from stridegate.model.nodes.readings import TEXT, TRUTH
from stridegate.model.nodes.remedies import Remedy
from stridegate.model.nodes.rules import HostFile, NodeRule
from stridegate.model.nodes.runtime_rules import (
    NO_RUNTIME,
    RUNTIME_DEFAULTS,
    VERSION_2,
    VERSION_3,
    judged,
    with_containerd,
)
from stridegate.model.nodes.verdicts import Offender, State, Verdict
from stridegate.model.vocabulary import Severity, Stride

_ELEVATION = frozenset({Stride.ELEVATION})

_SELINUX = Field(at="enable_selinux", reading=TRUTH, default=False)
_NO_APPARMOR = Field(at="disable_apparmor", reading=TRUTH, default=False)
_UNSET_SECCOMP = Field(at="unset_seccomp_profile", reading=TEXT, default="")
_NO_PROC_MOUNT = Field(at="disable_proc_mount", reading=TRUTH, default=False)
_RESTRICT_OOM = Field(at="restrict_oom_score_adj", reading=TRUTH, default=False)
_DEFAULT_RUNTIME = Field(at="containerd.default_runtime_name", reading=TEXT, default="runc")
_PORTS, _ICMP = "enable_unprivileged_ports", "enable_unprivileged_icmp"
# Mounted where SELinux is what the kernel enforces.
_SELINUX_FILE = "/sys/fs/selinux/enforce"
# The release whose defaults let pods bind low ports without a capability (containerd 2.0 release notes).
_OPEN_PORTS_SINCE = 2


def _security_modules(node: Node) -> Verdict:
    found = cri(node)
    offenders = []
    answer = node.look(FileStatusOf(_SELINUX_FILE))
    if isinstance(answer, Unreadable):
        raise NotReadable(answer)
    if isinstance(answer, FileStatus) and not found.setting(Part.RUNTIME, _SELINUX).value:
        offenders.append(Offender(name="enable_selinux", observed="false on a host with SELinux"))
    if found.setting(Part.RUNTIME, _NO_APPARMOR).value:
        offenders.append(Offender(name="disable_apparmor", observed="true"))
    return judged(found.evidence, offenders, "SELinux or AppArmor as the host has it")


def _seccomp(node: Node) -> Verdict:
    profile = cri(node).setting(Part.RUNTIME, _UNSET_SECCOMP)
    return profile.verdict(State.FAIL if profile.value == "unconfined" else State.PASS, wanted="not unconfined")


def _masking(node: Node) -> Verdict:
    found = cri(node)
    offenders = tuple(
        Offender(name=field.at, observed="true")
        for field in (_NO_PROC_MOUNT, _RESTRICT_OOM)
        if found.setting(Part.RUNTIME, field).value
    )
    return judged(found.evidence, offenders, "masks as the kubelet asks for them", State.WARN)


def _devices(node: Node) -> Verdict:
    found = cri(node)
    runtimes = _runtimes(found)
    offenders = tuple(
        Offender(name=name, observed="privileged_without_host_devices_all_devices_allowed = true")
        for name, runtime in runtimes.items()
        if runtime.get("privileged_without_host_devices_all_devices_allowed") not in (None, False)
    )
    default = found.setting(Part.RUNTIME, _DEFAULT_RUNTIME).value
    without = runtimes.get(default, {}).get("privileged_without_host_devices") is True
    note = f"Default runtime {default}: privileged pods get {'none' if without else 'all'} of the host's devices."
    verdict = judged(found.evidence, offenders, f"default runtime {default}", State.WARN)
    return Verdict(
        state=verdict.state,
        observed=verdict.observed,
        evidence=verdict.evidence,
        offenders=verdict.offenders,
        note=note,
    )


def _runtimes(found: Containerd) -> Mapping[str, Mapping[str, object]]:
    outer = found.table(Part.RUNTIME).get("containerd", {})
    tables = outer.get("runtimes", {}) if isinstance(outer, Mapping) else {}
    if not isinstance(tables, Mapping):
        return {}
    return {str(name): table for name, table in tables.items() if isinstance(table, Mapping)}


def _unprivileged_ports(node: Node) -> Verdict:
    found = cri(node)
    version = node.get(ComponentVersion("containerd")) or ""
    since = version.partition(".")[0]
    default = found.version > _OPEN_PORTS_SINCE or (since.isdigit() and int(since) >= _OPEN_PORTS_SINCE)
    offenders = tuple(
        Offender(name=name, observed="false")
        for name in (_PORTS, _ICMP)
        if not found.setting(Part.RUNTIME, Field(at=name, reading=TRUTH, default=default)).value
    )
    return judged(found.evidence, offenders, "low ports and ping without capabilities", State.WARN)


_RUNC = '[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.'

RULES = (
    NodeRule(
        slug="containerd-disabled-lsm",
        severity=Severity.MEDIUM,
        stride=_ELEVATION,
        references=(),
        threats=RUNTIME_DEFAULTS,
        wrong="containerd leaves out the host's SELinux or AppArmor.",
        threat="A process that leaves its container meets nothing that would stop it.",
        wants="have enable_selinux where the host has SELinux, and not have disable_apparmor",
        fix="enable_selinux = true, or disable_apparmor = false",
        remedy=Remedy.RUNTIME,
        judge=_security_modules,
        examples=(
            with_containerd("no AppArmor", State.FAIL, f"{VERSION_3}disable_apparmor = true\n"),
            with_containerd("no SELinux", State.FAIL, VERSION_2, files={_SELINUX_FILE: HostFile(text="1")}),
            with_containerd(
                "SELinux", State.PASS, f"{VERSION_3}enable_selinux = true\n", files={_SELINUX_FILE: HostFile(text="1")}
            ),
            with_containerd("a host without SELinux", State.PASS, VERSION_2),
            with_containerd(
                "the table of another version", State.PASS, f"version = 3\n{VERSION_2[12:]}disable_apparmor = true\n"
            ),
            NO_RUNTIME,
        ),
    ),
    NodeRule(
        slug="containerd-unconfined-seccomp",
        severity=Severity.MEDIUM,
        stride=_ELEVATION,
        references=(),
        threats=RUNTIME_DEFAULTS | {"disabled-seccomp"},
        wrong="containerd takes an unset seccomp profile for none at all.",
        threat="Pods that ask for no profile may use every system call of the kernel.",
        wants="not have unset_seccomp_profile unconfined",
        fix='unset_seccomp_profile = ""',
        remedy=Remedy.RUNTIME,
        judge=_seccomp,
        examples=(
            with_containerd("unconfined", State.FAIL, f'{VERSION_2}unset_seccomp_profile = "unconfined"\n'),
            with_containerd(
                "unconfined in version 3", State.FAIL, f'{VERSION_3}unset_seccomp_profile = "unconfined"\n'
            ),
            with_containerd("a profile", State.PASS, f'{VERSION_2}unset_seccomp_profile = "runtime/default"\n'),
            with_containerd("unset", State.PASS, VERSION_3),
            NO_RUNTIME,
        ),
    ),
    NodeRule(
        slug="containerd-weakened-masking",
        severity=Severity.LOW,
        stride=_ELEVATION,
        references=(),
        threats=RUNTIME_DEFAULTS,
        wrong="containerd does not mask /proc or score memory as the kubelet asks for it.",
        threat="A container sees kernel interfaces that its spec hides, or outlives the node's daemons.",
        wants="not have disable_proc_mount nor restrict_oom_score_adj",
        fix="disable_proc_mount = false and restrict_oom_score_adj = false",
        remedy=Remedy.RUNTIME,
        judge=_masking,
        examples=(
            with_containerd("no masks of the kubelet's", State.WARN, f"{VERSION_2}disable_proc_mount = true\n"),
            with_containerd("restricted scores", State.WARN, f"{VERSION_3}restrict_oom_score_adj = true\n"),
            with_containerd("unset", State.PASS, VERSION_3),
            NO_RUNTIME,
        ),
    ),
    NodeRule(
        slug="privileged-device-access",
        severity=Severity.LOW,
        stride=_ELEVATION,
        references=(),
        threats=RUNTIME_DEFAULTS,
        wrong="A runtime gives privileged pods every device by number, though it shows them none.",
        threat="A privileged pod makes its own device node and reads the disk under the node.",
        wants="not have privileged_without_host_devices_all_devices_allowed",
        fix="privileged_without_host_devices_all_devices_allowed = false",
        remedy=Remedy.RUNTIME,
        judge=_devices,
        examples=(
            with_containerd(
                "all devices",
                State.WARN,
                f"{VERSION_3}{_RUNC}kata]\nprivileged_without_host_devices_all_devices_allowed = true\n",
            ),
            with_containerd(
                "no devices", State.PASS, f"{VERSION_3}{_RUNC}runc]\nprivileged_without_host_devices = true\n"
            ),
            with_containerd("unset", State.PASS, VERSION_2),
            NO_RUNTIME,
        ),
    ),
    NodeRule(
        slug="missing-unprivileged-ports",
        severity=Severity.INFO,
        stride=_ELEVATION,
        references=(),
        threats=RUNTIME_DEFAULTS,
        wrong="Containers need capabilities to bind low ports and to ping.",
        threat="Pods keep NET_BIND_SERVICE and NET_RAW that they would not need.",
        wants="have enable_unprivileged_ports and enable_unprivileged_icmp, the default since containerd 2.0",
        fix="enable_unprivileged_ports = true and enable_unprivileged_icmp = true",
        remedy=Remedy.RUNTIME,
        judge=_unprivileged_ports,
        examples=(
            with_containerd("unset before 2.0", State.WARN, VERSION_2),
            with_containerd("one of them off", State.WARN, f"{VERSION_3}{_PORTS} = false\n"),
            with_containerd("unset since 2.0", State.PASS, VERSION_3),
            with_containerd(
                "an older file for a newer containerd",
                State.PASS,
                VERSION_2,
                answers={ComponentVersion("containerd"): "2.1.4"},
            ),
            with_containerd("both on", State.PASS, f"{VERSION_2}{_PORTS} = true\n{_ICMP} = true\n"),
            NO_RUNTIME,
        ),
    ),
)
