"""A probe or a lifecycle hook goes to a host of the author's choice.

Threat: the kubelet makes the request, from the node's network: the author reaches what only nodes reach (cloud
metadata, other pods past NetworkPolicies, the node itself) and a container is called healthy because something else
answers.
Check: `host` of every httpGet and tcpSocket in probes and lifecycle hooks is absent or empty, from version 1.34 of the
Pod Security Standards on.
Fix: take `host` out, so that the pod's own address is probed. Risky: what answered before may not be this container.
"""

from __future__ import annotations

from collections.abc import Iterator

from stridegate.model.edits import Patch, Remove
from stridegate.model.references import PodSecurity
from stridegate.model.rules import Given, PodRule, Violation, bad, good
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile, Severity, Stride


def check(pod: PodView, _: Given) -> Iterator[Violation]:
    """Yield every host that a handler names."""
    for container in pod.containers:
        for handler, action, target in container.host_targets():
            if target.host:
                place = container.place(*handler, action, "host")
                yield Violation(
                    place,
                    observed=target.host,
                    wanted="be absent",
                    patch=Patch.override(Remove(place)),
                    value=target.host,
                )


RULE = PodRule(
    slug="probe-host-override",
    doc=__doc__,
    severity=Severity.MEDIUM,
    profile=Profile.BASELINE,
    stride=frozenset({Stride.SPOOFING, Stride.INFORMATION_DISCLOSURE}),
    references=(PodSecurity("hostProbesAndHostLifecycle", since=34),),
    threats=frozenset({"network-spoofing-to-host"}),
    check=check,
    examples=(
        bad("liveness", "containers: [{name: app, livenessProbe: {httpGet: {port: 80, host: 169.254.169.254}}}]"),
        bad("readiness", "containers: [{name: app, readinessProbe: {tcpSocket: {port: 80, host: 127.0.0.1}}}]"),
        bad("startup, IPv6", "containers: [{name: app, startupProbe: {tcpSocket: {port: 80, host: '::1'}}}]"),
        bad("a hook", "containers: [{name: app, lifecycle: {preStop: {httpGet: {port: 80, host: example.com}}}}]"),
        bad("the other hook", "containers: [{name: app, lifecycle: {postStart: {httpGet: {port: 80, host: x}}}}]"),
        bad("a hook's socket", "containers: [{name: app, lifecycle: {preStop: {tcpSocket: {port: 80, host: x}}}}]"),
        good("empty is absent", "containers: [{name: app, livenessProbe: {httpGet: {port: 80, host: ''}}}]"),
        good("a command", "containers: [{name: app, livenessProbe: {exec: {command: [/ready]}}}]"),
        good(
            "before version 1.34",
            "containers: [{name: app, livenessProbe: {httpGet: {port: 80, host: example.com}}}]",
            given=Given(pod_security=33),
        ),
    ),
)
