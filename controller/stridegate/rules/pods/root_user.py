"""A container is told to run as root.

Threat: root in a container is root for every file it mounts, and one mistake of kernel or runtime away from root on the
node.
Check: `runAsUser` is not 0 at the pod nor on any container, from version 1.23 of the Pod Security Standards on; a 0 at
the pod fails even where every container says otherwise. From version 1.35 on pods with a user namespace of their own
(`hostUsers: false`) are skipped.
Fix: run as a user id that owns what the application writes. There is no automatic fix: a user id is never invented.
"""

from __future__ import annotations

from collections.abc import Iterator

from stridegate.model.places import Field
from stridegate.model.references import CisDocker, CisKubernetes, PodSecurity
from stridegate.model.rules import Given, PodRule, Violation, bad, good, observe
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile, Severity, Stride

USER = Field[int]("securityContext.runAsUser")


def check(pod: PodView, given: Given) -> Iterator[Violation]:
    """Yield the pod and every container that says 0."""
    if pod.own_user_namespace and given.pod_security >= 35:
        return
    for spot in pod.levels:
        user = USER.of(spot)
        if user == 0:
            observed = f"0 ({_heirs(pod)})" if spot is pod else observe(user)
            yield Violation(USER.at(spot), observed=observed, wanted="be absent or above 0")


def _heirs(pod: PodView) -> str:
    heirs = [container.name for container in pod.containers if USER.of(container) is None]
    if not heirs:
        return "a default that every container overrides"
    return f"{', '.join(heirs)} {'runs' if len(heirs) == 1 else 'run'} as root by it"


RULE = PodRule(
    slug="root-user",
    doc=__doc__,
    severity=Severity.HIGH,
    profile=Profile.RESTRICTED,
    stride=frozenset({Stride.ELEVATION}),
    references=(PodSecurity("runAsUser", since=23), CisDocker("4.1"), CisKubernetes("5.2.7")),
    threats=frozenset({"root-container-process"}),
    check=check,
    examples=(
        bad("at the container", "containers: [{name: app, securityContext: {runAsUser: 0}}]"),
        bad("at the pod", "securityContext: {runAsUser: 0}"),
        bad(
            "at the pod, overridden by every container",
            "{securityContext: {runAsUser: 0}, containers: [{name: app, securityContext: {runAsUser: 1000}}]}",
        ),
        bad(
            "in a user namespace, before version 1.35",
            "{hostUsers: false, securityContext: {runAsUser: 0}}",
            given=Given(pod_security=34),
        ),
        good("in a user namespace", "{hostUsers: false, securityContext: {runAsUser: 0}}"),
        good("another user", "securityContext: {runAsUser: 1000}"),
        good("before version 1.23", "securityContext: {runAsUser: 0}", given=Given(pod_security=22)),
    ),
)
