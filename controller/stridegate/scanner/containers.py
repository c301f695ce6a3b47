"""Running containers: the kernel's truth about each, next to the pod that the kubelet serves for it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from stridegate.model.nodes.answers import Arrival, ContainerProcess, Mount, RunningContainer, SocketState
from stridegate.scanner.cgroups import Belonging, belonging, limits_of
from stridegate.scanner.errors import Barred, Missing
from stridegate.scanner.host_root import HostRoot
from stridegate.scanner.identities import DEFAULT_CAPABILITIES, Identities, Identity, capability_set
from stridegate.scanner.kernel_tables import interfaces_in, mounts_in, sockets_in
from stridegate.scanner.processes import Sight
from stridegate.scanner.served_pods import (
    container_ids,
    is_resizing,
    is_starting,
    is_static,
    name_of,
    runtime_class,
    uid_of,
)

T = TypeVar("T")
Pod = Mapping[str, object]

_MOST_TABLE = 4 * 1024 * 1024
# The most processes of one container that are looked at one by one.
_MOST_PROCESSES = 4096
# RuntimeClasses of virtual machines and user-space kernels: only whoever administers the cluster can make one.
_SANDBOXES = re.compile(r"gvisor|runsc|kata|firecracker|cloud-hypervisor|peerpod", re.IGNORECASE)
# What runtimes give the process that only holds a pod's namespaces: at most the default set of capabilities.
_PAUSES = {"/pause", "/usr/bin/pause", "/usr/bin/pod", "/pod"}
_LIMIT = re.compile(r"^(Max [a-z ]+?)  +(\S+)", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """The pods that the kubelet serves, by uid; None where it could not be asked."""

    pods: Mapping[str, Pod] | None = None
    # Containers by their runtime's id: the name in the spec.
    names: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, pods: Iterable[Pod]) -> Served:
        """Index pods as a kubelet serves them."""
        listed = list(pods)
        return cls(
            pods={uid_of(pod): pod for pod in listed},
            names={identity: name for pod in listed for identity, name in container_ids(pod).items()},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Surroundings:
    """What every container of a host is looked at with; `network` is that of the host's first process, None where unreadable."""

    host: HostRoot
    served: Served
    network: bytes | None
    identities: Identities


def containers_of(
    host: HostRoot, sights: Iterable[Sight], served: Served, own_pod: str = ""
) -> tuple[RunningContainer, ...]:
    """Return every container that runs but those of `own_pod` and those that only hold a pod's namespaces."""
    groups: dict[tuple[str, str], list[Sight]] = defaultdict(list)
    belongs: dict[tuple[str, str], Belonging] = {}
    everything = tuple(sights)
    for sight in everything:
        found = belonging(sight.process.cgroup, own_namespace=len(sight.process.namespace_pids) > 1)
        if found is not None and not (own_pod and found.pod_uid == own_pod):
            groups[found.pod_uid, found.container_id].append(sight)
            belongs[found.pod_uid, found.container_id] = found
    around = _Surroundings(host=host, served=served, network=_network(host, 1), identities=Identities(host, everything))
    looked = (
        _container(around, belongs[key], inside) for key, inside in sorted(groups.items(), key=lambda each: each[0])
    )
    return tuple(each for each in looked if each is not None)


def _container(around: _Surroundings, belongs: Belonging, inside: list[Sight]) -> RunningContainer | None:
    """Return one container, or None where it is gone by now, or only holds a pod's namespaces."""
    host, served = around.host, around.served
    gaps: list[str] = []
    identity = around.identities.of(inside[:_MOST_PROCESSES])
    processes = tuple(_process(host, sight, identity, gaps) for sight in inside[:_MOST_PROCESSES])
    pid = inside[0].process.pid
    no_mounts: tuple[Mount, ...] = ()
    mounts = _of(lambda: mounts_in(host.read(f"/proc/{pid}/mountinfo", _MOST_TABLE)), no_mounts, "mounts", gaps)
    own_network = _network(host, pid)
    if not mounts and _is_gone(host, pid):
        return None
    if _only_holds_namespaces(belongs, processes, mounts, served):
        return None
    if len(inside) > _MOST_PROCESSES:
        gaps.append(f"processes: only {_MOST_PROCESSES} of {len(inside)} were looked at")
    if around.network is None or own_network is None:
        gaps.append("host_network: its network tables cannot be read")
    limits = limits_of(host, belongs)
    pod = (served.pods or {}).get(belongs.pod_uid) if belongs.pod_uid else None
    container = served.names.get(belongs.container_id, "")
    return RunningContainer(
        name=_name(belongs, pod, container),
        pod_uid=belongs.pod_uid,
        container_id=belongs.container_id,
        processes=processes,
        root_read_only=_is_read_only(mounts),
        mounts=mounts,
        interfaces=_of(lambda: interfaces_in(host.read(f"/proc/{pid}/net/dev")), frozenset(), "interfaces", gaps),
        listening_ports=_of(lambda: _ports(host, pid), frozenset(), "listening_ports", gaps),
        memory_limit=limits.memory,
        pids_limit=limits.pids,
        cpu_limited=limits.cpu,
        container=container,
        spec=_spec(pod),
        sandboxed=pod is not None and _SANDBOXES.search(runtime_class(pod)) is not None,
        host_network=around.network is not None and around.network == own_network,
        arrival=_arrival(belongs, pod, served, container),
        gaps=(*gaps, *limits.gaps),
        host_capabilities=identity.ceiling,
        resizing=pod is not None and is_resizing(pod),
    )


def _is_read_only(mounts: tuple[Mount, ...]) -> bool:
    """Tell whether what is mounted at / last, and so is seen, is read-only."""
    return any("ro" in mount.options for mount in [each for each in mounts if each.point == "/"][-1:])


def _process(host: HostRoot, sight: Sight, identity: Identity, gaps: list[str]) -> ContainerProcess:
    process, status = sight.process, sight.status
    at = f"/proc/{process.pid}"
    for name, key in (
        ("effective_capabilities", "CapEff"),
        ("effective_capabilities", "CapPrm"),
        ("effective_capabilities", "CapBnd"),
        ("no_new_privileges", "NoNewPrivs"),
        ("seccomp", "Seccomp"),
    ):
        if key not in status:
            gaps.append(f"{name}: {at}/status has no {key}")
    return ContainerProcess(
        pid=process.pid,
        comm=process.comm,
        argv=process.argv,
        uid=process.uid,
        gid=process.gid,
        effective_capabilities=capability_set(sight, "CapEff") or 0,
        permitted_capabilities=capability_set(sight, "CapPrm") or 0,
        bounding_capabilities=capability_set(sight, "CapBnd") or 0,
        no_new_privileges=status.get("NoNewPrivs") == "1",
        seccomp=int(status.get("Seccomp", "0")),
        label=_label(host, at),
        namespace_pids=process.namespace_pids,
        limits=_of(lambda: _limits(host, at), {}, "limits", gaps),
        users=identity.users[process.pid],
        own_uid=identity.own_uid(process.uid),
    )


def _limits(host: HostRoot, at: str) -> dict[str, str]:
    text = host.read(f"{at}/limits").decode(errors="replace")
    return {name: value for name, value in _LIMIT.findall(text) if name in {"Max open files", "Max processes"}}


def _label(host: HostRoot, at: str) -> str | None:
    """Return what confines a process (attr/current), nothing on a kernel without such a module, None where the host does not tell."""
    try:
        return host.read(f"{at}/attr/current").rstrip(b"\0\n").decode(errors="replace")
    except Barred as barred:
        # What procfs answers where no security module is loaded that could (security_getprocattr).
        return "" if barred.reason.startswith("EINVAL") else None
    except Missing:
        return None


def _of(read: Callable[[], T], otherwise: T, name: str, gaps: list[str]) -> T:
    try:
        return read()
    except (Missing, Barred) as error:
        gaps.append(f"{name}: {error}")
        return otherwise


def _ports(host: HostRoot, pid: int) -> frozenset[int]:
    found: set[int] = set()
    for table in ("tcp", "tcp6"):
        try:
            content = host.read(f"/proc/{pid}/net/{table}", _MOST_TABLE)
        except Missing:
            continue
        found |= {each.local_port for each in sockets_in(content) if each.state is SocketState.LISTEN}
    return frozenset(found)


def _network(host: HostRoot, pid: int) -> bytes | None:
    """Return what tells network namespaces apart: interfaces, routes and own addresses, without counters. None where unreadable."""
    try:
        names = sorted(interfaces_in(host.read(f"/proc/{pid}/net/dev")))
        tables = [_table(host, pid, name) for name in ("route", "fib_trie", "if_inet6")]
    except (Missing, Barred):
        return None
    return repr((names, tables)).encode()


def _table(host: HostRoot, pid: int, name: str) -> bytes:
    try:
        return host.read(f"/proc/{pid}/net/{name}", _MOST_TABLE)
    except Missing:
        return b""


def _is_gone(host: HostRoot, pid: int) -> bool:
    try:
        host.read(f"/proc/{pid}/status")
    except Missing:
        return True
    except Barred:
        return False
    return False


def _only_holds_namespaces(
    belongs: Belonging, processes: tuple[ContainerProcess, ...], mounts: tuple[Mount, ...], served: Served
) -> bool:
    """Tell a pod's sandbox: what the runtime starts itself and no spec names. Whatever has more than that needs is judged."""
    if not belongs.pod_uid or belongs.container_id in served.names or len(processes) != 1:
        return False
    (only,) = processes
    ordinary = only.comm in {"pause", "pod"} and only.argv[:1] and only.argv[0] in _PAUSES
    return bool(ordinary) and not only.effective_capabilities & ~DEFAULT_CAPABILITIES and len(mounts) < 64


def _arrival(belongs: Belonging, pod: Pod | None, served: Served, container: str) -> Arrival:
    if not belongs.pod_uid:
        return Arrival.OUTSIDE
    if served.pods is None:
        return Arrival.UNTOLD
    if pod is not None and not container and is_starting(pod):
        return Arrival.UNTOLD
    if pod is None or not container:
        return Arrival.UNKNOWN_TO_KUBELET
    return Arrival.STATIC if is_static(pod) else Arrival.API


def _name(belongs: Belonging, pod: Pod | None, container: str) -> str:
    short = belongs.container_id[:12]
    if pod is not None:
        return f"{name_of(pod)}/{container or short}"
    if belongs.pod_uid:
        return f"pod {belongs.pod_uid}/{short}"
    return f"{belongs.runtime or 'container'}/{short}"


def _spec(pod: Pod | None) -> Mapping[str, object] | None:
    spec = pod.get("spec") if pod is not None else None
    return spec if isinstance(spec, Mapping) else None
