"""Which of the host's namespaces a running container stands in, and what it makes itself out to be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stridegate.model.nodes.answers import Arrival, ContainerProcess, Process, RunningContainer, Unreadable
from stridegate.model.nodes.container_specimens import PROCESS, shown
from stridegate.model.nodes.containers import concluded, needed, of_every_process, section
from stridegate.model.nodes.nodes import Node, NotReadable
from stridegate.model.nodes.queries import HostProcesses
from stridegate.model.nodes.remedies import Remedy
from stridegate.model.nodes.rules import ContainerRule
from stridegate.model.nodes.verdicts import State, Verdict
from stridegate.model.references import CisDocker, CisKubernetes
from stridegate.model.vocabulary import Severity, Stride

# Ports below need a capability, so that clients trust whoever answers there (ip_unprivileged_port_start).
_PRIVILEGED = 1024
_COMPONENTS = {"kubelet", "kube-apiserver", "kube-controller-manager", "kube-scheduler"}
_PROXY = Process(
    pid=77,
    comm="docker-proxy",
    argv=("/usr/bin/docker-proxy", "-proto", "tcp", "-host-port", "80", "-container-port", "8080"),
    namespace_pids=(77,),
)


def _host_network(container: RunningContainer, _: Node) -> Verdict:
    needed(container, "host_network")
    spec = section({"spec": container.spec}, "spec")
    said = (
        ", as its spec says" if spec.get("hostNetwork") is True else ", though its spec does not say so" if spec else ""
    )
    wrong = f"the host's interfaces, routes and addresses{said}" if container.host_network else ""
    return concluded(container, wrong, "interfaces, routes and addresses of its own", "net/dev, net/route")


def _host_pid(container: RunningContainer, _: Node) -> Verdict:
    _numbered(container)
    return of_every_process(
        container,
        lambda each: "one process id alone" if len(each.namespace_pids) == 1 else "",
        "processes have ids of their own",
        "status: NSpid",
    )


def _shared_processes(container: RunningContainer, _: Node) -> Verdict:
    _numbered(container)
    inside = [each.namespace_pids[-1] for each in container.processes if len(each.namespace_pids) > 1]
    # The first process of a namespace has id 1 there: where it is none of this container's, it is another's.
    wrong = f"its first process is number {min(inside)} of a namespace" if inside and min(inside) != 1 else ""
    return concluded(container, wrong, "a process namespace of its own", "status: NSpid")


def _numbered(container: RunningContainer) -> None:
    needed(container, "processes")
    if not container.processes or not all(each.namespace_pids for each in container.processes):
        raise NotReadable(Unreadable(container.name, "NSpid of a process cannot be read"))


def _privileged_port(container: RunningContainer, node: Node) -> Verdict:
    needed(container, "listening_ports")
    outside = container.arrival is Arrival.OUTSIDE
    if container.spec is None and not outside and container.listening_ports:
        raise NotReadable(Unreadable(container.name, "its spec, which says what is published, is not known"))
    pairs = list(_docker_ports(node[HostProcesses()]) if outside else _host_ports(container.spec or {}))
    wrong = sorted({host for host, inside in pairs if host < _PRIVILEGED and inside in container.listening_ports})
    return concluded(
        container, ", ".join(map(str, wrong)), "no port below 1024 is published", "net/tcp, ports of the spec"
    )


def _host_ports(spec: Mapping[str, object]) -> Iterator[tuple[int, int]]:
    """Yield the ports of the host that a pod's spec publishes, with those in the container."""
    host_network = spec.get("hostNetwork") is True
    listed = spec.get("containers")
    for each in listed if isinstance(listed, list) else ():
        ports = each.get("ports") if isinstance(each, Mapping) else None
        for port in ports if isinstance(ports, list) else ():
            inside = port.get("containerPort") if isinstance(port, Mapping) else None
            host = port.get("hostPort", inside if host_network else None) if isinstance(port, Mapping) else None
            if isinstance(host, int) and isinstance(inside, int):
                yield host, inside


def _docker_ports(processes: tuple[Process, ...]) -> Iterator[tuple[int, int]]:
    """Yield the ports that Docker publishes, as the command lines of its proxies have them."""
    for process in processes:
        if process.comm != "docker-proxy" or process.pod_uid:
            continue
        words = dict(zip(process.argv[1::2], process.argv[2::2], strict=False))
        host, inside = words.get("-host-port", ""), words.get("-container-port", "")
        if host.isdecimal() and inside.isdecimal():
            yield int(host), int(inside)


def _sshd(container: RunningContainer, _: Node) -> Verdict:
    return of_every_process(
        container, lambda each: "sshd" if each.comm in {"sshd", "sshd-session"} else "", "no sshd", "status: Name"
    )


def _impostor(container: RunningContainer, _: Node) -> Verdict:
    if container.arrival in {Arrival.STATIC, Arrival.OUTSIDE}:
        # The control plane's own pods; and a node that runs as a container of Docker has a kubelet of its own.
        return Verdict(state=State.NOT_APPLICABLE, observed=f"the container is {container.arrival.value}")
    return of_every_process(container, _component, "no process calls itself a component of the node", "cmdline")


def _component(process: ContainerProcess) -> str:
    called = {process.comm, process.argv[0].rsplit("/", 1)[-1] if process.argv else ""}
    # comm holds 15 characters (proc_pid_comm(5)).
    return next((name for name in sorted(_COMPONENTS) if called & {name, name[:15]}), "")


def _in(number: int) -> Mapping[str, object]:
    return {"namespace_pids": (PROCESS.pid, number)}


_PORTS = {"containers": [{"name": "app", "ports": [{"containerPort": 8080, "hostPort": 443}]}]}
_HIGH_PORTS = {"containers": [{"name": "app", "ports": [{"containerPort": 8080, "hostPort": 8080}]}]}

RULES = (
    ContainerRule(
        slug="running-host-network",
        severity=Severity.HIGH,
        stride=frozenset({Stride.INFORMATION_DISCLOSURE}),
        references=(CisDocker("5.10", before_1_6="5.9"), CisKubernetes("5.2.5")),
        threats=frozenset({"shared-host-network"}),
        wrong="A container stands in the host's network namespace.",
        threat="It reaches what listens on the node's loopback, sees all traffic, and no NetworkPolicy holds for it.",
        wants="have interfaces, routes and addresses of its own",
        fix="Take hostNetwork: true out.",
        remedy=Remedy.POD,
        judge=_host_network,
        examples=(
            shown("shared", State.FAIL, host_network=True),
            shown("its own", State.PASS),
            shown("unreadable", State.UNKNOWN, gaps=("host_network: EACCES",)),
        ),
    ),
    ContainerRule(
        slug="running-host-pid",
        severity=Severity.HIGH,
        stride=frozenset({Stride.ELEVATION}),
        references=(CisDocker("5.16", before_1_6="5.15"), CisKubernetes("5.2.3")),
        threats=frozenset({"isolation-tampering", "container-escape"}),
        wrong="A container stands in the host's process namespace.",
        threat="It sees, signals and, with the right capability, reads every process of the node.",
        wants="have process ids of its own",
        fix="Take hostPID: true out.",
        remedy=Remedy.POD,
        judge=_host_pid,
        examples=(
            shown("the host's", State.FAIL, process={"namespace_pids": (4321,)}),
            shown("its own", State.PASS),
            shown("unreadable", State.UNKNOWN, process={"namespace_pids": ()}),
        ),
    ),
    ContainerRule(
        slug="running-shared-process-namespace",
        severity=Severity.MEDIUM,
        stride=frozenset({Stride.SPOOFING}),
        references=(),
        threats=frozenset({"sidecar-namespace-spoofing"}),
        wrong="A container shares its process namespace with another one.",
        threat="One reads the other's memory, environment and files, and speaks in its name.",
        wants="have the first process of its process namespace",
        fix="Take shareProcessNamespace: true out.",
        remedy=Remedy.POD,
        judge=_shared_processes,
        examples=(
            shown("another's", State.FAIL, process=_in(7)),
            shown("its own", State.PASS, process=_in(1)),
            shown("the host's, which is another rule's", State.PASS, process={"namespace_pids": (4321,)}),
        ),
    ),
    ContainerRule(
        slug="running-privileged-port",
        severity=Severity.MEDIUM,
        stride=frozenset({Stride.SPOOFING}),
        references=(CisDocker("5.8", before_1_6="5.7"),),
        threats=frozenset({"unbound-host-port"}),
        wrong="A container answers on a port of the host below 1024.",
        threat="Clients trust such ports to be the system's own.",
        wants="publish no listener on a port of the host below 1024",
        fix="Publish it by a Service, or on a port from 1024 on.",
        remedy=Remedy.POD,
        judge=_privileged_port,
        examples=(
            shown("443", State.FAIL, spec=_PORTS),
            shown("443, where nothing listens", State.PASS, spec=_PORTS, listening_ports=frozenset()),
            shown("8080", State.PASS, spec=_HIGH_PORTS),
            shown(
                "by Docker",
                State.FAIL,
                spec=None,
                arrival=Arrival.OUTSIDE,
                answers={HostProcesses(): (_PROXY,)},
            ),
            shown("an unknown spec", State.UNKNOWN, spec=None, arrival=Arrival.UNTOLD),
        ),
    ),
    ContainerRule(
        slug="running-sshd",
        severity=Severity.MEDIUM,
        stride=frozenset({Stride.ELEVATION}),
        references=(CisDocker("5.7", before_1_6="5.6"),),
        wrong="An SSH server runs in a container.",
        threat="A second door, with keys and users that nobody manages, past the API server's audit log.",
        wants="have no process sshd",
        fix="Use kubectl exec or debug, and take sshd out of the image.",
        remedy=Remedy.POD,
        judge=_sshd,
        examples=(shown("sshd", State.FAIL, process={"comm": "sshd"}), shown("the application", State.PASS)),
    ),
    ContainerRule(
        slug="running-component-impostor",
        severity=Severity.HIGH,
        stride=frozenset({Stride.SPOOFING}),
        references=(),
        wrong="A process in a pod calls itself a component of the node.",
        threat="Tools that find the kubelet or the API server by name judge, or trust, the wrong process.",
        wants="have no process named kubelet, kube-apiserver, kube-controller-manager or kube-scheduler",
        fix="Find out what it is; rename it, or exempt it where it is a hosted control plane.",
        remedy=Remedy.POD,
        judge=_impostor,
        examples=(
            shown("by its command line", State.FAIL, process={"argv": ("/tmp/kubelet", "--config=x")}),  # noqa: S108 - a name
            shown("by its name", State.FAIL, process={"comm": "kube-apiserver"}),
            shown("by a name cut short", State.FAIL, process={"comm": "kube-controller"}),
            shown(
                "the mirror pod's own", State.NOT_APPLICABLE, process={"comm": "kube-apiserver"}, arrival=Arrival.STATIC
            ),
            shown("the application", State.PASS, process={"argv": ("/app", "--mode=kubelet")}),
        ),
    ),
)
