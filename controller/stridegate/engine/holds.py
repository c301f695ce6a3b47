"""What whoever gets into a pod gets hold of, by the rules that say so."""

from __future__ import annotations

from stridegate.engine.catalogue import POD_RULES
from stridegate.engine.evaluate import evaluate
from stridegate.model.objects import Hold
from stridegate.model.rules import Given, Question
from stridegate.model.views import PodView

# A pod that breaks one of these is more than itself. That it may be root is not enough: most pods may be.
_SLUGS = (
    "privileged-container",
    "windows-host-process",
    "host-pid",
    "host-network",
    "host-ipc",
    "root-user",
)
_QUESTIONS = tuple(Question(POD_RULES[slug], Given()) for slug in _SLUGS)


def hold_of(pod: PodView) -> Hold:
    """Return what getting into a pod gets hold of; a rule that cannot judge counts as one that is broken."""
    return Hold.NODE if evaluate(_QUESTIONS, pod) else Hold.POD
