"""What CRI-O confines pods with: capabilities, seccomp and AppArmor profiles, SELinux and limits."""

from __future__ import annotations

from stridegate.model.nodes.answers import FileStatus, Unreadable
from stridegate.model.nodes.crio import crio
from stridegate.model.nodes.fields import Field
from stridegate.model.nodes.nodes import Node, NotReadable
from stridegate.model.nodes.queries import FileStatusOf
from stridegate.model.nodes.readings import NUMBER, TEXT, TEXTS, TRUTH
from stridegate.model.nodes.remedies import Remedy
from stridegate.model.nodes.rules import HostFile, NodeRule
from stridegate.model.nodes.runtime_rules import NO_RUNTIME, RUNTIME_DEFAULTS, judged, with_crio
from stridegate.model.nodes.verdicts import Offender, State, Verdict
from stridegate.model.vocabulary import Severity, Stride

_ELEVATION = frozenset({Stride.ELEVATION})
_RUNTIME = "[crio.runtime]\n"

# Defaults: cri-o pkg/config, `DefaultConfig`.
_CAPABILITIES = Field(at="crio.runtime.default_capabilities", reading=TEXTS, default=(), flag="default-capabilities")
_INHERITABLE = Field(at="crio.runtime.add_inheritable_capabilities", reading=TRUTH, default=False)
_SECCOMP = Field(at="crio.runtime.seccomp_profile", reading=TEXT, default="", flag="seccomp-profile")
_PRIVILEGED_SECCOMP = Field(at="crio.runtime.privileged_seccomp_profile", reading=TEXT, default="")
_APPARMOR = Field(at="crio.runtime.apparmor_profile", reading=TEXT, default="crio-default", flag="apparmor-profile")
_SELINUX = Field(at="crio.runtime.selinux", reading=TRUTH, default=False, flag="selinux")
_HOST_NETWORK = Field(at="crio.runtime.hostnetwork_disable_selinux", reading=TRUTH, default=True)
_ULIMITS = Field(at="crio.runtime.default_ulimits", reading=TEXTS, default=(), flag="default-ulimits")
_LOG_SIZE = Field(at="crio.runtime.log_size_max", reading=NUMBER, default=-1, flag="log-size-max")
_READ_ONLY = Field(at="crio.runtime.read_only", reading=TRUTH, default=False, flag="read-only")

_BROAD = frozenset({"NET_RAW", "SYS_CHROOT", "MKNOD"})
_SELINUX_FILE = "/sys/fs/selinux/enforce"


def _capabilities(node: Node) -> Verdict:
    found = crio(node)
    given = [name.upper().removeprefix("CAP_") for name in found.setting(_CAPABILITIES).value]
    offenders = [Offender(name=name, observed="in default_capabilities") for name in given if name in _BROAD | {"ALL"}]
    if found.setting(_INHERITABLE).value:
        offenders.append(Offender(name="add_inheritable_capabilities", observed="true"))
    evidence = found.setting(_CAPABILITIES).evidence
    return judged(evidence, offenders, ", ".join(given) or "CRI-O's own list")


def _profiles(node: Node) -> Verdict:
    found = crio(node)
    offenders = [
        Offender(name=each.field.at.rpartition(".")[2], observed="unconfined")
        for each in (found.setting(_SECCOMP), found.setting(_APPARMOR))
        if each.value == "unconfined"
    ]
    privileged = found.setting(_PRIVILEGED_SECCOMP).value
    return judged(found.evidence, offenders, f"profiles; privileged pods: {privileged or 'no seccomp profile'}")


def _selinux(node: Node) -> Verdict:
    found = crio(node)
    answer = node.look(FileStatusOf(_SELINUX_FILE))
    if isinstance(answer, Unreadable):
        raise NotReadable(answer)
    if not isinstance(answer, FileStatus):
        return Verdict(state=State.NOT_APPLICABLE, observed="the host has no SELinux")
    offenders = [Offender(name="selinux", observed="false")] if not found.setting(_SELINUX).value else []
    if found.setting(_HOST_NETWORK).value:
        offenders.append(Offender(name="hostnetwork_disable_selinux", observed="true"))
    return judged(found.evidence, offenders, "SELinux for every pod")


def _limits(node: Node) -> Verdict:
    found = crio(node)
    offenders = [] if found.setting(_ULIMITS).value else [Offender(name="default_ulimits", observed="none")]
    if found.setting(_LOG_SIZE).value <= 0:
        offenders.append(Offender(name="log_size_max", observed="no limit"))
    read_only = " and read-only containers" if found.setting(_READ_ONLY).value else ""
    return judged(found.evidence, offenders, f"ulimits and a log size{read_only}", State.WARN)


RULES = (
    NodeRule(
        slug="crio-broad-default-capabilities",
        severity=Severity.MEDIUM,
        stride=_ELEVATION,
        references=(),
        threats=RUNTIME_DEFAULTS | {"net-raw-by-default"},
        wrong="CRI-O gives containers more capabilities than its own list has.",
        threat="Every container forges packets, makes devices or changes its root, without asking for it.",
        wants="not give NET_RAW, SYS_CHROOT or MKNOD by default, nor inheritable capabilities",
        fix="Remove NET_RAW, SYS_CHROOT and MKNOD from default_capabilities; add_inheritable_capabilities = false",
        remedy=Remedy.RUNTIME,
        judge=_capabilities,
        examples=(
            with_crio("NET_RAW", State.FAIL, f'{_RUNTIME}default_capabilities = ["CHOWN", "NET_RAW"]\n'),
            with_crio("another spelling", State.FAIL, f'{_RUNTIME}default_capabilities = ["cap_mknod"]\n'),
            with_crio("inheritable", State.FAIL, f"{_RUNTIME}add_inheritable_capabilities = true\n"),
            with_crio("fewer", State.PASS, f'{_RUNTIME}default_capabilities = ["CHOWN"]\n'),
            with_crio("unset", State.PASS, None),
            with_crio(
                "a drop-in has the last word",
                State.PASS,
                f'{_RUNTIME}default_capabilities = ["NET_RAW"]\n',
                files={
                    "/etc/crio/crio.conf.d/10-a.conf": HostFile(text=f'{_RUNTIME}default_capabilities = ["KILL"]\n')
                },
            ),
            with_crio("a file that does not parse", State.UNKNOWN, "[crio\n"),
            NO_RUNTIME,
        ),
    ),
    NodeRule(
        slug="crio-unconfined-profiles",
        severity=Severity.MEDIUM,
        stride=_ELEVATION,
        references=(),
        threats=RUNTIME_DEFAULTS | {"disabled-seccomp"},
        wrong="CRI-O runs pods without a seccomp or AppArmor profile.",
        threat="A process that leaves its container meets nothing that would stop it.",
        wants="not have seccomp_profile or apparmor_profile unconfined",
        fix='seccomp_profile = "" and apparmor_profile = "crio-default"',
        remedy=Remedy.RUNTIME,
        judge=_profiles,
        examples=(
            with_crio("no seccomp", State.FAIL, f'{_RUNTIME}seccomp_profile = "unconfined"\n'),
            with_crio("no AppArmor", State.FAIL, f'{_RUNTIME}apparmor_profile = "unconfined"\n'),
            with_crio("no AppArmor by flag", State.FAIL, "", "--apparmor-profile=unconfined"),
            with_crio("unset", State.PASS, ""),
            NO_RUNTIME,
        ),
    ),
    NodeRule(
        slug="crio-disabled-selinux",
        severity=Severity.MEDIUM,
        stride=_ELEVATION,
        references=(),
        threats=RUNTIME_DEFAULTS,
        wrong="CRI-O leaves out the host's SELinux.",
        threat="A process that leaves its container meets nothing that would stop it.",
        wants="have selinux on where the host has it, pods on the host's network included",
        fix="selinux = true and hostnetwork_disable_selinux = false",
        remedy=Remedy.RUNTIME,
        judge=_selinux,
        examples=(
            with_crio("off", State.FAIL, "", files={_SELINUX_FILE: HostFile(text="1")}),
            with_crio(
                "not for all", State.FAIL, f"{_RUNTIME}selinux = true\n", files={_SELINUX_FILE: HostFile(text="1")}
            ),
            with_crio(
                "for all",
                State.PASS,
                f"{_RUNTIME}selinux = true\nhostnetwork_disable_selinux = false\n",
                files={_SELINUX_FILE: HostFile(text="1")},
            ),
            with_crio("a host without SELinux", State.NOT_APPLICABLE, ""),
            NO_RUNTIME,
        ),
    ),
    NodeRule(
        slug="crio-missing-container-limits",
        severity=Severity.LOW,
        stride=frozenset({Stride.DENIAL_OF_SERVICE}),
        references=(),
        threats=RUNTIME_DEFAULTS | {"node-resource-exhaustion"},
        wrong="CRI-O sets no limits on containers that ask for none.",
        threat="One container takes the node's file handles, or fills its disk with logs.",
        wants="have default_ulimits and log_size_max",
        fix='default_ulimits = ["nofile=1024:2048"] and log_size_max = 52428800',
        remedy=Remedy.RUNTIME,
        judge=_limits,
        examples=(
            with_crio("none", State.WARN, ""),
            with_crio("one of them", State.WARN, f"{_RUNTIME}log_size_max = 52428800\n"),
            with_crio(
                "both", State.PASS, f'{_RUNTIME}log_size_max = 52428800\ndefault_ulimits = ["nofile=1024:2048"]\n'
            ),
            NO_RUNTIME,
        ),
    ),
)
