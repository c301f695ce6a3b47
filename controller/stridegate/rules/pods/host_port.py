"""A container takes a port of the node.

Threat: it can stand in for a service of the node, and is reached from outside past NetworkPolicies and Services.
Check: no port has a `hostPort` other than 0. Under `hostNetwork` every container port is one, as the API server writes
it out.
Fix: take it out and publish the port with a Service. There is no automatic fix: a client may know the node's address.
"""

from __future__ import annotations

from collections.abc import Iterator

from stridegate.model.places import Field
from stridegate.model.references import CisDocker, CisKubernetes, PodSecurity
from stridegate.model.rules import Given, PodRule, Violation, bad, good
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile, Severity, Stride, ValueKind

HOST_PORT = Field[int]("hostPort")


def check(pod: PodView, _: Given) -> Iterator[Violation]:
    """Yield every port of a container that is one of the node as well."""
    for port in pod.node_ports:
        yield Violation(
            HOST_PORT.at(port.spot),
            observed=f"{port.number}, implied by hostNetwork" if port.implied else str(port.number),
            wanted="be absent",
            value=f"{port.number}/{port.shape.protocol or 'TCP'}",
        )


RULE = PodRule(
    slug="host-port",
    doc=__doc__,
    severity=Severity.MEDIUM,
    profile=Profile.BASELINE,
    stride=frozenset({Stride.SPOOFING, Stride.INFORMATION_DISCLOSURE}),
    references=(
        PodSecurity("hostPorts"),
        CisDocker("5.8", before_1_6="5.7"),
        CisDocker("5.14", before_1_6="5.13"),
        CisKubernetes("5.2.12", before_1_12="5.2.13"),
    ),
    threats=frozenset({"unbound-host-port", "network-spoofing-to-host"}),
    check=check,
    value=ValueKind.PORT,
    examples=(
        bad(
            "a port of the node",
            "containers: [{name: app, ports: [{containerPort: 8080, hostPort: 80}]}]",
            also=("host-port-on-every-address",),
        ),
        bad(
            "on one address of the node",
            "containers: [{name: app, ports: [{containerPort: 8080, hostPort: 80, hostIP: 127.0.0.1}]}]",
        ),
        bad(
            "implied by hostNetwork",
            "{hostNetwork: true, containers: [{name: app, ports: [{containerPort: 8080}]}]}",
            also=("host-network", "host-port-on-every-address"),
        ),
        good("zero is none", "containers: [{name: app, ports: [{containerPort: 8080, hostPort: 0}]}]"),
        good("a port of the pod", "containers: [{name: app, ports: [{containerPort: 8080}]}]"),
    ),
)
