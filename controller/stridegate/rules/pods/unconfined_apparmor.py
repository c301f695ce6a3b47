"""A container runs without its AppArmor profile.

Threat: mounts, ptrace and writes to kernel interfaces that the runtime's profile forbids come within reach.
Check: `appArmorProfile.type` at the pod and on every container is RuntimeDefault or Localhost where the field is
present, and so is every annotation `container.apparmor.security.beta.kubernetes.io/*` (`runtime/default`,
`localhost/…` or empty). Either being bad fails, in every version.
Fix: take it out; the runtime's profile is the default. There is no automatic fix.
"""

from __future__ import annotations

from collections.abc import Iterator

from stridegate.model.places import Field
from stridegate.model.pods import ConfinementProfile
from stridegate.model.references import CisDocker, PodSecurity
from stridegate.model.rules import Given, PodRule, Violation, bad, good, observe
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile, Severity, Stride

PROFILE = Field[ConfinementProfile]("securityContext.appArmorProfile")
TYPE = Field[str]("securityContext.appArmorProfile.type")

_ANNOTATION = "container.apparmor.security.beta.kubernetes.io/"


def check(pod: PodView, _: Given) -> Iterator[Violation]:
    """Yield every field and every annotation with another profile."""
    for spot, profile in pod.present(PROFILE):
        if profile.type not in {"RuntimeDefault", "Localhost"}:
            yield Violation(
                TYPE.at(spot), observed=observe(profile.type or ""), wanted="be RuntimeDefault or Localhost"
            )
    for key, value in pod.annotations.items():
        if key.startswith(_ANNOTATION) and value not in {"", "runtime/default"} and not value.startswith("localhost/"):
            yield Violation(
                pod.annotation(key), observed=observe(value), wanted="be runtime/default or a localhost/ profile"
            )


RULE = PodRule(
    slug="unconfined-apparmor",
    doc=__doc__,
    severity=Severity.MEDIUM,
    profile=Profile.BASELINE,
    stride=frozenset({Stride.ELEVATION}),
    references=(PodSecurity("appArmorProfile"), CisDocker("5.2", before_1_6="5.1")),
    check=check,
    examples=(
        bad("at the container", "containers: [{name: app, securityContext: {appArmorProfile: {type: Unconfined}}}]"),
        bad("at the pod", "securityContext: {appArmorProfile: {type: Unconfined}}"),
        bad("a profile without type", "securityContext: {appArmorProfile: {type: ''}}", valid=False),
        bad(
            "only in the annotation",
            "{}",
            annotations={"container.apparmor.security.beta.kubernetes.io/app": "unconfined"},
        ),
        bad(
            "field good, annotation bad",
            "containers: [{name: app, securityContext: {appArmorProfile: {type: RuntimeDefault}}}]",
            annotations={"container.apparmor.security.beta.kubernetes.io/app": "unconfined"},
            valid=False,
        ),
        bad(
            "an annotation for no container",
            "{}",
            annotations={"container.apparmor.security.beta.kubernetes.io/nobody": "unconfined"},
            valid=False,
        ),
        good(
            "an annotation that names no profile, of which the API server makes none",
            "{}",
            annotations={"container.apparmor.security.beta.kubernetes.io/app": "localhost/"},
        ),
        good(
            "a profile of the node",
            "containers: [{name: app, securityContext: {appArmorProfile: {type: Localhost, localhostProfile: foo}}}]",
        ),
        good(
            "a profile of the node, annotated",
            "{}",
            annotations={"container.apparmor.security.beta.kubernetes.io/app": "localhost/foo"},
        ),
        good("empty is absent", "{}", annotations={"container.apparmor.security.beta.kubernetes.io/app": ""}),
    ),
)
