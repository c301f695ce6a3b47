"""The record of what was healed in a pod: "<slugs>;<version>", in an annotation, and never a reason to skip anything.

Whoever can create pods can write one too. It only serves to notice that a patch was undone, so what it claims beyond
that does no harm, and what it lacks is added.
"""

from __future__ import annotations

from collections.abc import Iterable

from stridegate import __version__
from stridegate.engine.decide import Circumstances, patches
from stridegate.engine.policies import Regime
from stridegate.model.findings import Finding
from stridegate.model.views import PodView

PATCHED_ANNOTATION = "stridegate.dev/patched"


def record(regime: Regime, pod: PodView, healed: Iterable[Finding]) -> str:
    """Return the record of a pod in which these findings are being healed, with what earlier passes healed."""
    slugs = _recorded(regime, pod) | {finding.rule.slug for finding in healed}
    return f"{','.join(sorted(slugs))};v{__version__}"


def undone(regime: Regime, pod: PodView, findings: Iterable[Finding], circumstances: Circumstances) -> tuple[str, ...]:
    """Return the slugs that were healed, by the pod's record, and that the webhook would have to heal again.

    What it would not heal was never healed by it, whatever the record says.
    """
    recorded = _recorded(regime, pod)
    if not recorded:
        return ()
    mendable = {finding.rule.slug for finding, _ in patches(regime, findings, circumstances)}
    return tuple(sorted(mendable & recorded))


def _recorded(regime: Regime, pod: PodView) -> set[str]:
    """Return the slugs that a pod's record names, as far as they are asked about at all."""
    slugs, _, _ = pod.annotations.get(PATCHED_ANNOTATION, "").partition(";")
    return {question.rule.slug for question in regime.mending}.intersection(slugs.split(",")) if slugs else set()
