"""A pod shares the node's inter-process communication.

Threat: shared memory, semaphores and message queues of every process on the node are open to reading and tampering.
Check: `hostIPC` is `false` or absent.
Fix: take it out; containers of one pod share theirs already. There is no automatic fix: whoever asks for it depends on
it.
"""

from __future__ import annotations

from collections.abc import Iterator

from stridegate.model.places import Field
from stridegate.model.references import CisDocker, CisKubernetes, PodSecurity
from stridegate.model.rules import Given, PodRule, Violation, bad, good, observe
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile, Severity, Stride

HOST_IPC = Field[bool]("hostIPC")


def check(pod: PodView, _: Given) -> Iterator[Violation]:
    """Yield the field where it says true."""
    shared = HOST_IPC.of(pod)
    if shared:
        yield Violation(HOST_IPC.at(pod), observed=observe(shared), wanted="be false or absent")


RULE = PodRule(
    slug="host-ipc",
    doc=__doc__,
    severity=Severity.HIGH,
    profile=Profile.BASELINE,
    stride=frozenset({Stride.TAMPERING, Stride.INFORMATION_DISCLOSURE}),
    references=(
        PodSecurity("hostNamespaces"),
        CisDocker("5.17", before_1_6="5.16"),
        CisKubernetes("5.2.4"),
    ),
    threats=frozenset({"isolation-tampering", "container-escape"}),
    check=check,
    examples=(
        bad("explicit true", "hostIPC: true"),
        bad("in a user namespace of its own", "{hostIPC: true, hostUsers: false}", valid=False),
        good("explicit false", "hostIPC: false"),
    ),
)
