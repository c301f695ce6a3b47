"""A pod outranks everybody else's.

Threat: it is never evicted, takes the place of others as it is scheduled, and starves what the cluster needs.
Check: `priorityClassName` does not begin with `system-`, except in the policy's `namespaces`: kube-system and Stridegate's
own where it names none.
Fix: use a class of your own. There is no automatic fix.
"""

from __future__ import annotations

from collections.abc import Iterable

from stridegate.model.places import Field
from stridegate.model.rules import Given, Parameters, PodRule, Violation, bad, good, observe
from stridegate.model.settings import Setting
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile, Severity, Stride

CLASS = Field[str]("priorityClassName")

_NAMESPACES = ("kube-system", "stridegate-system", "stridegate-scanner")


def check(pod: PodView, given: Given) -> Iterable[Violation]:
    """Yield the field where it names a class that is not for this namespace; a namespace that nobody knows is none of them."""
    name = pod.shape.priorityClassName
    if not name or not name.startswith("system-"):
        return ()
    if pod.setting.namespace in (given.parameters.namespaces or _NAMESPACES):
        return ()
    return (Violation(CLASS.at(pod), observed=observe(name), wanted="not begin with system-", value=name),)


_CRITICAL = "priorityClassName: system-node-critical"
_OTHERS = Given(parameters=Parameters(namespaces=("node-agents",)))

RULE = PodRule(
    slug="system-priority-class",
    doc=__doc__,
    severity=Severity.MEDIUM,
    profile=Profile.HARDENED,
    stride=frozenset({Stride.DENIAL_OF_SERVICE}),
    references=(),
    check=check,
    takes=frozenset({"namespaces"}),
    examples=(
        bad("anywhere", _CRITICAL),
        bad("nobody knows where", _CRITICAL, setting=Setting()),
        bad("where the policy lists others", _CRITICAL, given=_OTHERS, setting=Setting(namespace="kube-system")),
        good("in kube-system", _CRITICAL, setting=Setting(namespace="kube-system")),
        good("in one of the policy's", _CRITICAL, given=_OTHERS, setting=Setting(namespace="node-agents")),
        # The API server wants the class to be there.
        good("a class of one's own", "priorityClassName: important", valid=False),
    ),
)
