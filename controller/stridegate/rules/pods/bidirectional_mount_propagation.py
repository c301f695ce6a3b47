"""What a container mounts appears on the node.

Threat: it lays a file system of its own over the node's files, which outlives the container and reaches every pod there.
Check: the `mountPropagation` of every mount is None, HostToContainer or absent.
Fix: take it out. There is no automatic fix: a storage driver needs it, and is exempted by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from stridegate.model.places import Field
from stridegate.model.references import CisDocker
from stridegate.model.rules import Given, PodRule, Violation, bad, good, observe
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile, Severity, Stride

PROPAGATION = Field[str]("mountPropagation")


def check(pod: PodView, _: Given) -> Iterable[Violation]:
    """Yield every mount that propagates, and every one that says what nobody knows."""
    for _container, _position, mount in pod.mounts:
        if mount.mountPropagation:
            return _propagating(pod)
    return ()


def _propagating(pod: PodView) -> Iterator[Violation]:
    for mount in pod.mounts:
        propagation = mount.shape.mountPropagation
        if propagation and propagation not in {"None", "HostToContainer"}:
            yield Violation(
                PROPAGATION.at(mount.spot), observed=observe(propagation), wanted="be None or HostToContainer"
            )


_MOUNT = """
    containers:
    - name: app
      securityContext: {{privileged: {privileged}, allowPrivilegeEscalation: {escalation}}}
      volumeMounts: [{{name: x, mountPath: /data, mountPropagation: {propagation}}}]
    volumes: [{{name: x, emptyDir: {{}}}}]
    """

RULE = PodRule(
    slug="bidirectional-mount-propagation",
    doc=__doc__,
    severity=Severity.HIGH,
    profile=Profile.HARDENED,
    stride=frozenset({Stride.TAMPERING, Stride.ELEVATION}),
    references=(CisDocker("5.20", before_1_6="5.19"),),
    threats=frozenset({"container-escape"}),
    check=check,
    examples=(
        bad(
            "both ways",
            _MOUNT.format(propagation="Bidirectional", privileged="true", escalation="null"),
            also=("privileged-container", "privilege-escalation"),
        ),
        bad(
            "both ways, where the API server refuses it",
            _MOUNT.format(propagation="Bidirectional", privileged="null", escalation="false"),
            valid=False,
        ),
        bad(
            "a way of the future",
            _MOUNT.format(propagation="Sideways", privileged="null", escalation="false"),
            valid=False,
        ),
        good("from the node", _MOUNT.format(propagation="HostToContainer", privileged="null", escalation="false")),
        good("explicit none", _MOUNT.format(propagation="None", privileged="null", escalation="false")),
    ),
)
