"""A pod shares the node's process namespace.

Threat: it sees every process of the node with its arguments and environment, and with the right user or capability
signals them, traces them and reads their files through `/proc/<pid>/root`.
Check: `hostPID` is `false` or absent.
Fix: take it out. There is no automatic fix: whoever asks for it depends on it.
"""

from __future__ import annotations

from collections.abc import Iterator

from stridegate.model.places import Field
from stridegate.model.references import CisDocker, CisKubernetes, PodSecurity
from stridegate.model.rules import Given, PodRule, Violation, bad, good, observe
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile, Severity, Stride

HOST_PID = Field[bool]("hostPID")


def check(pod: PodView, _: Given) -> Iterator[Violation]:
    """Yield the field where it says true."""
    shared = HOST_PID.of(pod)
    if shared:
        yield Violation(HOST_PID.at(pod), observed=observe(shared), wanted="be false or absent")


RULE = PodRule(
    slug="host-pid",
    doc=__doc__,
    severity=Severity.HIGH,
    profile=Profile.BASELINE,
    stride=frozenset({Stride.INFORMATION_DISCLOSURE, Stride.ELEVATION}),
    references=(
        PodSecurity("hostNamespaces"),
        CisDocker("5.16", before_1_6="5.15"),
        CisKubernetes("5.2.3"),
    ),
    threats=frozenset({"isolation-tampering", "container-escape"}),
    check=check,
    examples=(
        bad("explicit true", "hostPID: true"),
        bad("in a user namespace of its own", "{hostPID: true, hostUsers: false}", valid=False),
        good("explicit false", "hostPID: false"),
    ),
)
