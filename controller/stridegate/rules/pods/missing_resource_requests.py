"""A container does not say what it needs to run.

Threat: the scheduler puts it where there is no room, and it is the first to starve its neighbours, or to be starved.
Check: every init, sidecar and regular container has requests for cpu and memory above 0, or limits, which the API server
copies, or the pod has them for all (`spec.resources`). Ephemeral containers cannot have any.
Fix: request what the application uses on an ordinary day. There is no automatic fix: only measuring tells.
"""

from __future__ import annotations

from collections.abc import Iterator

from stridegate.model.container_views import ContainerKind
from stridegate.model.errors import BadQuantity
from stridegate.model.places import Field, Spot
from stridegate.model.quantities import bounds
from stridegate.model.references import CisDocker
from stridegate.model.rules import Given, PodRule, Violation, bad, good, observe
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile, Severity, Stride

_NEEDS = tuple(
    (Field[str | int | float](f"resources.requests.{name}"), Field[str | int | float](f"resources.limits.{name}"))
    for name in ("cpu", "memory")
)


def check(pod: PodView, _: Given) -> Iterator[Violation]:
    """Yield every resource that a container does not request where the pod does not either."""
    for request, limit in _NEEDS:
        if pod.shape.resources is not None and _requested(pod, request, limit):
            continue
        for container in pod.containers:
            if not container.ephemeral and not _requested(container, request, limit):
                yield Violation(
                    request.at(container), observed=observe(request.of(container))[:60], wanted="be above 0"
                )


def _requested(spot: Spot, request: Field[str | int | float], limit: Field[str | int | float]) -> bool:
    asked = request.of(spot)
    if asked is None:
        asked = limit.of(spot)
    try:
        return asked is not None and bounds(asked)
    except BadQuantity:
        return False


_CPU = "requests: {cpu: 100m, memory: 64Mi}"

RULE = PodRule(
    slug="missing-resource-requests",
    doc=__doc__,
    severity=Severity.LOW,
    profile=Profile.ADVISORY,
    stride=frozenset({Stride.DENIAL_OF_SERVICE}),
    references=(CisDocker("5.12", before_1_6="5.11"),),
    threats=frozenset({"noisy-neighbour", "node-resource-exhaustion"}),
    check=check,
    spares=frozenset({ContainerKind.EPHEMERAL}),
    examples=(
        bad("no cpu", "containers: [{name: app, resources: {requests: {memory: 64Mi}}}]"),
        bad(
            "no memory",
            "containers: [{name: app, resources: {limits: null, requests: {cpu: 100m, memory: null}}}]",
            also=("unlimited-memory",),
        ),
        bad("zero is none", "containers: [{name: app, resources: {requests: {cpu: 0}}}]"),
        bad("no quantity", "containers: [{name: app, resources: {requests: {cpu: some}}}]", valid=False),
        good("both", f"containers: [{{name: app, resources: {{{_CPU}}}}}]"),
        good("a limit is copied", "containers: [{name: app, resources: {limits: {cpu: 1}}}]"),
        good("the pod's are for all", "resources: {requests: {cpu: 100m, memory: 64Mi}}"),
    ),
)
