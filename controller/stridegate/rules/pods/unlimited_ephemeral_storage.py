"""A container may fill the node's disk.

Threat: logs, layers and scratch files without end evict every pod of the node, and stop the kubelet itself.
Check: every init, sidecar and regular container has a `limits.ephemeral-storage` above 0, and every emptyDir on disk a
`sizeLimit` above 0. Ephemeral containers cannot have one.
Fix: set both. There is no automatic fix: only the author knows how much is written.
"""

from __future__ import annotations

from collections.abc import Iterator

from stridegate.model.container_views import ContainerKind
from stridegate.model.errors import BadQuantity
from stridegate.model.places import Field
from stridegate.model.quantities import bounds
from stridegate.model.rules import Given, PodRule, Violation, bad, good, observe
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile, Severity, Stride

LIMIT = Field[str | int | float]("resources.limits.ephemeral-storage")


def check(pod: PodView, _: Given) -> Iterator[Violation]:
    """Yield every container, and every volume on disk, that may grow without end."""
    for container in pod.containers:
        limit = LIMIT.of(container)
        if not container.ephemeral and not _limits(limit):
            yield Violation(LIMIT.at(container), observed=observe(limit)[:60], wanted="be above 0")
    for volume in pod.volumes_from("emptyDir"):
        source = volume.source("emptyDir")
        if not source.get("medium") and not _limits(source.get("sizeLimit")):
            yield Violation(
                volume.place("emptyDir", "sizeLimit"),
                observed=observe(source.get("sizeLimit"))[:60],
                wanted="be above 0",
            )


def _limits(limit: object) -> bool:
    try:
        return isinstance(limit, str | int | float) and bounds(limit)
    except BadQuantity:
        return False


_LIMITED = "containers: [{name: app, resources: {limits: {ephemeral-storage: 1Gi}}}]"

RULE = PodRule(
    slug="unlimited-ephemeral-storage",
    doc=__doc__,
    severity=Severity.LOW,
    profile=Profile.ADVISORY,
    stride=frozenset({Stride.DENIAL_OF_SERVICE}),
    references=(),
    threats=frozenset({"node-resource-exhaustion"}),
    check=check,
    spares=frozenset({ContainerKind.EPHEMERAL}),
    examples=(
        bad("no limit", "{}"),
        bad("zero is none", "containers: [{name: app, resources: {limits: {ephemeral-storage: 0}}}]"),
        bad("no quantity", "containers: [{name: app, resources: {limits: {ephemeral-storage: big}}}]", valid=False),
        bad("an unlimited volume", f"{{{_LIMITED}, volumes: [{{name: x, emptyDir: {{}}}}]}}", shared=True),
        bad("a volume without a source", f"{{{_LIMITED}, volumes: [{{name: x}}]}}", shared=True),
        good("a limit", _LIMITED),
        good("both limited", f"{{{_LIMITED}, volumes: [{{name: x, emptyDir: {{sizeLimit: 1Gi}}}}]}}"),
        good(
            "a volume in memory is the other rule's",
            f"{{{_LIMITED}, volumes: [{{name: x, emptyDir: {{medium: Memory}}}}]}}",
            also=("unlimited-memory-volume",),
        ),
    ),
)
