"""A Windows container runs as its administrator.

Threat: ContainerAdministrator may change everything in the container, load drivers' helpers and use every privilege that
the kernel, which is the node's, hands out.
Check: no container effectively names ContainerAdministrator, Administrator or SYSTEM in `windowsOptions.runAsUserName`, in
any spelling, with or without a domain.
Fix: run as ContainerUser. There is no automatic fix: the image may have been built for the administrator.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from stridegate.model.places import Field
from stridegate.model.pods import WindowsOptions
from stridegate.model.references import CisDocker
from stridegate.model.rules import Given, PodRule, Violation, bad, good, observe
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile, Severity, Stride

OPTIONS = Field[WindowsOptions]("securityContext.windowsOptions")
NAME = Field[str]("securityContext.windowsOptions.runAsUserName")

# Whoever is SYSTEM (`NT AUTHORITY\SYSTEM`) may do what administrators may, and more.
_ADMINISTRATORS = frozenset({"containeradministrator", "administrator", "system"})


def check(pod: PodView, _: Given) -> Iterable[Violation]:
    """Yield every place that makes a container run so; on Linux the field means nothing, and nobody writes it."""
    return _administered(pod) if pod.present(OPTIONS) else ()


def _administered(pod: PodView) -> Iterator[Violation]:
    heirs = False
    for container in pod.containers:
        own = NAME.of(container)
        heirs |= own is None
        if own is not None and _administrator(own):
            yield Violation(
                NAME.at(container),
                observed=observe(own),
                wanted="name ContainerUser, or somebody else who is no administrator",
            )
    default = NAME.of(pod)
    if heirs and default is not None and _administrator(default):
        yield Violation(
            NAME.at(pod),
            observed=observe(default),
            wanted="name ContainerUser, or somebody else who is no administrator",
        )


def _administrator(name: str) -> bool:
    return name.rpartition("\\")[2].strip().casefold() in _ADMINISTRATORS


RULE = PodRule(
    slug="windows-administrator",
    doc=__doc__,
    severity=Severity.HIGH,
    profile=Profile.HARDENED,
    stride=frozenset({Stride.ELEVATION}),
    references=(CisDocker("4.1"),),
    check=check,
    examples=(
        bad(
            "at the pod",
            """
            os: {name: windows}
            securityContext: {seccompProfile: null, windowsOptions: {runAsUserName: ContainerAdministrator}}
            containers: [{name: app, securityContext: null}]
            """,
        ),
        bad(
            "at the container, in another case",
            """
            os: {name: windows}
            securityContext: {seccompProfile: null, windowsOptions: {runAsUserName: ContainerUser}}
            containers:
            - name: app
              securityContext:
                allowPrivilegeEscalation: null
                readOnlyRootFilesystem: null
                capabilities: null
                windowsOptions: {runAsUserName: containeradministrator}
            """,
        ),
        bad(
            "with a domain",
            r"""
            os: {name: windows}
            securityContext: {seccompProfile: null, windowsOptions: {runAsUserName: 'User Manager\ContainerAdministrator'}}
            containers: [{name: app, securityContext: null}]
            """,
        ),
        bad(
            "the system itself",
            r"""
            os: {name: windows}
            securityContext: {seccompProfile: null, windowsOptions: {runAsUserName: 'NT AUTHORITY\SYSTEM'}}
            containers: [{name: app, securityContext: null}]
            """,
        ),
        good(
            "a service",
            r"""
            os: {name: windows}
            securityContext: {seccompProfile: null, windowsOptions: {runAsUserName: 'NT AUTHORITY\NETWORK SERVICE'}}
            containers: [{name: app, securityContext: null}]
            """,
        ),
        good(
            "the user",
            """
            os: {name: windows}
            securityContext: {seccompProfile: null, windowsOptions: {runAsUserName: ContainerUser}}
            containers: [{name: app, securityContext: null}]
            """,
        ),
        good(
            "overridden by every container",
            """
            os: {name: windows}
            securityContext: {seccompProfile: null, windowsOptions: {runAsUserName: ContainerAdministrator}}
            containers:
            - name: app
              securityContext:
                allowPrivilegeEscalation: null
                readOnlyRootFilesystem: null
                capabilities: null
                windowsOptions: {runAsUserName: ContainerUser}
            """,
        ),
    ),
)
