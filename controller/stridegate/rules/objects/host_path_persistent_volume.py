"""A PersistentVolume is a path of a node.

Threat: a pod names only the claim, so its own rules see nothing: whoever may create volumes hands files, devices and
sockets of the node to any pod, past whatever is said about `hostPath`.
Check: a PersistentVolume has neither `hostPath` nor `local`. What the path leads to is told as with the volumes of pods: a
runtime's socket, a device, or a part of the node that its security rests on.
Fix: use storage that a driver provides. There is no automatic fix. It belongs to no namespace, so only policies without a
`namespaceSelector` judge it, no exemption or exclusion covers it, and a cluster that hands out its nodes' disks turns this
rule down to `warn` there.
"""

from __future__ import annotations

from collections.abc import Iterator

from stridegate.model.host_paths import PATH_MAX, is_device, socket_at, tree_at
from stridegate.model.object_views import PersistentVolumeView
from stridegate.model.paths import resolve, resolve_windows
from stridegate.model.references import CisKubernetes
from stridegate.model.rules import Given, PersistentVolumeRule, Violation, bad, good, observe
from stridegate.model.vocabulary import Profile, Severity, Stride


def check(volume: PersistentVolumeView, _: Given) -> Iterator[Violation]:
    """Yield each source that is a path of a node, with what the path leads to."""
    for place, path, kind in volume.node_paths():
        yield Violation(
            place,
            observed=f"{observe(path)}{_reaching(path, kind)}",
            wanted="be storage that a driver provides",
            value=path,
        )


def _reaching(path: str, kind: str | None) -> str:
    if kind == "Socket":
        return ", a socket"
    if kind in {"CharDevice", "BlockDevice"}:
        return f", a {kind}"
    windows = not path.startswith("/")
    resolved = None if len(path) > PATH_MAX else (resolve_windows if windows else resolve)(path)
    if resolved is None:
        return ", which can lead anywhere"
    if not windows and (socket := socket_at(resolved)) is not None:
        return f", which reaches {socket}"
    if not windows and is_device(resolved):
        return ", a place of devices"
    tree = tree_at(resolved, windows=windows)
    return "" if tree is None else f", which reaches {tree}"


RULE = PersistentVolumeRule(
    slug="host-path-persistent-volume",
    doc=__doc__,
    severity=Severity.HIGH,
    profile=Profile.HARDENED,
    stride=frozenset({Stride.TAMPERING, Stride.INFORMATION_DISCLOSURE, Stride.ELEVATION}),
    references=(CisKubernetes("5.1.9"),),
    check=check,
    examples=(
        bad("a path", "csi: null\nhostPath: {path: /data}"),
        bad("a socket", "csi: null\nhostPath: {path: /var/run/docker.sock, type: Socket}"),
        bad("what contains a socket", "csi: null\nhostPath: {path: /run}"),
        bad("a device", "csi: null\nhostPath: {path: /dev/sdb, type: BlockDevice}"),
        bad("configuration of the node", "csi: null\nhostPath: {path: /etc/kubernetes}"),
        bad("a path of windows", "csi: null\nhostPath: {path: 'C:\\data'}"),
        bad("a relative path", "csi: null\nhostPath: {path: data}"),
        bad(
            "a local disk",
            """
            csi: null
            storageClassName: local
            local: {path: /mnt/disks/one}
            nodeAffinity:
              required:
                nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [node1]}]}]
            """,
        ),
        good("a driver's", "{}"),
        good("of the network", "csi: null\nnfs: {server: files.example, path: /etc}"),
    ),
)
