"""A pod's users are the node's.

Threat: root in a container that breaks out is root on the node, and two pods' users with one number are one user.
Check: `hostUsers` is `false`. Windows has no such field.
Fix: set it to `false`. Risky: it wants nodes with user namespaces and volumes that can map users (KEP-127). Not with the
node's network, processes or IPC, nor with raw block devices, where the API server refuses it.
"""

from __future__ import annotations

from collections.abc import Iterable

from stridegate.model.edits import Patch
from stridegate.model.places import Field
from stridegate.model.references import CisDocker
from stridegate.model.rules import Given, PodRule, Violation, bad, good, observe
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile, Safety, Severity, Stride

HOST_USERS = Field[bool]("hostUsers")


def check(pod: PodView, _: Given) -> Iterable[Violation]:
    """Yield the field where it does not say false."""
    if pod.own_user_namespace or pod.windows:
        return ()
    users = pod.shape.hostUsers
    patch = Patch.assign(HOST_USERS.at(pod), False, was=users, safety=Safety.RISKY) if _may_have_its_own(pod) else None
    return (Violation(HOST_USERS.at(pod), observed=observe(users), wanted="be false", patch=patch),)


def _may_have_its_own(pod: PodView) -> bool:
    spec = pod.shape
    if spec.hostNetwork or spec.hostPID or spec.hostIPC:
        return False
    return not any(container.shape.volumeDevices for container in pod.containers)


RULE = PodRule(
    slug="host-user-namespace",
    doc=__doc__,
    severity=Severity.LOW,
    profile=Profile.ADVISORY,
    stride=frozenset({Stride.ELEVATION}),
    references=(CisDocker("5.31", before_1_6="5.30"),),
    threats=frozenset({"cross-container-access"}),
    check=check,
    examples=(
        bad("absent", "{}"),
        bad("explicit true", "hostUsers: true"),
        bad("with the node's network", "hostNetwork: true", also=("host-network",)),
        good("its own", "hostUsers: false"),
        good(
            "windows",
            """
            os: {name: windows}
            securityContext: {seccompProfile: null}
            containers: [{name: app, securityContext: null}]
            """,
        ),
    ),
)
