"""A container sees the unmasked `/proc`.

Threat: kernel interfaces that the runtime hides or makes read-only (`/proc/kcore`, `/proc/sys`, `/proc/sysrq-trigger`)
are open to reading and writing.
Check: `procMount` is `Default` or absent on every container. The baseline level leaves pods alone that have a user
namespace of their own (`hostUsers: false`), from version 1.35 on; the restricted level does not.
Fix: take it out. There is no automatic fix: nested containers need it.
"""

from __future__ import annotations

from collections.abc import Iterator

from stridegate.model.places import Field
from stridegate.model.references import PodSecurity
from stridegate.model.rules import Given, PodRule, Violation, bad, good, observe
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile, Severity, Stride

PROC_MOUNT = Field[str]("securityContext.procMount")


def check(pod: PodView, given: Given) -> Iterator[Violation]:
    """Yield every container that asks for another mount than the default."""
    if pod.own_user_namespace and given.pod_security >= 35 and given.profile < Profile.RESTRICTED:
        return
    for container in pod.containers:
        mount = PROC_MOUNT.of(container)
        if mount is not None and mount != "Default":
            yield Violation(PROC_MOUNT.at(container), observed=observe(mount), wanted="be Default or absent")


RULE = PodRule(
    slug="unmasked-proc-mount",
    doc=__doc__,
    severity=Severity.HIGH,
    profile=Profile.BASELINE,
    stride=frozenset({Stride.INFORMATION_DISCLOSURE, Stride.ELEVATION}),
    references=(PodSecurity("procMount"), PodSecurity("procMount_restricted", since=35)),
    threats=frozenset({"isolation-tampering", "container-escape"}),
    check=check,
    examples=(
        bad(
            "unmasked",
            "{hostUsers: true, containers: [{name: app, securityContext: {procMount: Unmasked}}]}",
            valid=False,
        ),
        bad(
            "in a user namespace, at the restricted level",
            "{hostUsers: false, containers: [{name: app, securityContext: {procMount: Unmasked}}]}",
        ),
        bad(
            "in a user namespace, before version 1.35",
            "{hostUsers: false, containers: [{name: app, securityContext: {procMount: Unmasked}}]}",
            given=Given(pod_security=34, profile=Profile.BASELINE),
        ),
        bad("a value nobody knows", "containers: [{name: app, securityContext: {procMount: default}}]", valid=False),
        good(
            "in a user namespace, at the baseline level",
            "{hostUsers: false, containers: [{name: app, securityContext: {procMount: Unmasked}}]}",
            given=Given(profile=Profile.BASELINE),
        ),
        good("the default", "containers: [{name: app, securityContext: {procMount: Default}}]"),
    ),
)
