"""The containers of a pod share their processes.

Threat: each reads the others' environment and files through `/proc/<pid>`, signals them and takes their place: one
compromised sidecar is all of them.
Check: `shareProcessNamespace` is not `true`. Windows has no such field.
Fix: take it out. Risky: a container that manages the others' processes stops working.
"""

from __future__ import annotations

from collections.abc import Iterable

from stridegate.model.edits import Assign, Patch
from stridegate.model.places import Field
from stridegate.model.references import CisDocker
from stridegate.model.rules import Given, PodRule, Violation, bad, good
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile, Severity, Stride

SHARED = Field[bool]("shareProcessNamespace")


def check(pod: PodView, _: Given) -> Iterable[Violation]:
    """Yield the field where it says true."""
    if not pod.shape.shareProcessNamespace or pod.windows:
        return ()
    place = SHARED.at(pod)
    return (Violation(place, observed="true", wanted="be false or absent", patch=Patch.override(Assign(place, False))),)


RULE = PodRule(
    slug="shared-process-namespace",
    doc=__doc__,
    severity=Severity.MEDIUM,
    profile=Profile.HARDENED,
    stride=frozenset({Stride.SPOOFING, Stride.INFORMATION_DISCLOSURE, Stride.TAMPERING}),
    references=(CisDocker("5.16", before_1_6="5.15"),),
    threats=frozenset({"sidecar-namespace-spoofing"}),
    check=check,
    examples=(
        bad("shared", "shareProcessNamespace: true"),
        good("explicit false", "shareProcessNamespace: false"),
        good("absent", "shareProcessNamespace: null"),
    ),
)
