"""A pod sets a kernel parameter that is not known to be safe.

Threat: many parameters reach beyond the pod's namespaces: they slow, starve or crash the node, or change how its
neighbours' traffic is handled.
Check: `sysctls` names only kernel.shm_rmid_forced and, below net.ipv4., ip_local_port_range, tcp_syncookies,
ping_group_range and ip_unprivileged_port_start; from version 1.27 on ip_local_reserved_ports; from 1.29
tcp_keepalive_time, tcp_keepalive_intvl, tcp_keepalive_probes and tcp_fin_timeout; from 1.32 tcp_rmem and tcp_wmem; from
1.37 tcp_slow_start_after_idle and tcp_notsent_lowat. The spelling with slashes is refused.
Fix: take it out, or exempt this one workload. There is no automatic fix.
"""

from __future__ import annotations

from collections.abc import Iterator

from stridegate.model.references import PodSecurity
from stridegate.model.rules import Given, PodRule, Violation, bad, good, observe
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile, Severity, Stride

# The minor version that first allows each name.
_SAFE_SINCE = {
    "kernel.shm_rmid_forced": 0,
    "net.ipv4.ip_local_port_range": 0,
    "net.ipv4.tcp_syncookies": 0,
    "net.ipv4.ping_group_range": 0,
    "net.ipv4.ip_unprivileged_port_start": 0,
    "net.ipv4.ip_local_reserved_ports": 27,
    "net.ipv4.tcp_keepalive_time": 29,
    "net.ipv4.tcp_keepalive_intvl": 29,
    "net.ipv4.tcp_keepalive_probes": 29,
    "net.ipv4.tcp_fin_timeout": 29,
    "net.ipv4.tcp_rmem": 32,
    "net.ipv4.tcp_wmem": 32,
    "net.ipv4.tcp_slow_start_after_idle": 37,
    "net.ipv4.tcp_notsent_lowat": 37,
}
_NEVER = 1_000


def check(pod: PodView, given: Given) -> Iterator[Violation]:
    """Yield every name that the version does not allow."""
    for index, sysctl in enumerate(pod.context.sysctls or ()):
        name = sysctl.name or ""
        since = _SAFE_SINCE.get(name, _NEVER)
        if since > given.pod_security:
            spot = pod.element("securityContext.sysctls", index, sysctl, name or index)
            wanted = f"be one that v1.{given.pod_security} calls safe"
            yield Violation(spot.place("name"), observed=observe(name), wanted=wanted, value=name)


RULE = PodRule(
    slug="unsafe-sysctl",
    doc=__doc__,
    severity=Severity.HIGH,
    profile=Profile.BASELINE,
    stride=frozenset({Stride.TAMPERING, Stride.DENIAL_OF_SERVICE}),
    references=(PodSecurity("sysctls"),),
    threats=frozenset({"isolation-tampering"}),
    check=check,
    examples=(
        bad("not known to be safe", "securityContext: {sysctls: [{name: kernel.msgmax, value: '65536'}]}"),
        bad("with slashes", "securityContext: {sysctls: [{name: net/ipv4/tcp_syncookies, value: '1'}]}"),
        bad(
            "before version 1.29",
            "securityContext: {sysctls: [{name: net.ipv4.tcp_fin_timeout, value: '30'}]}",
            given=Given(pod_security=28),
        ),
        good(
            "from version 1.29 on",
            "securityContext: {sysctls: [{name: net.ipv4.tcp_fin_timeout, value: '30'}]}",
            given=Given(pod_security=29),
        ),
        good("known from the start", "securityContext: {sysctls: [{name: net.ipv4.tcp_syncookies, value: '1'}]}"),
    ),
)
