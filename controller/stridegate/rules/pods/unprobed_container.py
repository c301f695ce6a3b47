"""Nobody asks whether a container still works.

Threat: what hangs or was stopped keeps getting requests, and no restart heals it.
Check: every regular container has a `livenessProbe` or a `readinessProbe`. Init, sidecar and ephemeral containers are not
asked for one.
Fix: probe what the application answers. There is no automatic fix: a probe is never invented.
"""

from __future__ import annotations

from collections.abc import Iterator

from stridegate.model.container_views import ContainerKind
from stridegate.model.handlers import Probe
from stridegate.model.places import Field
from stridegate.model.references import CisDocker
from stridegate.model.rules import Given, PodRule, Violation, bad, good
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile, Severity, Stride

LIVENESS = Field[Probe]("livenessProbe")


def check(pod: PodView, _: Given) -> Iterator[Violation]:
    """Yield every regular container with neither probe."""
    for container in pod.containers:
        shape = container.shape
        if shape.livenessProbe is None and shape.readinessProbe is None and container.kind is ContainerKind.REGULAR:
            wanted = "be set, or readinessProbe"
            yield Violation(LIVENESS.at(container), observed="absent, and readinessProbe too", wanted=wanted)


_PROBE = "{httpGet: {path: /, port: 80}}"

RULE = PodRule(
    slug="unprobed-container",
    doc=__doc__,
    severity=Severity.LOW,
    profile=Profile.ADVISORY,
    stride=frozenset({Stride.DENIAL_OF_SERVICE}),
    references=(CisDocker("5.27", before_1_6="5.26"),),
    check=check,
    spares=frozenset({ContainerKind.INIT, ContainerKind.SIDECAR, ContainerKind.EPHEMERAL}),
    examples=(
        bad("no probe", "{}"),
        bad("one for the start alone", f"containers: [{{name: app, startupProbe: {_PROBE}}}]"),
        good("whether it lives", f"containers: [{{name: app, livenessProbe: {_PROBE}}}]"),
        good("whether it is ready", f"containers: [{{name: app, readinessProbe: {_PROBE}}}]"),
    ),
)
