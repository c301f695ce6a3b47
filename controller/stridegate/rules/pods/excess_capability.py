"""A container adds a capability of the default set back.

Threat: CHOWN, SETUID, DAC_OVERRIDE and their like let a process inside the container become another user and pass over
file permissions, which most exploits need.
Check: of the thirteen default capabilities `capabilities.add` lists only NET_BIND_SERVICE, from version 1.22 of the
Pod Security Standards on. What is outside the thirteen is found by dangerous-capability. Windows pods are skipped from
version 1.25 on.
Fix: take it out, and let the image run as a user that owns its files. There is no automatic fix.
"""

from __future__ import annotations

from collections.abc import Iterator

from stridegate.model.places import Field
from stridegate.model.references import CisDocker, CisKubernetes, PodSecurity
from stridegate.model.rules import Given, PodRule, Violation, bad, good, observe
from stridegate.model.views import PodView
from stridegate.model.vocabulary import DEFAULT_CAPABILITIES, Profile, Severity, Stride, ValueKind

ADDED = Field[tuple[str, ...]]("securityContext.capabilities.add")


def check(pod: PodView, given: Given) -> Iterator[Violation]:
    """Yield every such capability of every container."""
    if pod.windows and given.pod_security >= 25:
        return
    for container in pod.containers:
        added = ADDED.of(container)
        if added:
            for name in dict.fromkeys(added):
                if name in DEFAULT_CAPABILITIES and name != "NET_BIND_SERVICE":
                    yield Violation(ADDED.at(container), observe(name), wanted=f"not list {name}", value=name)


RULE = PodRule(
    slug="excess-capability",
    doc=__doc__,
    severity=Severity.MEDIUM,
    profile=Profile.RESTRICTED,
    stride=frozenset({Stride.ELEVATION}),
    references=(
        PodSecurity("capabilities_restricted", since=22),
        CisDocker("5.4", before_1_6="5.3"),
        CisKubernetes("5.2.9", before_1_12="5.2.10"),
    ),
    check=check,
    value=ValueKind.CAPABILITY,
    examples=(
        bad("one of the set", "containers: [{name: app, securityContext: {capabilities: {add: [CHOWN]}}}]"),
        bad(
            "beside the one that is allowed",
            "containers: [{name: app, securityContext: {capabilities: {add: [NET_BIND_SERVICE, SETUID]}}}]",
        ),
        good(
            "the one that is allowed",
            "containers: [{name: app, securityContext: {capabilities: {add: [NET_BIND_SERVICE]}}}]",
        ),
        good(
            "before version 1.22",
            "containers: [{name: app, securityContext: {capabilities: {add: [CHOWN]}}}]",
            given=Given(pod_security=21),
        ),
    ),
)
