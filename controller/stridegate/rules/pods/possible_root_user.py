"""A container may run as root.

Threat: root in a container is root for every file it mounts, and one mistake of kernel or runtime away from root on the
node. What the image's USER is cannot be seen at admission.
Check: `runAsNonRoot` is `true` at the pod or on every container, and nowhere `false`; a user id above 0 alone does not
satisfy the standard. From version 1.35 on pods with a user namespace of their own (`hostUsers: false`) are skipped.
Fix: set it to `true` at the pod, or at the containers where one of the others is root on purpose, or exempted. Safe where
the user id is above 0; risky where the image decides: one whose USER is root, or a name, will not start. A user id is never
invented.
"""

from __future__ import annotations

from collections.abc import Iterator

from stridegate.model.container_views import ContainerView
from stridegate.model.edits import Patch
from stridegate.model.places import Field
from stridegate.model.references import CisDocker, CisKubernetes, PodSecurity
from stridegate.model.rules import Given, PodRule, Violation, bad, good, observe
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile, Safety, Severity, Stride

NON_ROOT = Field[bool]("securityContext.runAsNonRoot")
USER = Field[int]("securityContext.runAsUser")


def check(pod: PodView, given: Given) -> Iterator[Violation]:
    """Yield the pod and every container that says false, and every container for which nobody says true."""
    if pod.own_user_namespace and given.pod_security >= 35:
        return
    default = NON_ROOT.of(pod)
    if default is False:
        yield Violation(NON_ROOT.at(pod), observed=observe(default), wanted="be true")
    silent: list[ContainerView] = []
    for container in pod.containers:
        own = NON_ROOT.of(container)
        if own is False:
            yield Violation(NON_ROOT.at(container), observed=observe(own), wanted="be true")
        elif own is None and default is None:
            silent.append(container)
    if silent:
        whole = _refuse_root(pod)
        for container in silent:
            apart = _refuse_root_of(pod, container)
            yield Violation(
                NON_ROOT.at(container),
                observed=observe(None),
                wanted="be true, here or at the pod",
                patch=apart if whole is None else whole._replace(apart=apart),
            )


def _refuse_root(pod: PodView) -> Patch | None:
    """Return the patch for the whole pod, unless a container is meant to be root."""
    users = {pod.effective(container, USER) for container in pod.containers}
    if 0 in users or any(NON_ROOT.of(container) is False for container in pod.containers):
        return None
    safety = Safety.RISKY if None in users else Safety.SAFE
    return Patch.assign(NON_ROOT.at(pod), True, was=None, safety=safety)


def _refuse_root_of(pod: PodView, container: ContainerView) -> Patch | None:
    user = pod.effective(container, USER)
    if user == 0:
        return None
    safety = Safety.RISKY if user is None else Safety.SAFE
    return Patch.assign(NON_ROOT.at(container), True, was=None, safety=safety)


RULE = PodRule(
    slug="possible-root-user",
    doc=__doc__,
    severity=Severity.HIGH,
    profile=Profile.RESTRICTED,
    stride=frozenset({Stride.ELEVATION}),
    references=(PodSecurity("runAsNonRoot"), CisDocker("4.1"), CisKubernetes("5.2.7")),
    threats=frozenset({"root-container-process", "late-privilege-drop", "dockerfile-misconfiguration"}),
    check=check,
    examples=(
        bad("nobody says", "securityContext: {runAsNonRoot: null}"),
        bad("a user id alone", "securityContext: {runAsNonRoot: null, runAsUser: 1000}"),
        bad("the container says false", "containers: [{name: app, securityContext: {runAsNonRoot: false}}]"),
        bad(
            "the pod says false, the container true",
            """
            securityContext: {runAsNonRoot: false}
            containers: [{name: app, securityContext: {runAsNonRoot: true}}]
            """,
        ),
        bad(
            "root by number",
            "securityContext: {runAsNonRoot: null, runAsUser: 0}",
            also=("root-user",),
        ),
        bad(
            "in a user namespace, before version 1.35",
            "{hostUsers: false, securityContext: {runAsNonRoot: null}}",
            given=Given(pod_security=34),
        ),
        good("in a user namespace", "{hostUsers: false, securityContext: {runAsNonRoot: null}}"),
        good(
            "on every container",
            """
            securityContext: {runAsNonRoot: null}
            containers: [{name: app, securityContext: {runAsNonRoot: true}}]
            """,
        ),
    ),
)
