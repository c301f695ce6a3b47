"""A container can write to a path of the node.

Threat: what it writes outlives it, is read by other pods and by the node's own programs, and fills the node's disk.
Check: every mount of a hostPath volume says `readOnly: true`. What the node itself has mounted below it stays writable all
the same, unless `recursiveReadOnly` says otherwise too.
Fix: mount it read-only. Risky: a container that writes there stops working.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from stridegate.model.edits import Patch
from stridegate.model.host_paths import reached
from stridegate.model.paths import written
from stridegate.model.places import Field
from stridegate.model.references import CisDocker
from stridegate.model.rules import Given, PodRule, Violation, bad, good
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile, Safety, Severity, Stride, ValueKind

READ_ONLY = Field[bool]("readOnly")


def check(pod: PodView, _: Given) -> Iterable[Violation]:
    """Yield every mount of a path of the node that may be written to."""
    return _writable(pod) if pod.volumes_from("hostPath") else ()


def _writable(pod: PodView) -> Iterator[Violation]:
    for volume, source in pod.host_paths:
        for mount in pod.mounts_of(volume):
            if mount.shape.readOnly is True:
                continue
            path, how = reached(pod, source, mount)
            place = READ_ONLY.at(mount.spot)
            yield Violation(
                place,
                observed="false" if mount.shape.readOnly is False else "absent",
                wanted=f"be true for {how}, a path of the node",
                value=how if path is None else written(path),
                patch=Patch.assign(place, True, was=mount.shape.readOnly, safety=Safety.RISKY),
            )


RULE = PodRule(
    slug="writable-host-path",
    doc=__doc__,
    severity=Severity.HIGH,
    profile=Profile.HARDENED,
    stride=frozenset({Stride.TAMPERING}),
    references=(CisDocker("5.6", before_1_6="5.5"),),
    threats=frozenset({"host-filesystem-exposure"}),
    check=check,
    value=ValueKind.PATH,
    examples=(
        bad(
            "absent",
            """
            containers: [{name: app, volumeMounts: [{name: x, mountPath: /data}]}]
            volumes: [{name: x, hostPath: {path: /data}}]
            """,
            also=("host-path-volume",),
        ),
        bad(
            "explicit false",
            """
            containers: [{name: app, volumeMounts: [{name: x, mountPath: /data, readOnly: false}]}]
            volumes: [{name: x, hostPath: {path: /data}}]
            """,
            also=("host-path-volume",),
        ),
        bad(
            "one of two mounts",
            """
            containers:
            - name: app
              volumeMounts: [{name: x, mountPath: /data, readOnly: true}, {name: x, mountPath: /more, subPath: more}]
            volumes: [{name: x, hostPath: {path: /data}}]
            """,
            also=("host-path-volume",),
        ),
        good(
            "read-only",
            """
            containers: [{name: app, volumeMounts: [{name: x, mountPath: /data, readOnly: true}]}]
            volumes: [{name: x, hostPath: {path: /data}}]
            """,
            also=("host-path-volume",),
        ),
        good("mounted nowhere", "volumes: [{name: x, hostPath: {path: /data}}]", also=("host-path-volume",)),
        good(
            "a volume of the pod's own",
            """
            containers: [{name: app, volumeMounts: [{name: x, mountPath: /data}]}]
            volumes: [{name: x, emptyDir: {}}]
            """,
        ),
    ),
)
