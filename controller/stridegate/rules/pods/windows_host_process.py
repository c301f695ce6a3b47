"""A Windows container runs as a process of the node.

Threat: it is no container at all: it has the node's network, files and, as SYSTEM, everything else.
Check: `windowsOptions.hostProcess` is `false` or absent at the pod and on every container.
Fix: take it out. There is no automatic fix: such a pod is written for the node.
"""

from __future__ import annotations

from collections.abc import Iterator

from stridegate.model.places import Field
from stridegate.model.pods import WindowsOptions
from stridegate.model.references import CisKubernetes, PodSecurity
from stridegate.model.rules import Given, PodRule, Violation, bad, good
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile, Severity, Stride

OPTIONS = Field[WindowsOptions]("securityContext.windowsOptions")
HOST_PROCESS = Field[bool]("securityContext.windowsOptions.hostProcess")


def check(pod: PodView, _: Given) -> Iterator[Violation]:
    """Yield the pod and every container that says true."""
    for spot, options in pod.present(OPTIONS):
        if options.hostProcess:
            yield Violation(HOST_PROCESS.at(spot), observed="true", wanted="be false or absent")


RULE = PodRule(
    slug="windows-host-process",
    doc=__doc__,
    severity=Severity.CRITICAL,
    profile=Profile.BASELINE,
    stride=frozenset({Stride.ELEVATION}),
    references=(PodSecurity("windowsHostProcess"), CisKubernetes("5.2.10", before_1_12="5.2.11")),
    check=check,
    examples=(
        bad(
            "at the pod",
            """
            os: {name: windows}
            hostNetwork: true
            securityContext: {seccompProfile: null, windowsOptions: {hostProcess: true}}
            containers: [{name: app, securityContext: null}]
            """,
            also=("host-network",),
        ),
        bad(
            "at the container",
            """
            os: {name: windows}
            hostNetwork: true
            securityContext: {seccompProfile: null}
            containers:
            - name: app
              securityContext:
                allowPrivilegeEscalation: null
                readOnlyRootFilesystem: null
                capabilities: null
                windowsOptions: {hostProcess: true}
            """,
            also=("host-network",),
        ),
        good(
            "explicit false",
            """
            os: {name: windows}
            securityContext: {seccompProfile: null, windowsOptions: {hostProcess: false}}
            containers: [{name: app, securityContext: null}]
            """,
        ),
    ),
)
