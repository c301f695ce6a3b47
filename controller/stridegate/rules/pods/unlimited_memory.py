"""A container may use all of the node's memory.

Threat: a leak, a large request or an attacker takes the node's memory, and the kernel kills what belongs to others.
Check: every init, sidecar and regular container has a `limits.memory` above 0, or the pod has one for all of them
(`spec.resources`); 0 means unlimited to the runtime, and so does 8Ei and more, which no node can count. Ephemeral
containers cannot have one. A limit in thousandths of a byte (`512m`) is one, and is warned about.
Fix: set the limit that the policy gives as `default`, never below the container's own request, and the same request
where there is none. Risky: an application that needs more is killed.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from stridegate.model.container_views import ContainerKind, ContainerView
from stridegate.model.edits import Assign, Patch
from stridegate.model.errors import BadQuantity
from stridegate.model.places import Field, Spot
from stridegate.model.quantities import bounds, ordinary, parse_quantity
from stridegate.model.references import CisDocker
from stridegate.model.rules import Given, Parameters, PodRule, Quantity, Violation, bad, good, observe
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Outcome, Profile, Safety, Severity, Stride

LIMIT = Field[str | int | float]("resources.limits.memory")
REQUEST = Field[str | int | float]("resources.requests.memory")

_COUNTED = "be below 8Ei: the kubelet counts no further, and sets no limit"
# Nobody means less; 512m is half a byte.
_MEANT = 2**20
_THOUSANDTHS = "be whole bytes: the suffix m means a thousandth of one"


def check(pod: PodView, given: Given) -> Iterator[Violation]:
    """Yield every container without a limit where the pod has none either, and every limit that cannot be meant."""
    shared = None if pod.shape.resources is None else LIMIT.of(pod)
    if shared is not None:
        wrong = _wrong(pod, shared, None)
        if wrong is not None:
            yield wrong
        if wrong is None or wrong.outcome is Outcome.WARN:
            return
    # Beside limits of the pod itself, a container's own could be refused.
    default = given.parameters.default if pod.shape.resources is None else None
    for container in pod.containers:
        resources = container.shape.resources
        limit = None if resources is None or resources.limits is None else resources.limits.get("memory")
        if ordinary(limit) or container.ephemeral:
            continue
        if limit is None:
            patch = _limited(container, default)
            yield Violation(LIMIT.at(container), observed=observe(limit), wanted="be set", patch=patch)
        elif (wrong := _wrong(container, limit, default)) is not None:
            yield wrong


def _wrong(spot: Spot, limit: str | float, default: Quantity | None) -> Violation | None:
    """Return what is wrong with an explicit limit."""
    try:
        bounded = bounds(limit)
    except BadQuantity as error:
        return Violation(LIMIT.at(spot), observed=observe(str(limit)[:60]), wanted=f"be a quantity: {error}")
    if not bounded:
        patch = _limited(spot, default) if isinstance(spot, ContainerView) else None
        wanted = _COUNTED if parse_quantity(limit) > 0 else "be above 0"
        return Violation(LIMIT.at(spot), observed=f"{limit}, which means unlimited", wanted=wanted, patch=patch)
    size = parse_quantity(limit)
    if size.denominator != 1 and size < _MEANT:
        # The API server writes every fraction of a byte in thousandths, those of 1.1Gi too.
        return Violation(LIMIT.at(spot), observed=str(limit), wanted=_THOUSANDTHS, outcome=Outcome.WARN)
    return None


def _limited(container: ContainerView, default: Quantity | None) -> Patch | None:
    """Return the patch that sets the policy's limit, unless it could make the pod worse or refused."""
    if default is None:
        return None
    request = REQUEST.of(container)
    try:
        requested = None if request is None else parse_quantity(request)
    except BadQuantity:
        return None
    limit = str(request) if requested is not None and requested > default.value else default.text
    if not bounds(limit):
        return None
    edits = [Assign(LIMIT.at(container), limit)]
    if request is None:
        # The API server applies its defaults again after the patch and would copy the limit anyway.
        edits.append(Assign(REQUEST.at(container), limit))
    if LIMIT.of(container) is not None:
        return Patch.override(*edits)
    return Patch.fill(*edits, safety=Safety.RISKY)


_DEFAULT = Given(parameters=Parameters(default=Quantity("256Mi", Fraction(256 * 2**20))))

RULE = PodRule(
    slug="unlimited-memory",
    doc=__doc__,
    severity=Severity.HIGH,
    profile=Profile.HARDENED,
    stride=frozenset({Stride.DENIAL_OF_SERVICE}),
    references=(CisDocker("5.11", before_1_6="5.10"),),
    threats=frozenset({"unlimited-container-memory"}),
    check=check,
    takes=frozenset({"default"}),
    spares=frozenset({ContainerKind.EPHEMERAL}),
    examples=(
        bad("no resources", "containers: [{name: app, resources: null}]", given=_DEFAULT),
        bad("without a default in the policy", "containers: [{name: app, resources: null}]"),
        bad("a request alone", "containers: [{name: app, resources: {limits: null}}]", given=_DEFAULT),
        bad(
            "a request above the default",
            "containers: [{name: app, resources: {limits: null, requests: {memory: 1Gi}}}]",
            given=_DEFAULT,
        ),
        bad(
            "another limit",
            "containers: [{name: app, resources: {limits: {memory: null, cpu: '1'}}}]",
            given=_DEFAULT,
        ),
        bad(
            "zero is unlimited",
            "containers: [{name: app, resources: {limits: {memory: '0'}, requests: null}}]",
            given=_DEFAULT,
        ),
        bad("zero, written longer", "containers: [{name: app, resources: {limits: {memory: 0Mi}, requests: null}}]"),
        bad("zero as a number", "containers: [{name: app, resources: {limits: {memory: 0}, requests: null}}]"),
        bad("no quantity", "containers: [{name: app, resources: {limits: {memory: 1 Gi}}}]", valid=False),
        bad("an empty quantity", "containers: [{name: app, resources: {limits: {memory: ''}}}]", valid=False),
        bad("a negative one", "containers: [{name: app, resources: {limits: {memory: '-1'}}}]", valid=False),
        bad(
            "thousandths of a byte",
            "containers: [{name: app, resources: {limits: {memory: 512m}, requests: null}}]",
        ),
        bad(
            "the pod requests but does not limit",
            "{resources: {requests: {memory: 64Mi}}, containers: [{name: app, resources: null}]}",
            given=_DEFAULT,
        ),
        good(
            "the pod's limit is for all",
            "{resources: {limits: {memory: 1Gi}}, containers: [{name: app, resources: null}]}",
        ),
        good("an exponent", "containers: [{name: app, resources: {limits: {memory: 1e9}, requests: null}}]"),
        good("a fraction", "containers: [{name: app, resources: {limits: {memory: 0.5Gi}}}]"),
        good("a number", "containers: [{name: app, resources: {limits: {memory: 536870912}}}]"),
    ),
)
