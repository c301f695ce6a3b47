"""A volume in memory has no size limit.

Threat: whatever is written to it is memory of the node, and the kernel kills what belongs to others when it runs out.
Check: every emptyDir with the medium Memory has a `sizeLimit` above 0; 0 means unlimited, and so does 8Ei and more. Huge
pages have limits of their own.
Fix: set the `sizeLimit` that the policy gives. Risky: an application that writes more is evicted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

from stridegate.model.edits import Assign, Patch
from stridegate.model.errors import BadQuantity
from stridegate.model.quantities import bounds
from stridegate.model.references import CisDocker
from stridegate.model.rules import Given, Parameters, PodRule, Quantity, Violation, bad, good, observe
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile, Safety, Severity, Stride


def check(pod: PodView, given: Given) -> Iterable[Violation]:
    """Yield every volume in memory that may grow without end."""
    for shape in pod.shape.volumes or ():
        source = shape.get("emptyDir")
        # Nearly all are on disk: no view is made of them.
        if source and not (isinstance(source, dict) and source.get("medium") is None):
            return _unlimited(pod, given)
    return ()


def _unlimited(pod: PodView, given: Given) -> Iterator[Violation]:
    for volume in pod.volumes_from("emptyDir"):
        source = volume.source("emptyDir")
        medium = source.get("medium")
        if not medium or str(medium).startswith("HugePages"):
            continue
        limit = source.get("sizeLimit")
        wrong = _wrong(limit)
        if wrong is not None:
            place = volume.place("emptyDir", "sizeLimit")
            patch = None
            if given.parameters.size_limit is not None:
                edit = Assign(place, given.parameters.size_limit.text)
                patch = Patch.fill(edit, safety=Safety.RISKY) if limit is None else Patch.override(edit)
            yield Violation(place, observed=observe(limit)[:60], wanted=wrong, patch=patch)


def _wrong(limit: object) -> str | None:
    """Return what a size limit would have to be, or None where it is one."""
    if limit is None:
        return "be set for a volume in memory"
    if not isinstance(limit, str | int | float):
        return "be a quantity such as 64Mi"
    try:
        return None if bounds(limit) else "be above 0 and below 8Ei, which both mean unlimited"
    except BadQuantity as error:
        return f"be a quantity: {error}"


_LIMIT = Given(parameters=Parameters(size_limit=Quantity("64Mi", Fraction(64 * 2**20))))

RULE = PodRule(
    slug="unlimited-memory-volume",
    doc=__doc__,
    severity=Severity.MEDIUM,
    profile=Profile.HARDENED,
    stride=frozenset({Stride.DENIAL_OF_SERVICE}),
    references=(CisDocker("5.11", before_1_6="5.10"),),
    threats=frozenset({"noisy-neighbour"}),
    check=check,
    takes=frozenset({"size_limit"}),
    examples=(
        bad("without a limit", "volumes: [{name: cache, emptyDir: {medium: Memory}}]"),
        bad("with the policy's limit", "volumes: [{name: cache, emptyDir: {medium: Memory}}]", given=_LIMIT),
        bad("zero is none", "volumes: [{name: cache, emptyDir: {medium: Memory, sizeLimit: 0}}]", given=_LIMIT),
        bad(
            "no quantity",
            "volumes: [{name: cache, emptyDir: {medium: Memory, sizeLimit: lots}}]",
            given=_LIMIT,
            valid=False,
        ),
        bad("a medium of the future", "volumes: [{name: cache, emptyDir: {medium: Holograph}}]"),
        good("with a limit", "volumes: [{name: cache, emptyDir: {medium: Memory, sizeLimit: 64Mi}}]"),
        good("on disk", "volumes: [{name: cache, emptyDir: {}}]"),
        good("without a source it is on disk", "volumes: [{name: cache}]"),
    ),
)
