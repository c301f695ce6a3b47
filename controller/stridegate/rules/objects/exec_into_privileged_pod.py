"""Somebody runs a command in a guarded pod.

Threat: what a pod may do, whoever gets into it may do too: files of the node, tokens and secrets are one `kubectl exec`
away, and what is typed there leaves no trace in any manifest.
Check: in the `namespaces` that the policy names, `exec` and `attach` are left to members of the `groups` that it names. With
`exec.exact` in the chart they are in every namespace for a pod that is privileged, shares a namespace of the node or runs as
root, or that the webhook does not know yet; without it what guards is the namespace alone, since the API server sends the
options of the connection and not the pod, and nothing is guarded where the policy names none. `port-forward`, and whoever
reaches a kubelet by itself, are not seen. The chart asks the API server for these requests only with `exec.enabled`.
Fix: ask a member of one of the groups, or debug a copy of the pod elsewhere. There is no automatic fix.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from stridegate.model.object_views import ConnectionView
from stridegate.model.objects import Hold
from stridegate.model.places import Field
from stridegate.model.references import CisDocker
from stridegate.model.rules import ConnectionRule, Given, Parameters, Violation, bad, good, observe
from stridegate.model.settings import Setting
from stridegate.model.vocabulary import Profile, Severity, Stride

GROUPS = Field[tuple[str, ...]]("groups")


def check(connection: ConnectionView, given: Given) -> Iterable[Violation]:
    """Yield the user's groups where none of them is let into the namespace, or the pod."""
    allowed = given.parameters.groups
    guarded = connection.shape.namespace in given.parameters.namespaces
    held = _HELD.get(connection.shape.hold, "")
    if not guarded and not held:
        return ()
    groups = GROUPS.of(connection)
    if not set(allowed).isdisjoint(groups or ()):
        return ()
    wanted = (
        f"include one of {observe(allowed)}" if allowed else "include one that the policy lets in, and it names none"
    )
    if not guarded:
        wanted += f", since {held}"
    return (Violation(GROUPS.at(connection), observed=observe(groups), wanted=wanted),)


_HELD: Mapping[Hold | None, str] = {
    Hold.NODE: "the pod is privileged, shares a namespace of the node or runs as root",
    Hold.UNKNOWN: "the webhook does not know this pod yet",
}


_VAULT = Setting(namespace="vault")
_GUARDED = Given(parameters=Parameters(namespaces=("vault",), groups=("vault-keepers", "system:masters")))
_LET_IN = Given(parameters=Parameters(groups=("node-keepers",)))
_CLOSED = Given(parameters=Parameters(namespaces=("vault",)))

RULE = ConnectionRule(
    slug="exec-into-privileged-pod",
    doc=__doc__,
    severity=Severity.HIGH,
    profile=Profile.HARDENED,
    stride=frozenset({Stride.ELEVATION, Stride.REPUDIATION}),
    references=(CisDocker("5.23", before_1_6="5.22"), CisDocker("5.24", before_1_6="5.23")),
    threats=frozenset({"privileged-exec-command", "sidecar-namespace-spoofing", "client-authorization-abuse"}),
    check=check,
    takes=frozenset({"namespaces", "groups"}),
    examples=(
        bad("somebody", "groups: [developers, system:authenticated]", given=_GUARDED, setting=_VAULT),
        bad("somebody without groups", "{}", given=_GUARDED, setting=_VAULT),
        bad("anybody where no group is let in", "groups: [system:masters]", given=_CLOSED, setting=_VAULT),
        bad("a name that only begins alike", "groups: [vault-keepers-trainees]", given=_GUARDED, setting=_VAULT),
        bad("somebody, into a pod that holds its node", "{groups: [developers], hold: node}", given=_LET_IN),
        bad("somebody, into a pod that nobody knows", "{groups: [developers], hold: unknown}", given=_LET_IN),
        bad("somebody, into such a pod, where no group is let in", "{groups: [developers], hold: node}"),
        good("a member, into a pod that holds its node", "{groups: [node-keepers], hold: node}", given=_LET_IN),
        good("somebody, into a pod that holds nothing else", "{groups: [developers], hold: pod}", given=_LET_IN),
        good("a member", "groups: [developers, vault-keepers]", given=_GUARDED, setting=_VAULT),
        good("elsewhere", "groups: [developers]", given=_GUARDED, setting=Setting(namespace="shop")),
        good("nothing is guarded", "groups: [developers]", setting=_VAULT),
    ),
)
