"""A container adds a capability outside the default set.

Threat: NET_ADMIN, SYS_PTRACE, SYS_ADMIN and their like are parts of root: each opens the node, its network or its
neighbours in its own way.
Check: `capabilities.add` lists only AUDIT_WRITE, CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, MKNOD, NET_BIND_SERVICE,
SETFCAP, SETGID, SETPCAP, SETUID and SYS_CHROOT, spelled exactly so: `CAP_CHOWN` is refused as well. At the restricted
level Windows pods are skipped from version 1.25 on.
Fix: take it out, or exempt this one capability for this one container. There is no automatic fix.
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
    if pod.windows and given.pod_security >= 25 and given.profile >= Profile.RESTRICTED:
        # The restricted check, which skips Windows pods, takes the place of the baseline one.
        return
    for container in pod.containers:
        added = ADDED.of(container)
        if added:
            for name in dict.fromkeys(added):
                if name not in DEFAULT_CAPABILITIES:
                    yield Violation(ADDED.at(container), observe(name), wanted=f"not list {name}", value=name)


RULE = PodRule(
    slug="dangerous-capability",
    doc=__doc__,
    severity=Severity.HIGH,
    profile=Profile.BASELINE,
    stride=frozenset({Stride.ELEVATION}),
    references=(
        PodSecurity("capabilities_baseline"),
        PodSecurity("capabilities_restricted", since=22),
        CisDocker("5.4", before_1_6="5.3"),
        CisKubernetes(None, before_1_12="5.2.9"),
    ),
    threats=frozenset({"privileged-pod-abuse"}),
    check=check,
    value=ValueKind.CAPABILITY,
    examples=(
        bad("outside the set", "containers: [{name: app, securityContext: {capabilities: {add: [SYS_TIME]}}}]"),
        bad("another spelling", "containers: [{name: app, securityContext: {capabilities: {add: [CAP_CHOWN]}}}]"),
        bad(
            "everything",
            "containers: [{name: app, securityContext: {capabilities: {add: [ALL]}}}]",
            also=("net-raw-capability",),
        ),
        bad(
            "raw sockets",
            "containers: [{name: app, securityContext: {capabilities: {add: [NET_RAW]}}}]",
            also=("net-raw-capability",),
        ),
        bad(
            "inside and outside",
            "containers: [{name: app, securityContext: {capabilities: {add: [CHOWN, BPF]}}}]",
            also=("excess-capability",),
        ),
        good("of the set", "containers: [{name: app, securityContext: {capabilities: {add: [NET_BIND_SERVICE]}}}]"),
        good("an empty list", "containers: [{name: app, securityContext: {capabilities: {add: []}}}]"),
    ),
)
