"""A pod reaches a device of the node.

Threat: disks, memory and hardware behind a device file know nothing of containers: whoever opens it has the node's data,
and often the node.
Check: no hostPath has the type CharDevice or BlockDevice, nor leads to /dev or below, narrowed by the `subPath` of its
mounts.
Fix: request the device from a device plugin. There is no automatic fix.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from stridegate.model.host_paths import is_device, reaches
from stridegate.model.paths import written
from stridegate.model.references import CisDocker
from stridegate.model.rules import Given, PodRule, Violation, bad, good
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile, Severity, Stride, ValueKind


def check(pod: PodView, _: Given) -> Iterable[Violation]:
    """Yield every path of the node that is a device, or a place of devices."""
    return _devices(pod) if pod.volumes_from("hostPath") else ()


def _devices(pod: PodView) -> Iterator[Violation]:
    for reach in reaches(pod):
        place = reach.volume.place("hostPath")
        if reach.source.type in {"CharDevice", "BlockDevice"}:
            observed = f"{reach.how}, a {reach.source.type}"
            yield Violation(place, observed=observed, wanted="be no device", value=reach.how)
        elif reach.path is not None and is_device(reach.path):
            yield Violation(place, observed=reach.how, wanted="not lead into /dev", value=written(reach.path))


RULE = PodRule(
    slug="host-device",
    doc=__doc__,
    severity=Severity.HIGH,
    profile=Profile.HARDENED,
    stride=frozenset({Stride.ELEVATION, Stride.TAMPERING}),
    references=(CisDocker("5.18", before_1_6="5.17"),),
    threats=frozenset({"container-escape"}),
    check=check,
    value=ValueKind.PATH,
    examples=(
        bad(
            "by its path",
            "volumes: [{name: x, hostPath: {path: /dev/sda}}]",
            also=("host-path-volume", "sensitive-host-path"),
        ),
        bad(
            "all of them",
            "volumes: [{name: x, hostPath: {path: /dev/}}]",
            also=("host-path-volume", "sensitive-host-path"),
        ),
        bad(
            "by its type",
            "volumes: [{name: x, hostPath: {path: /data/disk, type: BlockDevice}}]",
            also=("host-path-volume",),
        ),
        bad(
            "of characters",
            "volumes: [{name: x, hostPath: {path: /data/random, type: CharDevice}}]",
            also=("host-path-volume",),
        ),
        bad(
            "narrowed to it",
            """
            containers: [{name: app, volumeMounts: [{name: x, mountPath: /disk, subPath: dev/sda, readOnly: true}]}]
            volumes: [{name: x, hostPath: {path: /}}]
            """,
            also=("host-path-volume", "sensitive-host-path"),
        ),
        good("a folder", "volumes: [{name: x, hostPath: {path: /device}}]", also=("host-path-volume",)),
    ),
)
