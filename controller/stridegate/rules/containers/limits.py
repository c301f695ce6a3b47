"""What bounds a running container, as its control group has it."""

from __future__ import annotations

from stridegate.model.nodes.answers import RunningContainer
from stridegate.model.nodes.container_specimens import shown
from stridegate.model.nodes.containers import concluded, needed, of_every_process
from stridegate.model.nodes.nodes import Node
from stridegate.model.nodes.remedies import Remedy
from stridegate.model.nodes.rules import ContainerRule
from stridegate.model.nodes.verdicts import State, Verdict
from stridegate.model.references import CisDocker, CisKubernetes
from stridegate.model.vocabulary import Severity, Stride

_DENIAL = frozenset({Stride.DENIAL_OF_SERVICE})
_LIMITS = {"Max open files": "RLIMIT_NOFILE", "Max processes": "RLIMIT_NPROC"}


def _memory(container: RunningContainer, _: Node) -> Verdict:
    needed(container, "memory_limit")
    limit = container.memory_limit
    return concluded(container, "max" if limit is None else "", f"{limit} bytes", "cgroup: memory.max")


def _processes(container: RunningContainer, _: Node) -> Verdict:
    needed(container, "pids_limit")
    limit = container.pids_limit
    return concluded(container, "max" if limit is None else "", str(limit), "cgroup: pids.max")


def _processor(container: RunningContainer, _: Node) -> Verdict:
    needed(container, "cpu_limited")
    wrong = "" if container.cpu_limited else "default weight, no quota"
    return concluded(container, wrong, "weight or quota is set", "cgroup: cpu.weight, cpu.max")


def _ulimits(container: RunningContainer, _: Node) -> Verdict:
    needed(container, "limits")
    return of_every_process(
        container,
        lambda each: ", ".join(
            f"{name} unlimited" for line, name in _LIMITS.items() if each.limits.get(line, "unlimited") == "unlimited"
        ),
        "both are set",
        "limits",
    )


RULES = (
    ContainerRule(
        slug="running-without-memory-limit",
        severity=Severity.HIGH,
        stride=_DENIAL,
        references=(CisDocker("5.11", before_1_6="5.10"),),
        threats=frozenset({"unlimited-container-memory"}),
        wrong="A container may use all memory of the node.",
        threat="One leak, or one attacker, and the kernel kills processes of other pods and of the node.",
        wants="have a memory limit in its control group or its pod's",
        fix="Set resources.limits.memory.",
        remedy=Remedy.POD,
        judge=_memory,
        examples=(
            shown("none", State.FAIL, memory_limit=None),
            shown("set", State.PASS),
            shown("unreadable", State.UNKNOWN, memory_limit=None, gaps=("memory_limit: EACCES",)),
        ),
    ),
    ContainerRule(
        slug="running-without-pids-limit",
        severity=Severity.MEDIUM,
        stride=_DENIAL,
        references=(CisDocker("5.29", before_1_6="5.28"), CisKubernetes("4.2.13")),
        threats=frozenset({"node-resource-exhaustion"}),
        wrong="A container may start any number of processes.",
        threat="A fork bomb takes all process ids of the node.",
        wants="have a limit of processes in its control group or its pod's",
        fix="Set podPidsLimit of the kubelet, or --pids-limit of docker run.",
        remedy=Remedy.POD,
        judge=_processes,
        examples=(
            shown("none", State.FAIL, pids_limit=None),
            shown("set", State.PASS),
            shown("unreadable", State.UNKNOWN, pids_limit=None, gaps=("pids_limit: EACCES",)),
        ),
    ),
    ContainerRule(
        slug="running-without-cpu-limit",
        severity=Severity.LOW,
        stride=_DENIAL,
        references=(CisDocker("5.12", before_1_6="5.11"),),
        wrong="A container has neither a processor quota nor a weight of its own.",
        threat="It takes as much processor time as everything else on the node.",
        wants="have a weight or a quota that is not the default",
        fix="Set resources.requests.cpu, or --cpus or --cpu-shares of docker run.",
        remedy=Remedy.POD,
        judge=_processor,
        examples=(shown("default", State.FAIL, cpu_limited=False), shown("set", State.PASS)),
    ),
    ContainerRule(
        slug="running-without-ulimits",
        severity=Severity.LOW,
        stride=_DENIAL,
        references=(CisDocker("5.19", before_1_6="5.18"),),
        wrong="A process in a container may open any number of files or start any number of processes.",
        threat="It exhausts what the kernel has for the whole node.",
        wants="have soft limits of open files and processes",
        fix="Set default-ulimits of the runtime (nofile, nproc), or --ulimit of docker run.",
        remedy=Remedy.POD,
        judge=_ulimits,
        examples=(
            shown(
                "processes unlimited",
                State.FAIL,
                process={"limits": {"Max open files": "1024", "Max processes": "unlimited"}},
            ),
            shown("both set", State.PASS),
        ),
    ),
)
