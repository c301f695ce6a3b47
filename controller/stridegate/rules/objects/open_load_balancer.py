"""A Service lets everybody in.

Threat: a load balancer that the cloud makes answers the whole internet where nobody says otherwise, and what stands behind
it is found and tried within minutes.
Check: a Service of type LoadBalancer has `loadBalancerSourceRanges`, and they are not every address there is, be it in one
(`0.0.0.0/0`, `::/0`) or in pieces, nor more than 4,000. The older annotation does not count: not every provider reads it.
Fix: list the ranges that may connect. There is no automatic fix: only a human knows them.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from stridegate.model.object_views import ServiceView
from stridegate.model.places import Field
from stridegate.model.rules import Given, ServiceRule, Violation, bad, good, observe
from stridegate.model.vocabulary import Profile, Severity, Stride

RANGES = Field[tuple[str, ...]]("loadBalancerSourceRanges")


# No cloud's firewall takes more (Azure's takes as many); looking at each costs its author nothing, and us time.
_MOST_RANGES = 4000


def check(service: ServiceView, _: Given) -> Iterable[Violation]:
    """Yield the ranges where there are none, or where one of them bounds nothing."""
    if service.shape.type != "LoadBalancer":
        return ()
    ranges = RANGES.of(service)
    if ranges and not _unbounded(ranges):
        return ()
    observed = observe(ranges or None)
    return (Violation(RANGES.at(service), observed=observed, wanted="list the addresses that may connect"),)


def _unbounded(ranges: tuple[str, ...]) -> bool:
    """Whether ranges have every address of IPv4, or of IPv6, among them; what is no range, and too many, bound nothing."""
    if len(ranges) > _MOST_RANGES:
        return True
    try:
        # The API server takes blanks around a range (`ValidateService`).
        networks = [ipaddress.ip_network(each.strip(), strict=False) for each in ranges]
    except ValueError:
        return True
    four = [each for each in networks if isinstance(each, ipaddress.IPv4Network)]
    six = [each for each in networks if isinstance(each, ipaddress.IPv6Network)]
    lengths = {each.prefixlen for each in ipaddress.collapse_addresses(four)}
    return 0 in lengths or 0 in {each.prefixlen for each in ipaddress.collapse_addresses(six)}


RULE = ServiceRule(
    slug="open-load-balancer",
    doc=__doc__,
    severity=Severity.LOW,
    profile=Profile.ADVISORY,
    stride=frozenset({Stride.INFORMATION_DISCLOSURE, Stride.DENIAL_OF_SERVICE}),
    references=(),
    threats=frozenset({"internet-reachable-nodes"}),
    check=check,
    examples=(
        bad("no ranges", "type: LoadBalancer"),
        bad("an empty list", "type: LoadBalancer\nloadBalancerSourceRanges: []"),
        bad("everybody", "type: LoadBalancer\nloadBalancerSourceRanges: [192.0.2.0/24, 0.0.0.0/0]"),
        bad("everybody with IPv6", "type: LoadBalancer\nloadBalancerSourceRanges: ['::/0']"),
        bad("everybody in halves", "type: LoadBalancer\nloadBalancerSourceRanges: [0.0.0.0/1, 128.0.0.0/1]"),
        good("some", "type: LoadBalancer\nloadBalancerSourceRanges: [192.0.2.0/24, '2001:db8::/32']"),
        good("inside the cluster", "{}"),
        good("a port of every node", "type: NodePort"),
    ),
)
