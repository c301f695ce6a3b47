"""A container runs without its seccomp profile.

Threat: every system call of the kernel is open to attack, those included that the runtime's profile shuts because of
their history.
Check: `seccompProfile.type` at the pod and on every container is RuntimeDefault or Localhost where the field is
present. Up to version 1.18 the annotations `seccomp.security.alpha.kubernetes.io/pod` and
`container.seccomp.security.alpha.kubernetes.io/<container>` are judged instead, and only up to there. At the restricted
level Windows pods are skipped from version 1.25 on.
Fix: use RuntimeDefault. There is no automatic fix: somebody switched it off for a reason.
"""

from __future__ import annotations

from collections.abc import Iterator

from stridegate.model.places import Field
from stridegate.model.pods import ConfinementProfile
from stridegate.model.references import CisDocker, CisKubernetes, PodSecurity
from stridegate.model.rules import Given, PodRule, Violation, bad, good, observe
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile, Severity, Stride

PROFILE = Field[ConfinementProfile]("securityContext.seccompProfile")
TYPE = Field[str]("securityContext.seccompProfile.type")

_POD_ANNOTATION = "seccomp.security.alpha.kubernetes.io/pod"
_CONTAINER_ANNOTATION = "container.seccomp.security.alpha.kubernetes.io/"


def check(pod: PodView, given: Given) -> Iterator[Violation]:
    """Yield every explicit profile that does not confine."""
    if given.pod_security < 19:
        yield from _annotated(pod)
        return
    if pod.windows and given.pod_security >= 25 and given.profile >= Profile.RESTRICTED:
        # The restricted check, which skips Windows pods, takes the place of the baseline one.
        return
    for spot, profile in pod.present(PROFILE):
        if profile.type not in {"RuntimeDefault", "Localhost"}:
            yield Violation(
                TYPE.at(spot), observed=observe(profile.type or ""), wanted="be RuntimeDefault or Localhost"
            )


def _annotated(pod: PodView) -> Iterator[Violation]:
    keys = [_POD_ANNOTATION, *(_CONTAINER_ANNOTATION + container.name for container in pod.containers)]
    for key in dict.fromkeys(keys):
        value = pod.annotations.get(key)
        if value is None or value in {"runtime/default", "docker/default"} or value.startswith("localhost/"):
            continue
        yield Violation(
            pod.annotation(key), observed=observe(value), wanted="be runtime/default or a localhost/ profile"
        )


RULE = PodRule(
    slug="unconfined-seccomp",
    doc=__doc__,
    severity=Severity.HIGH,
    profile=Profile.BASELINE,
    stride=frozenset({Stride.ELEVATION}),
    references=(
        PodSecurity("seccompProfile_baseline"),
        PodSecurity("seccompProfile_restricted", since=19),
        CisDocker("5.22", before_1_6="5.21"),
        CisKubernetes("5.6.2", before_1_12="5.7.2"),
    ),
    threats=frozenset({"disabled-seccomp"}),
    check=check,
    examples=(
        bad("at the container", "containers: [{name: app, securityContext: {seccompProfile: {type: Unconfined}}}]"),
        bad("at the pod", "securityContext: {seccompProfile: {type: Unconfined}}"),
        bad(
            "a profile without type",
            "containers: [{name: app, securityContext: {seccompProfile: {}}}]",
            valid=False,
        ),
        bad(
            "annotated, version 1.18",
            "{}",
            annotations={"container.seccomp.security.alpha.kubernetes.io/app": "unconfined"},
            given=Given(pod_security=18),
        ),
        bad(
            "the pod annotated, version 1.18",
            "{securityContext: {seccompProfile: null}}",
            annotations={"seccomp.security.alpha.kubernetes.io/pod": "unconfined"},
            given=Given(pod_security=18),
        ),
        good(
            "annotated, version 1.19",
            "{}",
            annotations={"container.seccomp.security.alpha.kubernetes.io/app": "unconfined"},
            given=Given(pod_security=19),
        ),
        good(
            "docker's default, version 1.18",
            "{}",
            annotations={"seccomp.security.alpha.kubernetes.io/pod": "docker/default"},
            given=Given(pod_security=18),
        ),
        good(
            "a profile of the node",
            "securityContext: {seccompProfile: {type: Localhost, localhostProfile: strict.json}}",
        ),
        good(
            "absent is the other rule's",
            "securityContext: {seccompProfile: null}",
            also=("missing-seccomp-profile",),
        ),
    ),
)
