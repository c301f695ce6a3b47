"""A Service claims an address that is not its own.

Threat: every node sends what goes to that address to the Service's pods: whoever may create a Service reads the traffic of
others, to the API server and to the internet alike (CVE-2020-8554).
Check: a request adds no address to `externalIPs`. Keeping an address, or taking one out, passes.
Fix: publish the Service through a LoadBalancer, an Ingress or a Gateway. There is no automatic fix.
"""

from __future__ import annotations

from collections.abc import Iterator

from stridegate.model.object_views import ServiceView
from stridegate.model.references import CisKubernetes
from stridegate.model.rules import Given, ServiceRule, Violation, bad, good, observe
from stridegate.model.vocabulary import Profile, Severity, Stride


def check(service: ServiceView, _: Given) -> Iterator[Violation]:
    """Yield every address, each by its value, so that an update answers for those alone that it adds."""
    place = service.place("externalIPs")
    for address in service.shape.externalIPs or ():
        yield Violation(place, observed=observe(address), wanted="hold no address that the request adds", value=address)


RULE = ServiceRule(
    slug="service-external-ip",
    doc=__doc__,
    severity=Severity.HIGH,
    profile=Profile.HARDENED,
    stride=frozenset({Stride.SPOOFING}),
    references=(CisKubernetes("1.2.3"),),
    check=check,
    examples=(
        bad("an address", "externalIPs: [203.0.113.7]"),
        bad("an address of IPv6", "externalIPs: ['2001:db8::7']"),
        bad(
            "beside a load balancer",
            "type: LoadBalancer\nloadBalancerSourceRanges: [192.0.2.0/24]\nexternalIPs: [203.0.113.7]",
        ),
        good("none", "{}"),
        good("an empty list", "externalIPs: []"),
    ),
)
