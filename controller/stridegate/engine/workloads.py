"""Which workload a pod belongs to, as people know it, told from the pod alone."""

from __future__ import annotations

import re

from stridegate.model.pods import ObjectMeta
from stridegate.model.policies import Workload

_CRON_RUN = re.compile(r"(.+)-[0-9]+", re.ASCII)
_HASH_LABEL = "pod-template-hash"


def workload_of(metadata: ObjectMeta) -> Workload:
    """Return the workload behind a pod: the Deployment of its ReplicaSet, the CronJob of its Job, its controller, or the pod itself.

    Owner references and labels are the author's input: whoever can create pods can forge them. What is decided by a
    workload narrows accidents, not attackers.
    """
    controller = next((owner for owner in metadata.ownerReferences or () if owner.controller), None)
    if controller is None or not controller.kind or not controller.name:
        return Workload("Pod", metadata.name or metadata.generateName or "")
    if controller.kind == "ReplicaSet":
        suffix = "-" + (metadata.labels or {}).get(_HASH_LABEL, "")
        if len(suffix) > 1 and controller.name.endswith(suffix):
            return Workload("Deployment", controller.name.removesuffix(suffix))
    if controller.kind == "Job" and (run := _CRON_RUN.fullmatch(controller.name)):
        return Workload("CronJob", run[1])
    return Workload(controller.kind, controller.name)


def known_as(workload: Workload, metadata: ObjectMeta) -> tuple[Workload, ...]:
    """Return the workloads that an exemption may name for an object of a workload.

    What belongs to nothing else, and is given its name by the API server, goes by what its name begins with as well:
    while it is created first the one is known and then the other, and nobody can foretell the whole name.
    """
    if metadata.generateName and workload.name == metadata.name:
        return workload, Workload(workload.kind, metadata.generateName)
    return (workload,)
