"""What several rules ask of a running container: its capabilities by name, what it has of the host, what its spec promises."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from stridegate.model.nodes.answers import Arrival, ContainerProcess, Mount, RunningContainer, Unreadable, Users
from stridegate.model.nodes.nodes import NotReadable
from stridegate.model.nodes.verdicts import Evidence, Source, State, Verdict

# By their bits (include/uapi/linux/capability.h).
CAPABILITIES = (
    *("CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP"),
    *("LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER"),
    *("SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE"),
    *("SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP"),
    *("MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF"),
    "CHECKPOINT_RESTORE",
)
# What containerd and Docker give a container by default.
DEFAULT_SET = frozenset(
    {
        *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "NET_RAW"),
        *("SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
    }
)

# File systems of the kernel where every container has them.
_KERNEL_MOUNTS = {
    "proc": ("/proc",),
    "sysfs": ("/sys",),
    "cgroup": ("/sys/fs/cgroup",),
    "cgroup2": ("/sys/fs/cgroup",),
    "mqueue": ("/dev/mqueue",),
    "devpts": ("/dev/pts", "/dev/console"),
}
# What runtimes keep for one container or sandbox, by its id: its hosts file, its shared memory …
_IDENTITY_DIGITS = 64
_PREPARED = {"hosts", "hostname", "resolv.conf", "shm", "mqueue", "secrets"}

_ARRIVALS = {
    Arrival.API: "came through the API server: admitted before the policy, or by it",
    Arrival.STATIC: "is of a static pod: no admission sees those",
    Arrival.UNKNOWN_TO_KUBELET: "is unknown to the kubelet: it bypassed admission",
    Arrival.OUTSIDE: "was not started by Kubernetes",
    Arrival.UNTOLD: "",
}


def needed(container: RunningContainer, *fields: str) -> None:
    """Raise NotReadable where one of these fields could not be read, so that nothing is concluded from its default."""
    for gap in container.gaps:
        field, _, reason = gap.partition(": ")
        if field in fields:
            raise NotReadable(Unreadable(f"{container.name} {field}", reason))


def held_by(process: ContainerProcess) -> int:
    """Return the set of capabilities that a process has, or may make effective whenever it wants (capset(2))."""
    return process.effective_capabilities | process.permitted_capabilities


def capabilities(process: ContainerProcess) -> frozenset[str]:
    """Return the names of the capabilities that a process has, or may make effective whenever it wants.

    What it has in a user namespace of its own making counts for nothing outside of that.
    """
    held = 0 if process.users is Users.NESTED else held_by(process)
    return frozenset(name for bit, name in enumerate(CAPABILITIES) if held >> bit & 1)


def concluded(container: RunningContainer, wrong: str, right: str, path: str, *, state: State = State.FAIL) -> Verdict:
    """Return a verdict on a container: a fault where `wrong` says one, else a pass; with how the container got here."""
    arrival = _ARRIVALS[container.arrival]
    return Verdict(
        state=state if wrong else State.PASS,
        observed=wrong or right,
        evidence=Evidence(source=Source.PROC, path=path),
        note=f"The container {arrival}." if wrong and arrival else "",
    )


def of_every_process(
    container: RunningContainer,
    at_fault: Callable[[ContainerProcess], str],
    right: str,
    file: str,
    *,
    in_doubt: Callable[[ContainerProcess], str] = lambda _: "",
) -> Verdict:
    """Return a verdict on a container by each of its processes.

    `at_fault` says what is wrong with one, or nothing; where nothing is with any, `in_doubt` says what a person must judge.
    """
    needed(container, "processes")
    if not container.processes:
        raise NotReadable(Unreadable(container.name, "no process of it could be read"))
    for found, state in ((at_fault, State.FAIL), (in_doubt, State.WARN)):
        for process in container.processes:
            if wrong := found(process):
                observed = f"{wrong} ({process.comm}, pid {process.pid})"
                return concluded(container, observed, right, f"{process.pid}/{file}", state=state)
    return concluded(container, "", right, f"{container.processes[0].pid}/{file}")


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPathMount:
    """What a container has of the host's files: where it is there, by its shortest path and by all, and in the container."""

    path: str
    paths: tuple[str, ...]
    point: str
    writable: bool


def host_paths(container: RunningContainer, host: Iterable[Mount]) -> tuple[HostPathMount, ...]:
    """Return the host's paths that are mounted into a container.

    A mount is of the host where its file system is mounted there too, from a directory that contains its root. What the
    kubelet and the runtime prepare for this very pod or container is not the host's.
    """
    by_device: dict[str, list[Mount]] = {}
    for mount in host:
        by_device.setdefault(mount.device, []).append(mount)
    found: list[HostPathMount] = []
    for mount in container.mounts:
        if _is_the_kernels(mount):
            continue
        paths = [
            _joined(each, mount.root) for each in by_device.get(mount.device, ()) if _contains(each.root, mount.root)
        ]
        if not paths or any(_is_prepared(path, container) for path in paths):
            continue
        if mount.point == "/" and "/" not in paths:
            continue  # the container's own root file system
        found.append(
            HostPathMount(
                path=min(paths, key=len), paths=tuple(paths), point=mount.point, writable="ro" not in mount.options
            )
        )
    return tuple(found)


def _is_the_kernels(mount: Mount) -> bool:
    usual = _KERNEL_MOUNTS.get(mount.file_system, ())
    return any(mount.point == point or mount.point.startswith(f"{point}/") for point in usual)


def _contains(root: str, inside: str) -> bool:
    return root in {"/", inside} or inside.startswith(f"{root}/")


def _joined(host: Mount, root: str) -> str:
    rest = root if host.root == "/" else root[len(host.root) :]
    return f"{host.point.rstrip('/')}/{rest.strip('/')}".rstrip("/") or "/"


def _is_prepared(path: str, container: RunningContainer) -> bool:
    parts = path.split("/")
    own_pod = bool(container.pod_uid) and any(
        parts[at : at + 2] == ["pods", container.pod_uid] for at in range(len(parts) - 1)
    )
    # Of another container's or of a pod's sandbox, only what runtimes themselves mount into a container.
    identified = any(len(part) == _IDENTITY_DIGITS and set(part) <= set("0123456789abcdef") for part in parts)
    by_runtime = identified and (container.container_id in parts or parts[-1] in _PREPARED)
    # Volumes of kind image (KEP-4639), by sandbox and image.
    by_runtime = by_runtime or (identified and "image-volumes" in parts)
    named_volume = parts[-1] == "_data" and "volumes" in parts
    # A CSI driver's mount, which the kubelet mounts again for the pod.
    staged = "/plugins/kubernetes.io/" in path
    return own_pod or by_runtime or named_volume or staged


def section(mapping: Mapping[str, object], *keys: str) -> Mapping[str, object]:
    """Return what stands under keys of a pod's spec, or an empty map."""
    found: object = mapping
    for key in keys:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def promised(container: RunningContainer) -> Mapping[str, object]:
    """Return the container's own part of its pod's spec, or an empty map where there is none."""
    for kind in ("containers", "initContainers", "ephemeralContainers"):
        listed = (container.spec or {}).get(kind)
        for each in listed if isinstance(listed, list) else ():
            if isinstance(each, Mapping) and each.get("name") == container.container and container.container:
                return each
    return {}
