"""The canary: proof, every half minute, that the cluster admits what it should and refuses what it should.

Two pods are asked for in the canary namespace by server-side dry-run; nothing is ever created there. Pod Security is
`privileged` in that namespace, and the bad pod has what nobody but the built-in policy `canary` refuses: other policy
engines refuse privileged pods as well, and where theirs is the answer that comes, it proves nothing about ours.
"""

from __future__ import annotations

import datetime as dt
import enum
from dataclasses import dataclass

from stridegate.kube.cluster import Cluster
from stridegate.kube.errors import Denied, KubeError
from stridegate.kube.objects import Json
from stridegate.model.policies import CANARY_NAMESPACE
from stridegate.operator.arming import JUDGING

_IMAGE = "stridegate.invalid/canary"
# The rule runtime-annotation finds it; no runtime knows it.
_MARK = "io.katacontainers.canary"


class Case(enum.Enum):
    """The two pods."""

    GOOD = "good"
    BAD = "bad"


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """What became of both pods; a problem is a sentence, None means as it should be."""

    at: dt.datetime
    problems: dict[Case, str | None]

    @property
    def problem(self) -> str | None:
        """What is wrong, if anything."""
        return next((problem for problem in self.problems.values() if problem is not None), None)


def pod(case: Case) -> Json:
    """Return the pod of a case: one without a fault, or the same but marked."""
    marks: Json = {} if case is Case.GOOD else {_MARK: "refuse"}
    secure: Json = {
        "allowPrivilegeEscalation": False,
        "runAsNonRoot": True,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"canary-{case.value}", "annotations": marks},
        "spec": {
            "automountServiceAccountToken": False,
            "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [
                {"name": "canary", "image": _IMAGE, "securityContext": secure},
            ],
        },
    }


def judge(case: Case, refusal: KubeError | None) -> str | None:
    """Return what is wrong with an answer to a canary pod, None where it is right."""
    if case is Case.GOOD:
        return None if refusal is None else f"a pod without a fault was not admitted: {refusal}"
    if refusal is None:
        return "a pod that the policy canary refuses was admitted"
    # Any other refusal proves nothing about the webhook.
    if isinstance(refusal, Denied) and f'"{JUDGING}" denied' in refusal.message:
        return None
    return f"a pod that the policy canary refuses was not refused by {JUDGING}: {refusal}"


def run_canary(cluster: Cluster, now: dt.datetime) -> Canary:
    """Ask for both pods."""
    return Canary(at=now, problems={case: judge(case, _ask(cluster, case)) for case in Case})


def _ask(cluster: Cluster, case: Case) -> KubeError | None:
    try:
        cluster.try_pod(CANARY_NAMESPACE, pod(case))
    except KubeError as refusal:
        return refusal
    return None
