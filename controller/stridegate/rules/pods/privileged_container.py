"""A container runs privileged.

Threat: it holds every capability, sees every device and is confined by no profile; whoever takes it over has the node.
Check: `privileged` is `false` or absent on every container.
Fix: set it to `false` and grant the one capability or device that is really needed. Risky: what needed the rest stops
working.
"""

from __future__ import annotations

from collections.abc import Iterator

from stridegate.model.edits import Patch
from stridegate.model.places import Field
from stridegate.model.references import CisDocker, CisKubernetes, PodSecurity
from stridegate.model.rules import Given, PodRule, Violation, bad, good, observe
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile, Safety, Severity, Stride

PRIVILEGED = Field[bool]("securityContext.privileged")


def check(pod: PodView, _: Given) -> Iterator[Violation]:
    """Yield every container that says true."""
    for container in pod.containers:
        privileged = PRIVILEGED.of(container)
        if privileged:
            place = PRIVILEGED.at(container)
            # The API server lets nobody else propagate mounts to the node (`validateMountPropagation`).
            held = any(mount.mountPropagation == "Bidirectional" for mount in container.shape.volumeMounts or ())
            patch = None if held else Patch.assign(place, False, was=privileged, safety=Safety.RISKY)
            yield Violation(place, observed=observe(privileged), wanted="be false or absent", patch=patch)


RULE = PodRule(
    slug="privileged-container",
    doc=__doc__,
    severity=Severity.CRITICAL,
    profile=Profile.BASELINE,
    stride=frozenset({Stride.ELEVATION}),
    references=(PodSecurity("privileged"), CisDocker("5.5", before_1_6="5.4"), CisKubernetes("5.2.2")),
    threats=frozenset({"privileged-flag-on-container", "privileged-pod-abuse", "cross-container-access"}),
    check=check,
    examples=(
        bad(
            "explicit true",
            "containers: [{name: app, securityContext: {privileged: true, allowPrivilegeEscalation: null}}]",
            also=("privilege-escalation",),
        ),
        good("explicit false", "containers: [{name: app, securityContext: {privileged: false}}]"),
        good("absent", "containers: [{name: app, securityContext: {privileged: null}}]"),
    ),
)
