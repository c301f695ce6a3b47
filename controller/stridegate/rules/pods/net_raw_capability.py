"""A container keeps the right to forge packets.

Threat: with NET_RAW, which Docker and containerd hand out by default, it spoofs addresses, answers for its neighbours
(ARP, DNS, router advertisements) and reads traffic that is not its own.
Check: every Linux container drops `ALL` or `NET_RAW`, and adds neither. A drop counts only in this spelling, since
runtimes disagree on every other; an addition counts in any.
Fix: drop NET_RAW. Safe: hardly anything but ping of old needs it, and ping has had another way since Linux 3.0.
"""

from __future__ import annotations

from collections.abc import Iterator

from stridegate.model.edits import Append, Patch
from stridegate.model.places import Field
from stridegate.model.references import CisDocker, CisKubernetes
from stridegate.model.rules import Given, PodRule, Violation, bad, good, observe
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile, Safety, Severity, Stride, ValueKind

ADDED = Field[tuple[str, ...]]("securityContext.capabilities.add")
DROPPED = Field[tuple[str, ...]]("securityContext.capabilities.drop")


def check(pod: PodView, _: Given) -> Iterator[Violation]:
    """Yield every container that keeps the capability, and every one that adds it."""
    if pod.windows:
        return
    for container in pod.containers:
        capabilities = container.context.capabilities
        dropped, added = ((), None) if capabilities is None else (capabilities.drop or (), capabilities.add)
        if not added and "ALL" in dropped:
            continue
        regained = container.added_capabilities & {"NET_RAW", "ALL"} if added else ()
        for name in sorted(regained):
            yield Violation(ADDED.at(container), observed=observe(added), wanted=f"not list {name}", value=name)
        if "ALL" not in dropped and "NET_RAW" not in dropped:
            place = DROPPED.at(container)
            misspelled = any(name.strip().upper().removeprefix("CAP_") in {"NET_RAW", "ALL"} for name in dropped)
            # A runtime ignores the field on privileged containers; what is added is never taken away.
            patch = (
                None
                if regained or container.privileged
                else Patch.fill(Append(place, ("NET_RAW",)), safety=Safety.SAFE)
            )
            yield Violation(
                place,
                observed=observe(dropped or None),
                wanted="write NET_RAW in exactly this spelling" if misspelled else "list NET_RAW or ALL",
                patch=patch,
            )


RULE = PodRule(
    slug="net-raw-capability",
    doc=__doc__,
    severity=Severity.HIGH,
    profile=Profile.HARDENED,
    stride=frozenset({Stride.SPOOFING}),
    references=(CisDocker("5.4", before_1_6="5.3"), CisKubernetes("5.2.8")),
    threats=frozenset({"network-spoofing-to-host", "net-raw-by-default"}),
    check=check,
    value=ValueKind.CAPABILITY,
    examples=(
        bad(
            "no capabilities at all",
            "containers: [{name: app, securityContext: {capabilities: null}}]",
            also=("undropped-capabilities",),
        ),
        bad(
            "an empty map",
            "containers: [{name: app, securityContext: {capabilities: {drop: null}}}]",
            also=("undropped-capabilities",),
        ),
        bad(
            "a drop that one runtime ignores",
            "containers: [{name: app, securityContext: {capabilities: {drop: [CAP_NET_RAW]}}}]",
            also=("undropped-capabilities",),
        ),
        bad(
            "lower case",
            "containers: [{name: app, securityContext: {capabilities: {drop: [all, net_raw]}}}]",
            also=("undropped-capabilities",),
        ),
        bad(
            "dropped and added",
            "containers: [{name: app, securityContext: {capabilities: {drop: [NET_RAW], add: [NET_RAW]}}}]",
            also=("undropped-capabilities", "dangerous-capability"),
        ),
        bad(
            "added in another spelling",
            "containers: [{name: app, securityContext: {capabilities: {drop: [ALL], add: [' cap_net_raw ']}}}]",
            also=("dangerous-capability",),
        ),
        bad(
            "everything added",
            "containers: [{name: app, securityContext: {capabilities: {drop: [ALL], add: [all]}}}]",
            also=("dangerous-capability",),
        ),
        good(
            "dropped alone",
            "containers: [{name: app, securityContext: {capabilities: {drop: [NET_RAW]}}}]",
            also=("undropped-capabilities",),
        ),
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
    ),
)
