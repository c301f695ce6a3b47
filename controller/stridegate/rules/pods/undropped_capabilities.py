"""A container keeps the capabilities that the runtime hands out by default.

Threat: a dozen parts of root that hardly any application needs lie ready for whoever takes it over.
Check: `capabilities.drop` lists `ALL`, spelled exactly so, on every container, from version 1.22 of the Pod Security
Standards on. Windows pods are skipped from version 1.25 on.
Fix: drop ALL, and add NET_BIND_SERVICE where a port below 1024 is served. Risky: an image that starts as root and
changes its user, or changes ownership of files, stops working.
"""

from __future__ import annotations

from collections.abc import Iterator

from stridegate.model.container_views import ContainerView
from stridegate.model.edits import Append, Patch
from stridegate.model.places import Field
from stridegate.model.references import CisDocker, CisKubernetes, PodSecurity
from stridegate.model.rules import Given, PodRule, Violation, bad, good, observe
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile, Safety, Severity, Stride

DROPPED = Field[tuple[str, ...]]("securityContext.capabilities.drop")


def check(pod: PodView, given: Given) -> Iterator[Violation]:
    """Yield every container that does not drop ALL."""
    if pod.windows and given.pod_security >= 25:
        return
    for container in pod.containers:
        dropped = DROPPED.of(container)
        if not dropped or "ALL" not in dropped:
            misspelled = any(name.strip().upper() in {"ALL", "CAP_ALL"} for name in dropped or ())
            yield Violation(
                DROPPED.at(container),
                observed=observe(dropped),
                wanted="write ALL in exactly this spelling" if misspelled else "list ALL",
                patch=_drop_all(pod, container),
            )


def _drop_all(pod: PodView, container: ContainerView) -> Patch | None:
    # The API server refuses the field on Windows pods; a runtime ignores it on privileged ones; what is added is never
    # taken away.
    if pod.windows or container.privileged or "ALL" in container.added_capabilities:
        return None
    return Patch.fill(Append(DROPPED.at(container), ("ALL",)), safety=Safety.RISKY)


RULE = PodRule(
    slug="undropped-capabilities",
    doc=__doc__,
    severity=Severity.MEDIUM,
    profile=Profile.RESTRICTED,
    stride=frozenset({Stride.ELEVATION}),
    references=(
        PodSecurity("capabilities_restricted", since=22),
        CisDocker("5.4", before_1_6="5.3"),
        CisKubernetes("5.2.9", before_1_12="5.2.10"),
    ),
    threats=frozenset({"privileged-pod-abuse"}),
    check=check,
    examples=(
        bad(
            "nothing dropped",
            "containers: [{name: app, securityContext: {capabilities: null}}]",
            also=("net-raw-capability",),
        ),
        bad(
            "some dropped",
            "containers: [{name: app, securityContext: {capabilities: {drop: [NET_RAW, MKNOD]}}}]",
        ),
        bad(
            "another spelling",
            "containers: [{name: app, securityContext: {capabilities: {drop: [all]}}}]",
            also=("net-raw-capability",),
        ),
        bad(
            "windows before version 1.25",
            """
            os: {name: windows}
            securityContext: {seccompProfile: null}
            containers: [{name: app, securityContext: null}]
            """,
            also=("missing-seccomp-profile", "privilege-escalation"),
            given=Given(pod_security=24),
        ),
        good("among others", "containers: [{name: app, securityContext: {capabilities: {drop: [KILL, ALL]}}}]"),
        good(
            "with a port below 1024",
            "containers: [{name: app, securityContext: {capabilities: {drop: [ALL], add: [NET_BIND_SERVICE]}}}]",
        ),
        good(
            "windows",
            """
            os: {name: windows}
            securityContext: {seccompProfile: null}
            containers: [{name: app, securityContext: null}]
            """,
        ),
        good(
            "before version 1.22",
            "containers: [{name: app, securityContext: {capabilities: {drop: [NET_RAW]}}}]",
            given=Given(pod_security=21),
        ),
    ),
)
