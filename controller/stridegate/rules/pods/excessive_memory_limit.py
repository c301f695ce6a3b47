"""A memory limit is above what the policy allows.

Threat: a limit as large as the node is none: one container takes the memory of all.
Check: `limits.memory` of every container and of the pod is at most the policy's `ceiling`. Without a ceiling the rule
finds nothing.
Fix: lower it. There is no automatic fix: an application that needs the memory would be killed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

from stridegate.model.errors import BadQuantity
from stridegate.model.places import Field
from stridegate.model.quantities import parse_quantity
from stridegate.model.references import CisDocker
from stridegate.model.rules import Given, Parameters, PodRule, Quantity, Violation, bad, good, observe
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile, Severity, Stride, ValueKind

LIMIT = Field[str | int | float]("resources.limits.memory")


def check(pod: PodView, given: Given) -> Iterable[Violation]:
    """Yield every limit above the ceiling; the larger the worse."""
    ceiling = given.parameters.ceiling
    return () if ceiling is None else _above(pod, ceiling)


def _above(pod: PodView, ceiling: Quantity) -> Iterator[Violation]:
    for spot in pod.levels:
        limit = LIMIT.of(spot)
        if limit is None:
            continue
        try:
            size = parse_quantity(limit)
        except BadQuantity as error:
            yield Violation(LIMIT.at(spot), observed=observe(str(limit)[:60]), wanted=f"be a quantity: {error}")
            continue
        if size > ceiling.value:
            yield Violation(LIMIT.at(spot), observed=str(limit), wanted=f"be at most {ceiling.text}", rank=int(size))


_CEILING = Given(parameters=Parameters(ceiling=Quantity("8Gi", Fraction(8 * 2**30))))

RULE = PodRule(
    slug="excessive-memory-limit",
    doc=__doc__,
    severity=Severity.MEDIUM,
    profile=Profile.HARDENED,
    stride=frozenset({Stride.DENIAL_OF_SERVICE}),
    references=(CisDocker("5.11", before_1_6="5.10"),),
    threats=frozenset({"noisy-neighbour"}),
    check=check,
    value=ValueKind.MEMORY,
    takes=frozenset({"ceiling"}),
    examples=(
        bad("a container's", "containers: [{name: app, resources: {limits: {memory: 9Gi}}}]", given=_CEILING),
        bad("the pod's", "resources: {limits: {memory: 9Gi}}", given=_CEILING),
        bad("by one byte", "containers: [{name: app, resources: {limits: {memory: 8589934593}}}]", given=_CEILING),
        bad("the largest suffix", "containers: [{name: app, resources: {limits: {memory: 1E}}}]", given=_CEILING),
        bad(
            "no quantity",
            "containers: [{name: app, resources: {limits: {memory: lots}}}]",
            also=("unlimited-memory",),
            given=_CEILING,
            valid=False,
        ),
        good("as much as allowed", "containers: [{name: app, resources: {limits: {memory: 8Gi}}}]", given=_CEILING),
        good("without a ceiling", "containers: [{name: app, resources: {limits: {memory: 9Gi}}}]"),
        good(
            "none is the other rule's",
            "containers: [{name: app, resources: null}]",
            also=("unlimited-memory",),
            given=_CEILING,
        ),
    ),
)
