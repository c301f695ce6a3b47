"""A confinement profile of the node is asked for without saying which.

Threat: container runtimes have run such containers without any profile (CVE-2023-2431).
Check: `seccompProfile` and `appArmorProfile` of the type Localhost, at the pod and on every container, name their
`localhostProfile`. Windows has no such fields.
Fix: name the profile, or use RuntimeDefault. There is no automatic fix.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from stridegate.model.places import Field
from stridegate.model.pods import ConfinementProfile
from stridegate.model.references import CisDocker
from stridegate.model.rules import Given, PodRule, Violation, bad, good, observe
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile, Severity, Stride

_PROFILES = tuple(
    (Field[ConfinementProfile](f"securityContext.{kind}"), Field[str](f"securityContext.{kind}.localhostProfile"))
    for kind in ("seccompProfile", "appArmorProfile")
)


def check(pod: PodView, _: Given) -> Iterable[Violation]:
    """Yield every profile of the node without a name."""
    for field, _name in _PROFILES:
        for _spot, profile in pod.present(field):
            if profile.type == "Localhost" and not pod.windows:
                return _unnamed(pod)
    return ()


def _unnamed(pod: PodView) -> Iterator[Violation]:
    for field, name in _PROFILES:
        for spot, profile in pod.present(field):
            if profile.type == "Localhost" and not profile.localhostProfile:
                yield Violation(name.at(spot), observed=observe(profile.localhostProfile), wanted="name a profile")


RULE = PodRule(
    slug="empty-localhost-profile",
    doc=__doc__,
    severity=Severity.HIGH,
    profile=Profile.HARDENED,
    stride=frozenset({Stride.ELEVATION}),
    references=(CisDocker("5.22", before_1_6="5.21"),),
    threats=frozenset({"disabled-seccomp"}),
    check=check,
    examples=(
        bad("seccomp, absent", "securityContext: {seccompProfile: {type: Localhost}}", valid=False),
        bad("seccomp, empty", "securityContext: {seccompProfile: {type: Localhost, localhostProfile: ''}}"),
        bad(
            "apparmor, at the container",
            "containers: [{name: app, securityContext: {appArmorProfile: {type: Localhost}}}]",
            valid=False,
        ),
        good("a name", "securityContext: {seccompProfile: {type: Localhost, localhostProfile: strict.json}}"),
        good("the runtime's own", "securityContext: {appArmorProfile: {type: RuntimeDefault}}"),
    ),
)
