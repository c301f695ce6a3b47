"""Which capabilities a running container's processes have, or can get, as the kernel has it (capabilities(7)).

What a process has in a user namespace that it made itself, as browsers and builders do, reaches nothing outside and is
not judged. In a user namespace that the runtime made (hostUsers: false), capabilities count for what that namespace
owns: the pod's network, and no disk, module or process of the node.
"""

from __future__ import annotations

from stridegate.model.nodes.answers import ContainerProcess, RunningContainer, Unreadable, Users
from stridegate.model.nodes.container_specimens import shown
from stridegate.model.nodes.containers import capabilities, held_by, needed, of_every_process
from stridegate.model.nodes.nodes import Node, NotReadable
from stridegate.model.nodes.remedies import Remedy
from stridegate.model.nodes.rules import ContainerRule
from stridegate.model.nodes.verdicts import State, Verdict
from stridegate.model.references import CisDocker, CisKubernetes
from stridegate.model.vocabulary import Severity, Stride

_DANGEROUS = ("SYS_ADMIN", "SYS_PTRACE", "SYS_MODULE", "DAC_READ_SEARCH")
_ELEVATION = frozenset({Stride.ELEVATION})


def _privileged(container: RunningContainer, _: Node) -> Verdict:
    needed(container, "effective_capabilities")
    every = container.host_capabilities
    if not every:
        raise NotReadable(Unreadable(container.name, "what bounds the host's first process cannot be read"))
    return of_every_process(
        container,
        lambda each: _reach(each, every) if each.users is Users.HOST and _can_use(each, every) else "",
        "not every capability",
        "status: CapPrm, CapBnd, against those of the host's first process",
        in_doubt=lambda each: _reach(each, every),
    )


def _can_use(process: ContainerProcess, every: int) -> bool:
    return held_by(process) & every == every or not process.no_new_privileges


def _reach(process: ContainerProcess, every: int) -> str:
    """Say how a process has every capability, if it does.

    Bounding sets tell the flag `privileged` on a container that runs as a user: su or sudo in its image does the rest.
    """
    if process.users is Users.NESTED or (held_by(process) | process.bounding_capabilities) & every != every:
        return ""
    where = " in its user namespace" if process.users is Users.CONTAINER else " of this host"
    if held_by(process) & every == every:
        return f"every capability{where}"
    held_back = "held back by NoNewPrivs" if process.no_new_privileges else "for any setuid program"
    return f"every capability{where}, {held_back}"


def _net_raw(container: RunningContainer, _: Node) -> Verdict:
    needed(container, "effective_capabilities")
    # The network of a pod with a user namespace is owned by that, so that NET_RAW counts there as anywhere.
    return of_every_process(
        container,
        lambda each: "NET_RAW" if "NET_RAW" in capabilities(each) else "",
        "no process has NET_RAW",
        "status: CapEff, CapPrm",
    )


def _dangerous(container: RunningContainer, _: Node) -> Verdict:
    needed(container, "effective_capabilities")
    return of_every_process(
        container,
        lambda each: _named(each) if each.users is Users.HOST else "",
        "none of them",
        "status: CapEff, CapPrm",
        in_doubt=lambda each: f"{named} in its user namespace" if (named := _named(each)) else "",
    )


def _named(process: ContainerProcess) -> str:
    held = capabilities(process)
    return ", ".join(name for name in _DANGEROUS if name in held)


# A kernel with 41 capabilities, and a host without SYS_RESOURCE.
_ALL = (1 << 41) - 1
_LESS = _ALL & ~(1 << 24)

RULES = (
    ContainerRule(
        slug="running-privileged",
        severity=Severity.CRITICAL,
        stride=_ELEVATION,
        references=(CisDocker("5.5", before_1_6="5.4"), CisKubernetes("5.2.2")),
        threats=frozenset({"privileged-flag-on-container", "privileged-pod-abuse"}),
        wrong="A container runs with every capability that its host has.",
        threat="With all of them it loads kernel modules, mounts the node's disks and reads every process: it is the node.",
        wants="have no process with every capability that bounds the host's first process and whatever started the container",
        fix="Set privileged: false, and add only the capabilities that it needs.",
        remedy=Remedy.POD,
        judge=_privileged,
        examples=(
            shown("all", State.FAIL, process={"effective_capabilities": _ALL}, host_capabilities=_ALL),
            shown("all but one", State.PASS, process={"effective_capabilities": _ALL >> 1}, host_capabilities=_ALL),
            shown(
                "all of a host that lacks one",
                State.FAIL,
                process={"effective_capabilities": _LESS},
                host_capabilities=_LESS,
            ),
            shown("laid aside for now", State.FAIL, process={"permitted_capabilities": _ALL}, host_capabilities=_ALL),
            shown(
                "a privileged container that runs as a user",
                State.FAIL,
                process={"bounding_capabilities": _ALL, "no_new_privileges": False},
                host_capabilities=_ALL,
            ),
            shown(
                "the same, without new privileges",
                State.WARN,
                process={"bounding_capabilities": _ALL},
                host_capabilities=_ALL,
            ),
            shown(
                "all in the user namespace of its pod",
                State.WARN,
                process={"effective_capabilities": _ALL, "users": Users.CONTAINER},
                host_capabilities=_ALL,
            ),
            shown(
                "all in a user namespace that a program made",
                State.PASS,
                process={"effective_capabilities": _ALL, "bounding_capabilities": _ALL, "users": Users.NESTED},
                host_capabilities=_ALL,
            ),
            shown("none", State.PASS, host_capabilities=_ALL),
            shown("unreadable", State.UNKNOWN, gaps=("effective_capabilities: EACCES",), host_capabilities=_ALL),
            shown("a host that does not tell", State.UNKNOWN),
        ),
    ),
    ContainerRule(
        slug="running-with-net-raw",
        severity=Severity.MEDIUM,
        stride=frozenset({Stride.SPOOFING}),
        references=(CisDocker("5.4", before_1_6="5.3"), CisKubernetes("5.2.8")),
        threats=frozenset({"raw-packet-injection", "network-spoofing-to-host"}),
        wrong="A container may open raw sockets.",
        threat="Raw sockets forge ARP, DNS and any other packet, and so impersonate neighbours and the node.",
        wants="have no process with NET_RAW",
        fix="Set capabilities.drop: [ALL].",
        remedy=Remedy.POD,
        judge=_net_raw,
        examples=(
            shown("has it", State.FAIL, process={"effective_capabilities": 1 << 13}),
            shown("may take it", State.FAIL, process={"permitted_capabilities": 1 << 13}),
            shown(
                "in the user namespace of its pod, which owns the network",
                State.FAIL,
                process={"effective_capabilities": 1 << 13, "users": Users.CONTAINER},
            ),
            shown("has others", State.PASS, process={"effective_capabilities": 1 << 10}),
        ),
    ),
    ContainerRule(
        slug="running-with-dangerous-capability",
        severity=Severity.HIGH,
        stride=_ELEVATION,
        references=(CisDocker("5.4", before_1_6="5.3"), CisKubernetes("5.2.9")),
        threats=frozenset({"privileged-pod-abuse"}),
        wrong="A container runs with a capability that opens the node.",
        threat="SYS_ADMIN mounts, SYS_PTRACE reads other processes, SYS_MODULE loads code into the kernel, DAC_READ_SEARCH opens any file.",
        wants="have no process with SYS_ADMIN, SYS_PTRACE, SYS_MODULE or DAC_READ_SEARCH",
        fix="Take the capability out of capabilities.add, and set drop: [ALL].",
        remedy=Remedy.POD,
        judge=_dangerous,
        examples=(
            shown("SYS_ADMIN", State.FAIL, process={"effective_capabilities": 1 << 21}),
            shown("SYS_PTRACE", State.FAIL, process={"effective_capabilities": 1 << 19}),
            shown("SYS_MODULE", State.FAIL, process={"effective_capabilities": 1 << 16}),
            shown("DAC_READ_SEARCH", State.FAIL, process={"effective_capabilities": 1 << 2}),
            shown("laid aside for now", State.FAIL, process={"permitted_capabilities": 1 << 21}),
            shown(
                "in the user namespace of its pod",
                State.WARN,
                process={"effective_capabilities": 1 << 21, "users": Users.CONTAINER},
            ),
            shown(
                "in a user namespace that a program made",
                State.PASS,
                process={"effective_capabilities": 1 << 21, "users": Users.NESTED},
            ),
            shown("the default set", State.PASS, process={"effective_capabilities": 0xA80425FB}),
        ),
    ),
)
