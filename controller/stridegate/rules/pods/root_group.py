"""A container belongs to the root group.

Threat: much of what root owns, on volumes and in images, is writable for its group: the user is another, the power is not.
Check: `runAsGroup` is effectively not 0 on any container, and the pod's `supplementalGroups` and `fsGroup` name no 0.
Windows has no such fields.
Fix: use a group that owns what the application writes. There is no automatic fix: a group id is never invented.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from stridegate.model.places import Field
from stridegate.model.references import CisDocker, CisKubernetes
from stridegate.model.rules import Given, PodRule, Violation, bad, good, observe
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile, Severity, Stride

GROUP = Field[int]("securityContext.runAsGroup")
VOLUMES = Field[int]("securityContext.fsGroup")
FURTHER = Field[tuple[int, ...]]("securityContext.supplementalGroups")


def check(pod: PodView, _: Given) -> Iterable[Violation]:
    """Yield every place that makes a container one of root's."""
    context = pod.context
    if context.runAsGroup == 0 or context.fsGroup == 0 or context.supplementalGroups:
        return _roots(pod)
    for container in pod.containers:
        if container.context.runAsGroup == 0:
            return _roots(pod)
    return ()


def _roots(pod: PodView) -> Iterator[Violation]:
    if pod.windows:
        return
    heirs = False
    for container in pod.containers:
        own = GROUP.of(container)
        heirs |= own is None
        if own == 0:
            yield Violation(GROUP.at(container), observed="0", wanted="be absent or above 0")
    if heirs and GROUP.of(pod) == 0:
        yield Violation(GROUP.at(pod), observed="0", wanted="be absent or above 0")
    if VOLUMES.of(pod) == 0:
        yield Violation(VOLUMES.at(pod), observed="0", wanted="be absent or above 0")
    further = FURTHER.of(pod) or ()
    if 0 in further:
        yield Violation(FURTHER.at(pod), observed=observe(further), wanted="not list 0")


RULE = PodRule(
    slug="root-group",
    doc=__doc__,
    severity=Severity.MEDIUM,
    profile=Profile.HARDENED,
    stride=frozenset({Stride.ELEVATION}),
    references=(CisDocker("4.1"), CisKubernetes("5.2.7")),
    threats=frozenset({"root-container-process"}),
    check=check,
    examples=(
        bad("at the container", "containers: [{name: app, securityContext: {runAsUser: 1000, runAsGroup: 0}}]"),
        bad("at the pod", "securityContext: {runAsUser: 1000, runAsGroup: 0}"),
        bad("beside others", "securityContext: {supplementalGroups: [1000, 0]}"),
        bad("on volumes", "securityContext: {fsGroup: 0}"),
        good("another group", "securityContext: {runAsUser: 1000, runAsGroup: 1000, fsGroup: 2000}"),
        good(
            "overridden by every container",
            """
            securityContext: {runAsUser: 1000, runAsGroup: 0}
            containers: [{name: app, securityContext: {runAsGroup: 1000}}]
            """,
        ),
    ),
)
