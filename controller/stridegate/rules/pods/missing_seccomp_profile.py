"""A container has no seccomp profile.

Threat: without one most clusters run it unconfined, and every system call of the kernel is open to attack.
Check: `seccompProfile` stands at the pod or on every container, from version 1.19 of the Pod Security Standards on. What
it says is judged by unconfined-seccomp; annotations do not count. Windows pods are skipped from version 1.25 on.
Fix: set RuntimeDefault at the pod, or at the containers where one of the others is exempted. Safe: the runtime's profile
shuts system calls that applications do not make.
"""

from __future__ import annotations

from collections.abc import Iterator

from stridegate.model.edits import Patch
from stridegate.model.places import Field, Spot
from stridegate.model.pods import ConfinementProfile
from stridegate.model.references import CisDocker, CisKubernetes, PodSecurity
from stridegate.model.rules import Given, PodRule, Violation, bad, good, observe
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile, Safety, Severity, Stride

PROFILE = Field[ConfinementProfile]("securityContext.seccompProfile")

_ANNOTATION = "seccomp.security.alpha.kubernetes.io/pod"
_CONTAINER_ANNOTATION = "container.seccomp.security.alpha.kubernetes.io/"


def check(pod: PodView, given: Given) -> Iterator[Violation]:
    """Yield every container that has no profile of its own where the pod has none either."""
    if (pod.windows and given.pod_security >= 25) or PROFILE.of(pod) is not None:
        return
    whole = _confine(pod, pod, _ANNOTATION)
    for container in pod.containers:
        if PROFILE.of(container) is None:
            apart = _confine(pod, container, _CONTAINER_ANNOTATION + container.name)
            yield Violation(
                PROFILE.at(container),
                observed=observe(None),
                wanted="be RuntimeDefault or Localhost, here or at the pod",
                patch=whole and whole._replace(apart=apart),
            )


def _confine(pod: PodView, spot: Spot, annotation: str) -> Patch | None:
    # The API server refuses the field on Windows pods, and a value that differs from the annotation of old.
    if pod.windows or pod.annotations.get(annotation, "runtime/default") not in {"runtime/default", "docker/default"}:
        return None
    return Patch.assign(PROFILE.at(spot), {"type": "RuntimeDefault"}, was=None, safety=Safety.SAFE)


RULE = PodRule(
    slug="missing-seccomp-profile",
    doc=__doc__,
    severity=Severity.MEDIUM,
    profile=Profile.RESTRICTED,
    stride=frozenset({Stride.ELEVATION}),
    references=(
        PodSecurity("seccompProfile_restricted", since=19),
        CisDocker("5.22", before_1_6="5.21"),
        CisKubernetes("5.6.2", before_1_12="5.7.2"),
    ),
    threats=frozenset({"disabled-seccomp"}),
    check=check,
    examples=(
        bad("nowhere", "securityContext: {seccompProfile: null}"),
        bad(
            "not on every container",
            """
            securityContext: {seccompProfile: null}
            containers:
            - {name: app, securityContext: {seccompProfile: {type: RuntimeDefault}}}
            - name: other
              image: registry.example/other:1
              resources: {limits: {memory: 64Mi}}
              securityContext:
                allowPrivilegeEscalation: false
                readOnlyRootFilesystem: true
                capabilities: {drop: [ALL]}
            """,
        ),
        bad(
            "only in the annotation of old",
            "securityContext: {seccompProfile: null}",
            annotations={"seccomp.security.alpha.kubernetes.io/pod": "runtime/default"},
        ),
        bad(
            "where the annotation of old says otherwise",
            "securityContext: {seccompProfile: null}",
            annotations={"seccomp.security.alpha.kubernetes.io/pod": "localhost/strict.json"},
        ),
        bad(
            "windows before version 1.25",
            """
            os: {name: windows}
            securityContext: {seccompProfile: null}
            containers: [{name: app, securityContext: null}]
            """,
            also=("undropped-capabilities", "privilege-escalation"),
            given=Given(pod_security=24),
        ),
        good(
            "on every container",
            """
            securityContext: {seccompProfile: null}
            containers: [{name: app, securityContext: {seccompProfile: {type: Localhost, localhostProfile: x.json}}}]
            """,
        ),
        good(
            "a bad one is the other rule's",
            "securityContext: {seccompProfile: {type: Unconfined}}",
            also=("unconfined-seccomp",),
        ),
        good(
            "windows",
            """
            os: {name: windows}
            securityContext: {seccompProfile: null}
            containers: [{name: app, securityContext: null}]
            """,
            given=Given(pod_security=25),
        ),
    ),
)
