"""What a pod reaches of its node's files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from stridegate.model.parts import Mount
from stridegate.model.paths import Components, resolve, resolve_windows
from stridegate.model.pods import HostPath
from stridegate.model.rules import observe
from stridegate.model.views import PodView
from stridegate.model.volumes import VolumeView

# Linux takes no longer path (`limits.h`).
PATH_MAX = 4096


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
