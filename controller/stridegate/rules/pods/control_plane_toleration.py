"""A pod may run where the control plane does.

Threat: beside the API server, etcd and their keys, one escape from the container is the cluster.
Check: no toleration names the taints `node-role.kubernetes.io/control-plane`, `/master`, `/controlplane` or `/etcd`, and
none tolerates every taint by leaving the key out, whatever its operator, value and effect. What the API server and the DaemonSet controller add names
other taints.
Fix: name the taints that are meant. There is no automatic fix: an agent that belongs on every node is excluded by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from stridegate.model.rules import Given, PodRule, Violation, bad, good
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile, Severity, Stride

# kubeadm's of today and of old, and those of Rancher's distributions; without a key a toleration is for every taint.
_ROLES = ("control-plane", "master", "controlplane", "etcd")
_TAINTS = frozenset({"", *(f"node-role.kubernetes.io/{role}" for role in _ROLES)})


def check(pod: PodView, _: Given) -> Iterable[Violation]:
    """Yield every toleration that reaches the control plane."""
    return _reaching(pod) if pod.shape.tolerations else ()


def _reaching(pod: PodView) -> Iterator[Violation]:
    for index, toleration in enumerate(pod.shape.tolerations or ()):
        key = toleration.key or ""
        if key in _TAINTS:
            spot = pod.element("tolerations", index, toleration, key or "every taint")
            observed = key or "without a key, which means every taint"
            yield Violation(spot.place(), observed=observed, wanted="be absent", value=toleration.effect or "")


RULE = PodRule(
    slug="control-plane-toleration",
    doc=__doc__,
    severity=Severity.MEDIUM,
    profile=Profile.HARDENED,
    stride=frozenset({Stride.ELEVATION}),
    references=(),
    threats=frozenset({"path-to-cluster-admin"}),
    check=check,
    examples=(
        bad(
            "by name",
            "tolerations: [{key: node-role.kubernetes.io/control-plane, operator: Exists, effect: NoSchedule}]",
        ),
        bad("by the name of old", "tolerations: [{key: node-role.kubernetes.io/master, operator: Equal, value: ''}]"),
        bad("where etcd runs", "tolerations: [{key: node-role.kubernetes.io/etcd, operator: Exists}]"),
        bad("everything", "tolerations: [{operator: Exists}]"),
        bad("everything of one effect", "tolerations: [{operator: Exists, effect: NoExecute}]"),
        bad("without key and operator", "tolerations: [{effect: NoSchedule}]", valid=False),
        good("a taint of one's own", "tolerations: [{key: example.com/gpu, operator: Exists}]"),
        good(
            "what is added to every pod",
            """
            tolerations:
            - {key: node.kubernetes.io/not-ready, operator: Exists, effect: NoExecute, tolerationSeconds: 300}
            - {key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute, tolerationSeconds: 300}
            - {key: node.kubernetes.io/unschedulable, operator: Exists, effect: NoSchedule}
            """,
        ),
    ),
)
