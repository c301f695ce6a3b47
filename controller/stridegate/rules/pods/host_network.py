"""A pod shares the node's network.

Threat: it listens on the node's addresses and impersonates what runs there, reads the traffic of every pod, and reaches
what trusts localhost or the node, past every NetworkPolicy.
Check: `hostNetwork` is `false` or absent.
Fix: take it out and publish ports with a Service. There is no automatic fix: whoever asks for it depends on it.
"""

from __future__ import annotations

from collections.abc import Iterator

from stridegate.model.places import Field
from stridegate.model.references import CisDocker, CisKubernetes, PodSecurity
from stridegate.model.rules import Given, PodRule, Violation, bad, good, observe
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile, Severity, Stride

HOST_NETWORK = Field[bool]("hostNetwork")


def check(pod: PodView, _: Given) -> Iterator[Violation]:
    """Yield the field where it says true."""
    shared = HOST_NETWORK.of(pod)
    if shared:
        yield Violation(HOST_NETWORK.at(pod), observed=observe(shared), wanted="be false or absent")


RULE = PodRule(
    slug="host-network",
    doc=__doc__,
    severity=Severity.HIGH,
    profile=Profile.BASELINE,
    stride=frozenset({Stride.SPOOFING, Stride.INFORMATION_DISCLOSURE, Stride.ELEVATION}),
    references=(
        PodSecurity("hostNamespaces"),
        CisDocker("5.10", before_1_6="5.9"),
        CisDocker("5.21", before_1_6="5.20"),
        CisKubernetes("5.2.5"),
    ),
    threats=frozenset({"shared-host-network", "network-spoofing-to-host"}),
    check=check,
    examples=(
        bad("explicit true", "hostNetwork: true"),
        bad(
            "every port becomes one of the node",
            "{hostNetwork: true, containers: [{name: app, ports: [{containerPort: 8080}]}]}",
            also=("host-port", "host-port-on-every-address"),
        ),
        good("explicit false", "hostNetwork: false"),
    ),
)
