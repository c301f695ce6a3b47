"""What a cluster holds, read and never written: the policies and exemptions in force there, its namespaces, and its objects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stridegate.admission.kinds import KINDS
from stridegate.admission.reviews import UserInfo
from stridegate.cli.judging.requests import SOMEBODY, Judged, Roster
from stridegate.cli.judging.runs import Part
from stridegate.cli.judging.standards import Labels
from stridegate.cli.judging.subjects import Judge, Object
from stridegate.cli.results import Problem, Subject, Unjudged
from stridegate.engine.catalogue import RULES
from stridegate.kube.errors import InvalidExemption, InvalidPolicy, NotFound
from stridegate.kube.exemptions import read_exemption
from stridegate.kube.policies import read_policy
from stridegate.model.exemptions import Exemption
from stridegate.model.policies import Policy
from stridegate.model.texts import clean

if TYPE_CHECKING:
    from stridegate.kube.cluster import Cluster
    from stridegate.kube.objects import Json, ObjectList

SOURCE = "cluster"
# Where the chart's webhook is not asked (`kube-system`, its own namespaces), and where no pod ever runs.
UNSCOPED = frozenset({"kube-system", "stridegate-system", "stridegate-scanner", "stridegate-canary"})
_PATHS = {
    "Pod": "/api/v1",
    "Service": "/api/v1",
    "PersistentVolume": "/api/v1",
    "ReplicationController": "/api/v1",
    "Deployment": "/apis/apps/v1",
    "StatefulSet": "/apis/apps/v1",
    "DaemonSet": "/apis/apps/v1",
    "ReplicaSet": "/apis/apps/v1",
    "Job": "/apis/batch/v1",
    "CronJob": "/apis/batch/v1",
}
_MIRROR = "kubernetes.io/config.mirror"


@dataclass(frozen=True, slots=True)
class Held:
    """The policies, exemptions and namespaces of a cluster, and what of them cannot be read; no policies where it has no such kind."""

    policies: tuple[Policy, ...] | None
    exemptions: tuple[Exemption, ...]
    labels: Labels
    problems: tuple[Problem, ...]


def held(cluster: Cluster, *, with_policies: bool) -> Held:
    """Return what a cluster holds to judge by; its policies only where they are wanted. Raises KubeError."""
    problems: list[Problem] = []
    policies: list[Policy] = []
    exemptions: list[Exemption] = []
    written = _listed(cluster.policies) if with_policies else []
    for obj in written or []:
        try:
            policies.append(read_policy(obj, RULES).policy)
        except InvalidPolicy as error:
            problems.append(_problem(str(error)))
    for obj in _listed(cluster.exemptions) or []:
        try:
            exemptions.append(read_exemption(obj))
        except InvalidExemption as error:
            problems.append(_problem(f"{error}; it exempts nothing"))
    labels = dict(_labels(cluster.namespaces().items or []))
    return Held(None if written is None else tuple(policies), tuple(exemptions), labels, tuple(problems))


def _listed(ask: Callable[[], ObjectList]) -> list[Json] | None:
    """Return the objects of a kind, None where the cluster does not have it: Stridegate is not installed there yet."""
    try:
        return ask().items or []
    except NotFound:
        return None


def _problem(sentence: str) -> Problem:
    return Problem(source=SOURCE, sentence=clean(sentence, 1000))


def _labels(objects: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, Mapping[str, str]]]:
    for obj in objects:
        metadata = obj.get("metadata") or {}
        yield metadata.get("name", ""), metadata.get("labels") or {}


def live(cluster: Cluster, judge: Judge, namespace: str | None, progress: Callable[[int], None]) -> Part:
    """Return what would come of everything in a cluster, or in one namespace, if it were created again. Raises KubeError.

    What a judged workload made is judged with that workload, and not again.
    """
    part = Part()
    done = 0
    roster = Roster(KINDS)
    for kind, root in _PATHS.items():
        judged = roster.judged(root.removeprefix("/apis/").removeprefix("/api/"), kind)
        if judged is None or (namespace is not None and not judged.namespaced):
            continue
        within = f"/namespaces/{namespace}" if namespace is not None else ""
        for obj in cluster.objects(f"{root}{within}/{judged.resource.resource}"):
            done += 1
            if done % 500 == 0:
                progress(done)
            if _made_by_another(obj) or _ended(kind, obj) or (namespace is None and _namespace(obj) in UNSCOPED):
                continue
            _take(part, judge, judged, {**_as_written(kind, obj), "apiVersion": _version(root), "kind": kind})
    part.assumed |= judge.standards.assumed
    if namespace is None:
        left = ", ".join(sorted(UNSCOPED))
        part.assumed[""] = f"the webhook is not asked about {left}: they were left out (-n NAMESPACE judges one)"
    return part


def _version(root: str) -> str:
    return root.removeprefix("/apis/").removeprefix("/api/")


def _take(part: Part, judge: Judge, judged: Judged, obj: Mapping[str, object]) -> None:
    found = Object(source=SOURCE, value=obj, namespace=_namespace(obj), locate=lambda _: None)
    outcome = judge.created(found, judged, _mirror(obj) or SOMEBODY)
    if isinstance(outcome, Subject):
        part.subjects.append(outcome)
    elif isinstance(outcome, Unjudged):
        part.unjudged.append(outcome)
    else:
        name = clean(f"{found.kind} {found.namespace}/{found.name}")
        part.problems.append(outcome._replace(sentence=f"{name}: {outcome.sentence}"))


def _metadata(obj: Mapping[str, Any]) -> Mapping[str, Any]:
    metadata: Mapping[str, Any] = obj.get("metadata") or {}
    return metadata


def _namespace(obj: Mapping[str, Any]) -> str:
    return str(_metadata(obj).get("namespace") or "")


def _made_by_another(obj: Mapping[str, Any]) -> bool:
    owners = _metadata(obj).get("ownerReferences") or ()
    return any(owner.get("controller") and owner.get("kind") in _PATHS for owner in owners)


def _ended(kind: str, obj: Mapping[str, Any]) -> bool:
    return kind == "Pod" and (obj.get("status") or {}).get("phase") in {"Succeeded", "Failed"}


def _as_written(kind: str, obj: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an object as its author would create it again: without the node that the scheduler chose for a pod."""
    if kind != "Pod" or _mirror(obj) is not None:
        return obj
    return {**obj, "spec": {key: value for key, value in (obj.get("spec") or {}).items() if key != "nodeName"}}


def _mirror(obj: Mapping[str, Any]) -> UserInfo | None:
    """Return the node that made the mirror of a static pod, None for anything else."""
    node = (obj.get("spec") or {}).get("nodeName")
    owners = _metadata(obj).get("ownerReferences") or ()
    if not node or _MIRROR not in (_metadata(obj).get("annotations") or {}):
        return None
    if [(owner.get("kind"), owner.get("name")) for owner in owners] != [("Node", node)]:
        return None
    return UserInfo(f"system:node:{node}", ("system:nodes",))
