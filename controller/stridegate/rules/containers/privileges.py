"""Who a running container's processes are, and what confines them, as the kernel has it."""

from __future__ import annotations

from stridegate.model.nodes.answers import RunningContainer
from stridegate.model.nodes.container_specimens import PROCESS, shown
from stridegate.model.nodes.containers import needed, of_every_process
from stridegate.model.nodes.nodes import Node
from stridegate.model.nodes.remedies import Remedy
from stridegate.model.nodes.rules import ContainerRule
from stridegate.model.nodes.verdicts import State, Verdict
from stridegate.model.references import CisDocker, CisKubernetes
from stridegate.model.vocabulary import Severity, Stride

_ELEVATION = frozenset({Stride.ELEVATION})


def _as_root(container: RunningContainer, _: Node) -> Verdict:
    return of_every_process(
        container, lambda each: "" if each.uid else "uid 0 on the host", "no process is root", "status: Uid"
    )


def _new_privileges(container: RunningContainer, _: Node) -> Verdict:
    needed(container, "no_new_privileges")
    return of_every_process(
        container, lambda each: "" if each.no_new_privileges else "NoNewPrivs 0", "NoNewPrivs 1", "status: NoNewPrivs"
    )


def _no_seccomp(container: RunningContainer, _: Node) -> Verdict:
    needed(container, "seccomp")
    return of_every_process(
        container,
        lambda each: "" if each.seccomp == 2 else f"Seccomp {each.seccomp}",
        "Seccomp 2",
        "status: Seccomp",
    )


def _unconfined(container: RunningContainer, _: Node) -> Verdict:
    if container.processes and all(each.label is None for each in container.processes):
        return Verdict(state=State.UNKNOWN, observed="attr/current cannot be read")
    verdict = of_every_process(container, lambda each: _label_fault(each.label), "confined", "attr/current")
    hidden = any(each.label is None for each in container.processes)
    return (
        Verdict(state=State.UNKNOWN, observed="attr/current of a process cannot be read")
        if hidden and verdict.state is State.PASS
        else verdict
    )


def _label_fault(label: str | None) -> str:
    """Say what is wrong with the label of a process: AppArmor's `unconfined`, none at all, or SELinux' unconfined types."""
    if label is None:
        return ""
    if not label or label.split(" ")[0] == "unconfined":
        return "unconfined"
    kind = label.split(":")[2] if label.count(":") >= 3 else ""
    return f"SELinux type {kind}" if kind in {"unconfined_t", "spc_t", "unconfined_service_t"} else ""


RULES = (
    ContainerRule(
        slug="running-as-root",
        severity=Severity.HIGH,
        stride=_ELEVATION,
        references=(CisDocker("4.1"), CisKubernetes("5.2.7")),
        threats=frozenset({"root-container-process", "late-privilege-drop", "dockerfile-misconfiguration"}),
        wrong="A process in a container is root on the host.",
        threat="One bug in the runtime or the kernel away, it owns the node; without user namespaces root inside is root outside.",
        wants="have no process with uid 0, as the host sees it",
        fix="Set runAsNonRoot: true and runAsUser, or hostUsers: false.",
        remedy=Remedy.POD,
        judge=_as_root,
        examples=(
            shown("uid 0", State.FAIL, process={"uid": 0}),
            shown("a user", State.PASS),
            shown("root in a user namespace", State.PASS, process={"uid": 165536}),
        ),
    ),
    ContainerRule(
        slug="running-with-new-privileges",
        severity=Severity.HIGH,
        stride=_ELEVATION,
        references=(CisDocker("5.26", before_1_6="5.25"), CisKubernetes("5.2.6")),
        threats=frozenset({"lost-no-new-privileges", "suid-privilege-gain"}),
        wrong="A process in a container may gain privileges.",
        threat="A setuid binary in the image turns a bug in the application into root.",
        wants="have NoNewPrivs 1 for every process",
        fix="Set allowPrivilegeEscalation: false.",
        remedy=Remedy.POD,
        judge=_new_privileges,
        examples=(
            shown("may", State.FAIL, process={"no_new_privileges": False}),
            shown("may not", State.PASS),
            shown(
                "one of two may",
                State.FAIL,
                processes=(PROCESS, shown("", State.FAIL, process={"no_new_privileges": False}).container.processes[0]),
            ),
        ),
    ),
    ContainerRule(
        slug="running-without-seccomp",
        severity=Severity.HIGH,
        stride=_ELEVATION,
        references=(CisDocker("5.22", before_1_6="5.21"), CisKubernetes("5.6.2")),
        threats=frozenset({"disabled-seccomp"}),
        wrong="A process in a container may make every system call.",
        threat="Most escapes begin with a system call that no application needs.",
        wants="have a seccomp filter on every process",
        fix="Set seccompProfile.type: RuntimeDefault.",
        remedy=Remedy.POD,
        judge=_no_seccomp,
        examples=(
            shown("off", State.FAIL, process={"seccomp": 0}),
            shown("filtered", State.PASS),
            shown("unreadable", State.UNKNOWN, gaps=("seccomp: /proc/1/status has no Seccomp",)),
        ),
    ),
    ContainerRule(
        slug="running-unconfined",
        severity=Severity.MEDIUM,
        stride=_ELEVATION,
        references=(CisDocker("5.2", before_1_6="5.1"), CisDocker("5.3", before_1_6="5.2")),
        wrong="Neither AppArmor nor SELinux confines a process in a container.",
        threat="What gets out of its namespaces meets no second wall.",
        wants="have an AppArmor profile or a confined SELinux type on every process",
        fix="Set appArmorProfile.type: RuntimeDefault, or leave seLinuxOptions to the runtime.",
        remedy=Remedy.POD,
        judge=_unconfined,
        examples=(
            shown("AppArmor's unconfined", State.FAIL, process={"label": "unconfined"}),
            shown("a privileged SELinux type", State.FAIL, process={"label": "system_u:system_r:spc_t:s0"}),
            shown("AppArmor", State.PASS),
            shown("SELinux", State.PASS, process={"label": "system_u:system_r:container_t:s0:c1,c2"}),
            shown("denied", State.UNKNOWN, process={"label": None}),
        ),
    ),
)
