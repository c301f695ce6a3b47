"""What a pod or a volume reaches of a node's files, and which of them matter most."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from stridegate.model.parts import Mount
from stridegate.model.paths import Components, lies_in, resolve, resolve_windows, touches, written
from stridegate.model.pods import HostPath
from stridegate.model.rules import observe
from stridegate.model.views import PodView
from stridegate.model.volumes import VolumeView

# Linux takes no longer path (`limits.h`).
PATH_MAX = 4096

# Sockets of container runtimes and of what builds images, and the folders where the kubelet lets plugins connect.
_SOCKETS = tuple(
    tuple(path.split("/"))
    for path in (
        "run/docker.sock",
        "run/docker/containerd/containerd.sock",
        "run/containerd/containerd.sock",
        "run/containerd/containerd.sock.ttrpc",
        "run/k3s/containerd/containerd.sock",
        "run/k0s/containerd.sock",
        "run/host-containerd/containerd.sock",
        "var/snap/microk8s/common/run/containerd.sock",
        "run/crio/crio.sock",
        "run/cri-dockerd.sock",
        "run/dockershim.sock",
        "run/podman/podman.sock",
        "run/user/*/docker.sock",
        "run/user/*/podman/podman.sock",
        "run/buildkit/buildkitd.sock",
        "run/nri/nri.sock",
        "var/lib/kubelet/pod-resources",
        "var/lib/kubelet/device-plugins",
    )
)
# What contains one of these (/, /var, /var/lib, /opt) reaches it too. Below /var/log a symbolic link that a pod plants
# is followed by the kubelet, as root, for whoever may read logs. Tables of cron and scripts of cloud-init run as root. Where
# the system is an image, homes are below /var, /opt/bin has programs, /sysroot and /ostree lead around what is read-only;
# what is mounted on /var has another name (/local on Bottlerocket, /mnt/stateful_partition on Container-Optimized OS), and
# Talos keeps its secrets in /system.
_TREES = tuple(
    tuple(path.split("/"))
    for path in (
        *(".bottlerocket", "bin", "boot", "dev", "efi", "etc", "home", "lib", "lib32", "lib64", "libx32"),
        *("local/var", "mnt/stateful_partition", "opt/bin", "opt/cni", "ostree", "proc", "root", "run", "sbin"),
        *("srv", "sys", "sysroot", "system", "usr", "var/home", "var/log", "var/roothome"),
        *("var/lib/kubelet", "var/lib/etcd", "var/lib/docker", "var/lib/containerd", "var/lib/containers"),
        *("var/lib/crio", "var/lib/rancher", "var/lib/cni", "var/lib/cloud", "var/lib/k0s", "var/lib/minikube"),
        *("var/snap/microk8s", "var/spool/cron", "var/vcap"),
    )
)
_WINDOWS_TREES = tuple(
    tuple(path.split("/"))
    for path in (
        *("pipe", "c:/windows", "c:/program files", "c:/programdata/docker", "c:/programdata/containerd"),
        *("c:/users", "c:/etc", "c:/k", "c:/opt/cni", "c:/run", "c:/var/lib/kubelet", "c:/var/log"),
    )
)
# Of these, the ones that have no other meaning on Linux; the drive is not named there.
_WINDOWS_ONLY = tuple(tree[1:] if tree[0] == "c:" else tree for tree in _WINDOWS_TREES[:5])


class Reach(NamedTuple):
    """One path of the node that a pod gets: what it leads to, None where that cannot be told, and how people read it."""

    volume: VolumeView
    source: HostPath
    path: Components | None
    how: str


def reaches(pod: PodView) -> Iterator[Reach]:
    """Yield each different path that a pod gets of a volume; whole where it is not mounted, or not narrowed until run time.

    Raises WrongType where a hostPath is no map with strings.
    """
    for volume, source in pod.host_paths:
        found: dict[Components | None, str] = {}
        for mount in pod.mounts_of(volume):
            path, how = reached(pod, source, mount)
            found.setdefault(path, how)
        if not found:
            found[_resolved(pod, source.path or "")] = observe(source.path)
        for path, how in found.items():
            yield Reach(volume, source, path, how)


def reached(pod: PodView, source: HostPath, mount: Mount) -> tuple[Components | None, str]:
    """Return the path of the node that one mount leads to, and how people read it."""
    base = source.path or ""
    narrowed = mount.shape.subPath
    # No node has a path that is too long, and joining it to every mount's subPath would cost what its author likes.
    if not narrowed or mount.shape.subPathExpr or len(base) > PATH_MAX:
        return _resolved(pod, base), observe(base)
    how = f"{observe(base)}, mounted by {mount.container.owner} from {observe(narrowed)}"
    return _resolved(pod, f"{base}/{narrowed}"), how


def _resolved(pod: PodView, path: str) -> Components | None:
    if len(path) > PATH_MAX:
        return None
    return resolve_windows(path) if pod.windows else resolve(path)


def socket_at(path: Components, further: tuple[str, ...] = ()) -> str | None:
    """Return the socket that a path on a Linux node equals, contains or lies below, if any: one of the runtimes' own, or a further one."""
    return next((written(socket) for socket in _sockets(further) if touches(path, socket)), None)


@lru_cache(maxsize=64)  # There are as many as policies that list sockets of their own.
def _sockets(further: tuple[str, ...]) -> tuple[Components, ...]:
    return (*_SOCKETS, *filter(None, map(resolve, further)))


def tree_at(path: Components, *, windows: bool = False) -> str | None:
    """Return the part of a node that its security rests on and that a path equals, contains or lies below, if any.

    A pod need not say that it is for Windows to run there, so that a path of Linux is taken for one of Windows as well.
    """
    if windows:
        return _tree(path, _WINDOWS_TREES)
    return _tree(path, _TREES) or _tree(tuple(map(str.lower, path)), _WINDOWS_ONLY)


def _tree(path: Components, trees: tuple[Components, ...]) -> str | None:
    return next((written(tree) for tree in trees if touches(path, tree)), None)


def is_device(path: Components) -> bool:
    """Whether a path on a Linux node is where devices are."""
    return lies_in(path, ("dev",))
