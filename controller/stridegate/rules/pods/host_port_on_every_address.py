"""A port of the node is open on every address that the node has.

Threat: what was meant for one network is reached from all of them, the internet's included.
Check: every `hostPort` names its `hostIP`, and not one that means every address (0.0.0.0, ::). Under `hostNetwork` every
container port is one, as the API server writes it out.
Fix: name the address. There is no automatic fix: only a human knows which network is meant.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator

from stridegate.model.places import Field
from stridegate.model.references import CisDocker
from stridegate.model.rules import Given, PodRule, Violation, bad, good, observe
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile, Severity, Stride, ValueKind

HOST_IP = Field[str]("hostIP")


def check(pod: PodView, _: Given) -> Iterable[Violation]:
    """Yield every port of the node that is not bound to one address."""
    return _unbound(pod) if pod.node_ports else ()


def _unbound(pod: PodView) -> Iterator[Violation]:
    for spot, port, number, _implied in pod.node_ports:
        if not _one_address(port.hostIP or ""):
            wanted = f"be one address of the node, for port {number}"
            value = f"{number}/{port.protocol or 'TCP'}"
            yield Violation(HOST_IP.at(spot), observed=observe(port.hostIP), wanted=wanted, value=value)


def _one_address(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return not (mapped or address).is_unspecified


RULE = PodRule(
    slug="host-port-on-every-address",
    doc=__doc__,
    severity=Severity.MEDIUM,
    profile=Profile.HARDENED,
    stride=frozenset({Stride.SPOOFING, Stride.INFORMATION_DISCLOSURE}),
    references=(CisDocker("5.14", before_1_6="5.13"),),
    threats=frozenset({"unbound-host-port", "internet-reachable-nodes"}),
    check=check,
    value=ValueKind.PORT,
    examples=(
        bad(
            "without an address",
            "containers: [{name: app, ports: [{containerPort: 8080, hostPort: 80}]}]",
            also=("host-port",),
        ),
        bad(
            "every address of IPv4",
            "containers: [{name: app, ports: [{containerPort: 8080, hostPort: 80, hostIP: 0.0.0.0}]}]",
            also=("host-port",),
        ),
        bad(
            "every address of IPv6",
            "containers: [{name: app, ports: [{containerPort: 8080, hostPort: 80, hostIP: '::'}]}]",
            also=("host-port",),
        ),
        bad(
            "every address, spelled at length",
            "containers: [{name: app, ports: [{containerPort: 8080, hostPort: 80, hostIP: '0::0:0'}]}]",
            also=("host-port",),
        ),
        bad(
            "every address of IPv4 within IPv6",
            "containers: [{name: app, ports: [{containerPort: 8080, hostPort: 80, hostIP: '::ffff:0.0.0.0'}]}]",
            also=("host-port",),
        ),
        bad(
            "no address at all",
            "containers: [{name: app, ports: [{containerPort: 8080, hostPort: 80, hostIP: any}]}]",
            also=("host-port",),
        ),
        bad(
            "implied by hostNetwork",
            "{hostNetwork: true, containers: [{name: app, ports: [{containerPort: 8080}]}]}",
            also=("host-network", "host-port"),
        ),
        good(
            "one address",
            "containers: [{name: app, ports: [{containerPort: 8080, hostPort: 80, hostIP: 192.0.2.1}]}]",
            also=("host-port",),
        ),
        good("zero is no port", "containers: [{name: app, ports: [{containerPort: 8080, hostPort: 0}]}]"),
        good("a port of the pod", "containers: [{name: app, ports: [{containerPort: 8080}]}]"),
    ),
)
