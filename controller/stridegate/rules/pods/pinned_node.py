"""A pod chooses its node itself.

Threat: it skips the scheduler, and with it taints, quotas of devices and the wishes of the pods that are there: onto the
control plane, or beside a victim.
Check: `nodeName` is absent where pods are made: as one is created, and in templates. A running pod has one from the
scheduler, and the mirror of a static pod from its node.
Fix: select nodes by their labels (`nodeSelector`, `affinity`). There is no automatic fix.
"""

from __future__ import annotations

from collections.abc import Iterable

from stridegate.model.places import Field
from stridegate.model.rules import Given, PodRule, Violation, bad, good, observe
from stridegate.model.settings import Setting
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile, Severity, Stride

NODE = Field[str]("nodeName")


def check(pod: PodView, _: Given) -> Iterable[Violation]:
    """Yield the field where it is set before the scheduler could have."""
    node, setting = pod.shape.nodeName, pod.setting
    if not node or setting.mirror or not (setting.creating or setting.template):
        return ()
    return (Violation(NODE.at(pod), observed=observe(node), wanted="be absent", value=node),)


RULE = PodRule(
    slug="pinned-node",
    doc=__doc__,
    severity=Severity.MEDIUM,
    profile=Profile.HARDENED,
    stride=frozenset({Stride.ELEVATION, Stride.DENIAL_OF_SERVICE}),
    references=(),
    check=check,
    examples=(
        bad("as it is created", "nodeName: node1", setting=Setting(namespace="shop")),
        bad("in a template", "nodeName: node1", setting=Setting(namespace="shop", template=True)),
        bad(
            "in a template that is changed",
            "nodeName: node1",
            setting=Setting(namespace="shop", template=True, creating=False),
        ),
        good("where the scheduler put it", "nodeName: node1", setting=Setting(namespace="shop", creating=False)),
        good("a mirror", "nodeName: node1", setting=Setting(namespace="shop", mirror=True)),
        good("by a label", "nodeSelector: {disk: fast}"),
    ),
)
