"""The paths that an author declares a container to write to: `app=/tmp,/var/cache/nginx; sidecar=/run`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from functools import lru_cache

from stridegate.model.errors import BadDeclaration
from stridegate.model.paths import clean, lies_in
from stridegate.model.pods import Container

WRITABLE_PATHS_ANNOTATION = "stridegate.dev/writable-paths"

# Where an empty volume would hide programs, libraries, configuration or the kernel's own file systems.
_FORBIDDEN = frozenset({"proc", "sys", "dev", "etc", "usr", "bin", "sbin", "lib", "lib64", "boot"})
# Where the API server mounts a pod's token (the rule system-path-mount says why nothing else may cover it).
_TOKENS = ("var", "run", "secrets", "kubernetes.io")
# What the names of the volumes begin with that are added.
_OURS = "stridegate-"
# Bounds what one annotation can make of a pod.
_MOST_PATHS = 32
_LONGEST_PATH = 255


def read_declaration(text: str, containers: Mapping[str, Container]) -> dict[str, tuple[str, ...]]:
    """Return the declared paths by container.

    Raises BadDeclaration where a container is unknown or named twice, or a path cannot be given to it.
    """
    if text.count(",") + text.count(";") >= _MOST_PATHS:
        raise BadDeclaration(text, f"name at most {_MOST_PATHS} paths")
    declared: dict[str, tuple[str, ...]] = {}
    for entry in filter(None, map(str.strip, text.split(";"))):
        name, equals, listed = entry.partition("=")
        name = name.strip()
        if not equals or name not in containers:
            raise BadDeclaration(entry, "begin with the name of a container of this pod and an equals sign")
        if name in declared:
            raise BadDeclaration(entry, "name each container once")
        paths = tuple(path.strip() for path in listed.split(","))
        taken = list(mounted_paths(name, containers[name]))
        for path in paths:
            wanted = fault(path, taken)
            if wanted is not None:
                raise BadDeclaration(f"{name}={path}", wanted)
            taken.append(path)
        declared[name] = paths
    return declared


def fault(path: str, taken: Iterable[str] = ()) -> str | None:
    """Return what a path would have to do to be given an empty volume beside those that are taken; None if it can."""
    unfit = _unfit(path) if len(path) <= _LONGEST_PATH else _NOT_ABSOLUTE
    if unfit is not None:
        return unfit
    parts = clean(path)
    for other in taken:
        theirs = clean(other)
        if lies_in(parts, theirs) or lies_in(theirs, parts):
            return f"not overlap {other}, which is mounted already"
    return None


_NOT_ABSOLUTE = "be an absolute path"


# The same few paths come with every pod.
@lru_cache(maxsize=1024)
def _unfit(path: str) -> str | None:
    """Return what is wrong with a path of bearable length, wherever it is to be mounted."""
    parts = path.split("/")
    if parts[0] or len(parts) < 2 or not path.isprintable() or ":" in path:
        return _NOT_ABSOLUTE
    if path == "/":
        return "not be the root"
    if not all(parts[1:]) or not {".", ".."}.isdisjoint(parts):
        return "be a path without empty parts, . and .."
    return _forbidden(parts)


def _forbidden(parts: list[str]) -> str | None:
    if parts[1] in _FORBIDDEN:
        return f"not lie in /{parts[1]}"
    return "not cover the pod's token" if lies_in(_TOKENS, tuple(parts[1:])) else None


def mounted_paths(name: str, container: Container) -> Iterable[str]:
    """Yield where something is mounted in a container already, except the empty volumes that were added for its declaration."""
    for mount in container.volumeMounts or ():
        path = mount.mountPath or ""
        if not (mount.name or "").startswith(_OURS) or mount.name != volume_name(name, path):
            yield path
    for device in container.volumeDevices or ():
        yield device.devicePath or ""


def volume_name(container: str, path: str) -> str:
    """Return the name of the volume for a path: always the same, so that a second pass adds nothing."""
    seed = f"{container}\0{path}"
    return _named(seed) if len(seed) <= _LONGEST_REMEMBERED else _named.__wrapped__(seed)


# The same few containers and paths come again with every pod of a workload.
_LONGEST_REMEMBERED = 512


@lru_cache(maxsize=4096)
def _named(seed: str) -> str:
    return _OURS + hashlib.sha256(seed.encode()).hexdigest()[:16]
