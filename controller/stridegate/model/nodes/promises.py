"""What a pod's spec promises of a container, and what runs beyond that."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from stridegate.model.errors import BadQuantity
from stridegate.model.nodes.answers import ContainerProcess, FileStatus, RunningContainer, Unreadable, Users
from stridegate.model.nodes.containers import (
    CAPABILITIES,
    DEFAULT_SET,
    HostPathMount,
    capabilities,
    host_paths,
    section,
)
from stridegate.model.nodes.nodes import Node, NotReadable
from stridegate.model.nodes.queries import FileStatusOf, HostMounts
from stridegate.model.quantities import parse_quantity

# What leads elsewhere on most systems, and where what is mounted of it in a scanner's pod shows no link any more: merged
# /usr, and images of the ostree family.
_LINKS = {
    **{f"/{name}": f"/usr/{name}" for name in ("bin", "lib", "lib64", "sbin")},
    **{f"/{name}": f"/var/{name}" for name in ("home", "mnt", "opt", "srv")},
    "/root": "/var/roothome",
    "/usr/local": "/var/usrlocal",
    "/var/run": "/run",
}
# Volumes that may be of the host's paths without saying so: claims can be of local volumes.
_OPAQUE = {"persistentVolumeClaim", "ephemeral", "csi"}


def broken_promises(
    container: RunningContainer, node: Node, spec: Mapping[str, object], own: Mapping[str, object]
) -> Iterator[tuple[str, str]]:
    """Yield what a pod's spec, or its container's own part of that, promises, and what the container runs as instead.

    Raises NotReadable where a mount cannot be told from one that was asked for.
    """
    yield from _of_pod(container, spec)
    yield from _of_container(container, spec, own)
    for process in container.processes:
        yield from _of_process(spec, own, process)
    yield from _of_mounts(container, node, spec, own)


def _of_pod(container: RunningContainer, spec: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    if container.host_network and spec.get("hostNetwork") is not True:
        yield "hostNetwork: false", "in the host's network"
    alone = any(len(each.namespace_pids) == 1 for each in container.processes)
    if alone and spec.get("hostPID") is not True:
        yield "hostPID: false", "in the host's process namespace"


def _of_container(
    container: RunningContainer, spec: Mapping[str, object], own: Mapping[str, object]
) -> Iterator[tuple[str, str]]:
    security = section(own, "securityContext")
    if security.get("readOnlyRootFilesystem") is True and not container.root_read_only:
        yield "readOnlyRootFilesystem: true", "/ mounted rw"
    limit = section(own, "resources", "limits").get("memory", section(spec, "resources", "limits").get("memory"))
    untold = container.resizing or any(gap.startswith("memory_limit") for gap in container.gaps)
    if not untold and (more := _more_memory(limit, container.memory_limit)):
        yield f"limits.memory: {limit}", more
    if security.get("privileged") is not True and security.get("procMount") != "Unmasked" and _is_unmasked(container):
        yield "procMount: Default", "/proc/sys writable"


def _more_memory(promised_limit: object, limit: int | None) -> str:
    """Say what a control group allows beyond a promised limit, or nothing. The kernel rounds limits down to pages."""
    try:
        most = parse_quantity(promised_limit) if isinstance(promised_limit, str | int | float) else None
    except BadQuantity:
        return ""
    if most is None:
        return ""
    return "memory.max max" if limit is None else f"memory.max {limit}" if limit > most else ""


def _is_unmasked(container: RunningContainer) -> bool:
    """Tell whether the kernel's settings can be written, which runtimes mount read-only over /proc (runtime-spec: readonlyPaths)."""
    points = {mount.point: mount for mount in container.mounts}
    covered = points.get("/proc/sys") or points.get("/proc")
    return covered is not None and covered.file_system == "proc" and "ro" not in covered.options


def _of_mounts(
    container: RunningContainer, node: Node, spec: Mapping[str, object], own: Mapping[str, object]
) -> Iterator[tuple[str, str]]:
    used = {each.get("name") for each in _mappings(own, "volumeMounts")}
    volumes = [each for each in _mappings(spec, "volumes") if each.get("name") in used]
    if _has_devices(own) or any(_OPAQUE & set(each) for each in volumes):
        return
    asked = [str(section(each, "hostPath").get("path")) for each in volumes if "hostPath" in each]
    # hostIPC: runtimes mount the host's shared memory.
    implied = ["/dev/shm"] if spec.get("hostIPC") is True else []  # noqa: S108 - where it is
    unasked = [each for each in host_paths(container, node[HostMounts()]) if not _is_below(each, (*asked, *implied))]
    told = node.look_at([FileStatusOf(path) for path in asked]) if unasked else []
    # A path that was asked for may lead elsewhere by links.
    real = [each.target for each in told if isinstance(each, FileStatus)]
    for found in unasked:
        if _is_below(found, real):
            continue
        for path, answer in zip(asked, told, strict=True):
            if isinstance(answer, Unreadable):
                raise NotReadable(answer)
            if any(f"{path}/" in f"{each}/" for each in found.paths):
                raise NotReadable(
                    Unreadable(found.path, f"may be the {path} that was asked for, by a link that is not seen")
                )
        paths = f"hostPath {', '.join(asked)}" if asked else "no hostPath"
        yield paths, f"{found.path} of the host at {found.point}"


def _is_below(found: HostPathMount, paths: Iterable[str]) -> bool:
    tops = {path.rstrip("/") for path in paths}
    tops |= {
        real + path.removeprefix(link)
        for path in tops
        for link, real in _LINKS.items()
        if f"{path}/".startswith(f"{link}/")
    }
    return any(f"{path}/".startswith(f"{top}/") for path in found.paths for top in tops)


def _has_devices(own: Mapping[str, object]) -> bool:
    """Tell whether a device plugin or driver has a say in what is mounted: extended resources, and claims of devices."""
    names = {*section(own, "resources", "limits"), *section(own, "resources", "requests")}
    return bool(section(own, "resources").get("claims")) or any("/" in str(name) for name in names)


def _mappings(mapping: Mapping[str, object], key: str) -> list[Mapping[str, object]]:
    listed = mapping.get(key)
    return [each for each in listed if isinstance(each, Mapping)] if isinstance(listed, list) else []


def _of_process(
    spec: Mapping[str, object], own: Mapping[str, object], process: ContainerProcess
) -> Iterator[tuple[str, str]]:
    pod, security = section(spec, "securityContext"), section(own, "securityContext")
    non_root, user = (security.get(key, pod.get(key)) for key in ("runAsNonRoot", "runAsUser"))
    # As the spec's author sees it: in a user namespace, root is another number on the host.
    root = process.uid == 0 or process.own_uid == 0
    if root and (non_root is True or (isinstance(user, int) and user > 0)):
        yield "runAsNonRoot: true" if non_root is True else f"runAsUser: {user}", "uid 0"
    if spec.get("hostUsers") is False and process.users is Users.HOST:
        yield "hostUsers: false", "in the host's user namespace"
    if security.get("allowPrivilegeEscalation") is False and not process.no_new_privileges:
        yield "allowPrivilegeEscalation: false", "NoNewPrivs 0"
    if security.get("privileged") is True:
        return
    beyond = capabilities(process) - _granted(security)
    if beyond:
        yield _asked(security), ", ".join(name for name in CAPABILITIES if name in beyond)
    seccomp = section(security, "seccompProfile") or section(pod, "seccompProfile")
    if seccomp.get("type") in {"RuntimeDefault", "Localhost"} and process.seccomp != 2:
        yield f"seccompProfile: {seccomp['type']}", f"Seccomp {process.seccomp}"
    armor = section(security, "appArmorProfile") or section(pod, "appArmorProfile")
    if armor.get("type") in {"RuntimeDefault", "Localhost"} and process.label in {"", "unconfined"}:
        yield f"appArmorProfile: {armor['type']}", "unconfined"


def _granted(security: Mapping[str, object]) -> frozenset[str]:
    """Return the most capabilities that a spec lets a process have."""
    added, dropped = (_names(security, key) for key in ("add", "drop"))
    if "ALL" in added:
        return frozenset(CAPABILITIES) - dropped | added
    return (frozenset() if "ALL" in dropped else DEFAULT_SET - dropped) | added


def _names(security: Mapping[str, object], key: str) -> frozenset[str]:
    listed = section(security, "capabilities").get(key)
    return (
        frozenset(str(each).upper().removeprefix("CAP_") for each in listed)
        if isinstance(listed, list)
        else frozenset()
    )


def _asked(security: Mapping[str, object]) -> str:
    parts = [f"{key}: {', '.join(sorted(names))}" for key in ("drop", "add") if (names := _names(security, key))]
    return f"capabilities {' and '.join(parts)}" if parts else "the default capabilities"
