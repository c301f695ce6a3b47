"""What a node's kernel lets processes do, and what guards it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from stridegate.model.nodes.answers import Absent, Process, Unreadable
from stridegate.model.nodes.nodes import Node, NotReadable, NotThere
from stridegate.model.nodes.programs import host_processes
from stridegate.model.nodes.queries import FileText, HostMounts
from stridegate.model.nodes.remedies import Remedy
from stridegate.model.nodes.rules import HostFile, NodeExample, NodeRule
from stridegate.model.nodes.verdicts import Evidence, Offender, Source, State, Verdict
from stridegate.model.vocabulary import Severity, Stride

_THREATS = frozenset({"docker-host-misconfiguration"})
_LSM = "/sys/kernel/security/lsm"
_APPARMOR = "/sys/module/apparmor/parameters/enabled"
_SELINUX = "/sys/fs/selinux/enforce"
_LOCKDOWN = "/sys/kernel/security/lockdown"
_SIGNED_MODULES = "/sys/module/module/parameters/sig_enforce"
_CORE_PATTERN = "/proc/sys/kernel/core_pattern"
_SWAPS = "/proc/swaps"
_FORWARD = "net/ipv4/ip_forward"
# Nodes forward the packets of their containers.
_FORWARDING = ("kubelet", "k3s", "rke2", "dockerd", "containerd", "crio", "kube-proxy")


class _Sysctl(NamedTuple):
    """A kernel setting below /proc/sys, and the values that are hardened."""

    name: str
    good: frozenset[str]

    @property
    def path(self) -> str:
        return f"/proc/sys/{self.name}"

    @property
    def dotted(self) -> str:
        return self.name.replace("/", ".")


_SYSCTLS = (
    # Only in kernels of some distributions; absent means that it cannot be switched off here.
    _Sysctl("kernel/unprivileged_userns_clone", frozenset("0")),
    _Sysctl("vm/unprivileged_userfaultfd", frozenset("0")),
    _Sysctl("kernel/dmesg_restrict", frozenset("1")),
    _Sysctl("kernel/kptr_restrict", frozenset("12")),
    _Sysctl("kernel/yama/ptrace_scope", frozenset("123")),
    _Sysctl(_FORWARD, frozenset("0")),
)


def _judge_sysctls(node: Node) -> Verdict:
    texts = _texts(node, [sysctl.path for sysctl in _SYSCTLS])
    forwarding = bool(host_processes(node, *_FORWARDING))
    hidden = any(
        option.startswith("hidepid=")
        for mount in node[HostMounts()]
        if mount.point == "/proc"
        for option in mount.options
    )
    there = [(sysctl, text.strip()) for sysctl, text in zip(_SYSCTLS, texts, strict=True) if text is not None]
    if not there:
        raise NotThere(Absent("/proc/sys"))
    weak = [
        Offender(name=sysctl.dotted, observed=value)
        for sysctl, value in there
        if value not in sysctl.good and not (sysctl.name == _FORWARD and forwarding)
    ]
    return Verdict(
        state=State.WARN if weak else State.PASS,
        observed=", ".join(f"{each.name}={each.observed}" for each in weak) or f"{len(there)} settings hardened",
        wanted=", ".join(f"{sysctl.dotted}={min(sysctl.good)}" for sysctl in _SYSCTLS if sysctl.name != _FORWARD),
        evidence=Evidence(source=Source.PROC, path="/proc/sys"),
        offenders=tuple(weak),
        note="" if hidden else "/proc is mounted without hidepid, which a scan without privileges needs.",
    )


# Where a container's files are on the host, and where anybody may put some.
_FOREIGN = re.compile(
    r"/(?:var/lib/(?:docker|containers|containerd|kubelet|rancher)|run|var/run|tmp|var/tmp|dev/shm|home|proc)(?:/|$)"
)
_PROGRAMS = re.compile(r"/(?:usr|bin|sbin|lib|lib64|opt)/")


def _judge_core_pattern(node: Node) -> Verdict:
    pattern = node[FileText(_CORE_PATTERN)].strip()
    evidence = Evidence(source=Source.PROC, path=_CORE_PATTERN)
    program = pattern[1:].split()[0] if pattern.startswith("|") and pattern[1:].strip() else ""
    if not pattern.startswith("|") or (_PROGRAMS.match(program) and "/../" not in program):
        return Verdict(state=State.PASS, observed=pattern or "empty", evidence=evidence)
    foreign = _FOREIGN.match(program) or not program.startswith("/") or "/../" in program
    return Verdict(state=State.FAIL if foreign else State.WARN, observed=pattern, evidence=evidence)


def _judge_swap(node: Node) -> Verdict:
    lines = node[FileText(_SWAPS)].splitlines()[1:]
    # What zram keeps is in memory again.
    names = [line.split()[0] for line in lines if line.split() and not line.startswith("/dev/zram")]
    evidence = Evidence(source=Source.PROC, path=_SWAPS)
    mapped = [name.removeprefix("/dev/") for name in names if re.fullmatch(r"/dev/dm-[0-9]+", name)]
    kinds = _texts(node, [f"/sys/block/{name}/dm/uuid" for name in mapped])
    encrypted = {f"/dev/{name}" for name, kind in zip(mapped, kinds, strict=True) if (kind or "").startswith("CRYPT-")}
    plain = [name for name in names if name not in encrypted]
    return Verdict(
        state=State.WARN if plain else State.PASS,
        observed=f"swaps to {', '.join(plain)}" if plain else ("swap is encrypted" if names else "no swap"),
        evidence=evidence,
        offenders=tuple(Offender(name=name, observed="not known to be encrypted") for name in plain),
    )


def _judge_lsm(node: Node) -> Verdict:
    modules, apparmor, enforcing = _texts(node, [_LSM, _APPARMOR, _SELINUX])
    if (modules, apparmor, enforcing) == (None, None, None):
        raise NotReadable(Unreadable(_LSM, "is not mounted"))
    loaded = {*(modules or "").strip().split(",")} & {"apparmor", "selinux"}
    loaded |= {"apparmor"} if (apparmor or "").strip() == "Y" else set()
    loaded |= {"selinux"} if enforcing is not None else set()
    evidence = Evidence(source=Source.FILE, path=_LSM if modules is not None else _APPARMOR)
    if loaded == {"selinux"} and (enforcing or "1").strip() == "0":
        return Verdict(
            state=State.WARN, observed="SELinux is permissive", evidence=Evidence(source=Source.FILE, path=_SELINUX)
        )
    return Verdict(
        state=State.PASS if loaded else State.FAIL,
        observed=", ".join(sorted(loaded)) or (modules or "none").strip(),
        evidence=evidence,
    )


def _judge_lockdown(node: Node) -> Verdict:
    lockdown, signed = _texts(node, [_LOCKDOWN, _SIGNED_MODULES])
    if lockdown is None and signed is None:
        raise NotReadable(Unreadable(_LOCKDOWN, "is not mounted"))
    selected = re.search(r"\[(\w+)\]", lockdown or "")
    mode = selected[1] if selected else "none"
    # Integrity and more demand signed modules by themselves (kernel_lockdown(7)).
    signing = mode != "none" or (signed or "").strip() in {"Y", "1"}
    return Verdict(
        state=State.PASS if mode != "none" and signing else State.WARN,
        observed=f"lockdown {mode}, module signatures {'demanded' if signing else 'not demanded'}",
        wanted="lockdown integrity",
        evidence=Evidence(source=Source.FILE, path=_LOCKDOWN if lockdown is not None else _SIGNED_MODULES),
    )


def _texts(node: Node, paths: Sequence[str]) -> list[str | None]:
    """Return the texts of files, None where one is absent. Raises NotReadable."""
    texts: list[str | None] = []
    for answer in node.look_at([FileText(path) for path in paths]):
        if isinstance(answer, Unreadable):
            raise NotReadable(answer)
        texts.append(None if isinstance(answer, Absent) else answer)
    return texts


_HARDENED = {
    "/proc/sys/kernel/dmesg_restrict": "1",
    "/proc/sys/kernel/kptr_restrict": "2",
    "/proc/sys/kernel/yama/ptrace_scope": "1",
    "/proc/sys/vm/unprivileged_userfaultfd": "0",
}
_SWAP_HEADER = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"


def _kernel(title: str, state: State, texts: dict[str, str], *processes: Process) -> NodeExample:
    files = {path: HostFile(text=f"{text}\n", mode=0o444) for path, text in texts.items()}
    return NodeExample(title=title, state=state, files=files, processes=processes)


def _swap(title: str, state: State, *lines: str, **kinds: str) -> NodeExample:
    named = {f"/sys/block/{name.replace('_', '-')}/dm/uuid": kind for name, kind in kinds.items()}
    return _kernel(title, state, {_SWAPS: _SWAP_HEADER + "\n".join(lines), **named})


RULES: tuple[NodeRule, ...] = (
    NodeRule(
        slug="weak-kernel-settings",
        severity=Severity.LOW,
        stride=frozenset({Stride.ELEVATION}),
        references=(),
        threats=_THREATS,
        wrong="The kernel offers unprivileged processes what exploits are made of.",
        threat="User namespaces, userfaultfd, kernel addresses and ptrace turn a small flaw into control of the node.",
        wants="restrict dmesg, kernel pointers, ptrace, userfaultfd and user namespaces, and forward packets only for containers",
        fix="Set kernel.dmesg_restrict=1, kernel.kptr_restrict=2, kernel.yama.ptrace_scope=1 in /etc/sysctl.d.",
        remedy=Remedy.HOST,
        judge=_judge_sysctls,
        examples=(
            _kernel("hardened", State.PASS, _HARDENED),
            _kernel("one is not", State.WARN, {**_HARDENED, "/proc/sys/kernel/kptr_restrict": "0"}),
            _kernel(
                "user namespaces for all", State.WARN, {**_HARDENED, "/proc/sys/kernel/unprivileged_userns_clone": "1"}
            ),
            _kernel("forwards without need", State.WARN, {**_HARDENED, f"/proc/sys/{_FORWARD}": "1"}),
            _kernel(
                "forwards for containers",
                State.PASS,
                {**_HARDENED, f"/proc/sys/{_FORWARD}": "1"},
                Process(pid=801, comm="kubelet", argv=("/usr/bin/kubelet",), cgroup="/system.slice/kubelet.service"),
            ),
            _kernel("nothing to be seen", State.NOT_APPLICABLE, {}),
        ),
    ),
    NodeRule(
        slug="container-core-pattern",
        severity=Severity.HIGH,
        stride=frozenset({Stride.ELEVATION}),
        references=(),
        threats=_THREATS | {"container-escape"},
        wrong="The kernel starts a program out of a container when a process crashes.",
        threat="It runs as root outside every container: whoever wrote that path only has to crash a process to own the node.",
        wants="pipe core dumps, if at all, into a program of the host",
        fix="sysctl -w kernel.core_pattern=core, then find out who changed it.",
        remedy=Remedy.HOST,
        judge=_judge_core_pattern,
        examples=(
            _kernel("a file", State.PASS, {_CORE_PATTERN: "core.%p"}),
            _kernel("a program of the host", State.PASS, {_CORE_PATTERN: "|/usr/lib/systemd/systemd-coredump %P %u"}),
            _kernel("a layer of an image", State.FAIL, {_CORE_PATTERN: "|/var/lib/docker/overlay2/0a/diff/x %P"}),
            _kernel("a file that anybody may write", State.FAIL, {_CORE_PATTERN: "|/tmp/x"}),
            _kernel("by a process's root", State.FAIL, {_CORE_PATTERN: "|/proc/%P/root/x"}),
            _kernel("out of a program directory", State.FAIL, {_CORE_PATTERN: "|/usr/../tmp/x"}),
            _kernel("somewhere else", State.WARN, {_CORE_PATTERN: "|/srv/cores/collect %e"}),
            _kernel("cannot be seen", State.NOT_APPLICABLE, {}),
        ),
    ),
    NodeRule(
        slug="unencrypted-swap",
        severity=Severity.LOW,
        stride=frozenset({Stride.INFORMATION_DISCLOSURE}),
        references=(),
        threats=_THREATS,
        wrong="The node swaps to a disk that is not known to be encrypted.",
        threat="Secrets that pods hold in memory alone end up on the disk, where they outlive the pods and the node.",
        wants="have no swap, or encrypted swap",
        fix="swapoff -a and remove it from fstab, or encrypt it with cryptsetup.",
        remedy=Remedy.HOST,
        judge=_judge_swap,
        examples=(
            _swap("none", State.PASS),
            _swap("a file", State.WARN, "/swapfile file 2097148 0 -2"),
            _swap("a partition", State.WARN, "/dev/sda2 partition 2097148 0 -2"),
            _swap("memory", State.PASS, "/dev/zram0 partition 2097148 0 100"),
            _swap("encrypted", State.PASS, "/dev/dm-1 partition 2097148 0 -2", dm_1="CRYPT-PLAIN-swap"),
            _swap("a volume", State.WARN, "/dev/dm-1 partition 2097148 0 -2", dm_1="LVM-swap"),
            _kernel("cannot be seen", State.NOT_APPLICABLE, {}),
        ),
    ),
    NodeRule(
        slug="missing-kernel-lsm",
        severity=Severity.LOW,
        stride=frozenset({Stride.ELEVATION}),
        references=(),
        threats=_THREATS,
        wrong="Neither AppArmor nor SELinux is loaded.",
        threat="Nothing but namespaces keeps a container that became root away from the node's files.",
        wants="have AppArmor or SELinux loaded",
        fix="Add apparmor or selinux to lsm= of the kernel's command line, and reboot.",
        remedy=Remedy.HOST,
        judge=_judge_lsm,
        examples=(
            _kernel("AppArmor", State.PASS, {_LSM: "lockdown,capability,landlock,yama,apparmor,bpf"}),
            _kernel("SELinux", State.PASS, {_LSM: "capability,selinux", _SELINUX: "1"}),
            _kernel("SELinux that only warns", State.WARN, {_LSM: "capability,selinux", _SELINUX: "0"}),
            _kernel("AppArmor, told by itself alone", State.PASS, {_APPARMOR: "Y"}),
            _kernel("neither", State.FAIL, {_LSM: "lockdown,capability,yama"}),
            _kernel("AppArmor is switched off", State.FAIL, {_APPARMOR: "N"}),
            _kernel("cannot be seen", State.UNKNOWN, {}),
        ),
    ),
    NodeRule(
        slug="unlocked-kernel",
        severity=Severity.LOW,
        stride=frozenset({Stride.TAMPERING}),
        references=(),
        threats=_THREATS,
        wrong="Root may change the running kernel.",
        threat="Whoever becomes root loads a module that hides everything else, this scan's evidence included.",
        wants="be in lockdown, with module signatures demanded",
        fix="Boot with Secure Boot, or with lockdown=integrity module.sig_enforce=1.",
        remedy=Remedy.HOST,
        judge=_judge_lockdown,
        examples=(
            _kernel("locked", State.PASS, {_LOCKDOWN: "none [integrity] confidentiality", _SIGNED_MODULES: "Y"}),
            _kernel("not locked", State.WARN, {_LOCKDOWN: "[none] integrity confidentiality", _SIGNED_MODULES: "N"}),
            _kernel(
                "signatures alone", State.WARN, {_LOCKDOWN: "[none] integrity confidentiality", _SIGNED_MODULES: "Y"}
            ),
            _kernel("cannot be seen", State.UNKNOWN, {}),
        ),
    ),
)
