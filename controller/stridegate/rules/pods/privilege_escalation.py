"""A container can gain more privileges than its parent process.

Threat: a setuid binary in the image turns code execution as the application's user into root, one kernel bug away from
the node.
Check: `allowPrivilegeEscalation` is `false`, written out, on every container; absent means `true`. Windows pods are
skipped from version 1.25 on.
Fix: set it to `false`. Safe: only setuid binaries and file capabilities stop working.
"""

from __future__ import annotations

from collections.abc import Iterator

from stridegate.model.edits import Patch
from stridegate.model.places import Field
from stridegate.model.references import CisDocker, CisKubernetes, PodSecurity
from stridegate.model.rules import Given, PodRule, Violation, bad, good, observe
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile, Safety, Severity, Stride

ESCALATION = Field[bool]("securityContext.allowPrivilegeEscalation")


def check(pod: PodView, given: Given) -> Iterator[Violation]:
    """Yield every container that does not say false."""
    if pod.windows and given.pod_security >= 25:
        # The API server refuses the field on Windows pods; the standard follows since v1.25.
        return
    for container in pod.containers:
        allowed = ESCALATION.of(container)
        if allowed is not False:
            place = ESCALATION.at(container)
            # The API server refuses false beside privileged or SYS_ADMIN: the author must see our finding, not its
            # error.
            patch = (
                None
                if pod.windows or container.needs_escalation
                else Patch.assign(place, False, was=allowed, safety=Safety.SAFE)
            )
            yield Violation(place, observed=observe(allowed), wanted="be false", patch=patch)


RULE = PodRule(
    slug="privilege-escalation",
    doc=__doc__,
    severity=Severity.HIGH,
    profile=Profile.RESTRICTED,
    stride=frozenset({Stride.ELEVATION}),
    references=(
        PodSecurity("allowPrivilegeEscalation", since=8),
        CisDocker("5.26", before_1_6="5.25"),
        CisKubernetes("5.2.6"),
    ),
    threats=frozenset({"privileged-pod-abuse", "suid-privilege-gain", "missing-no-new-privileges-option"}),
    check=check,
    examples=(
        bad("absent", "containers: [{name: app, securityContext: {allowPrivilegeEscalation: null}}]"),
        bad("explicit true", "containers: [{name: app, securityContext: {allowPrivilegeEscalation: true}}]"),
        bad(
            "beside SYS_ADMIN",
            """
            containers:
            - {name: app, securityContext: {allowPrivilegeEscalation: null, capabilities: {add: [CAP_SYS_ADMIN]}}}
            """,
            also=("dangerous-capability",),
        ),
        bad(
            "windows before version 1.25",
            """
            os: {name: windows}
            securityContext: {seccompProfile: null}
            containers: [{name: app, securityContext: null}]
            """,
            also=("missing-seccomp-profile", "undropped-capabilities"),
            given=Given(pod_security=24),
        ),
        good(
            "windows",
            """
            os: {name: windows}
            securityContext: {seccompProfile: null}
            containers: [{name: app, securityContext: null}]
            """,
        ),
    ),
)
