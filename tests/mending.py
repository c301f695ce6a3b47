"""What tests of `stridegate fix` share: policies as judges, and objects as files that are mended."""

from __future__ import annotations

import yaml

from specimens import HERE, KINDS
from stridegate.cli.fixes.documents import Mended, Mender
from stridegate.cli.judging.standards import standards
from stridegate.cli.judging.subjects import Judge
from stridegate.cli.manifests.sources import Source
from stridegate.engine.examples import JsonMap
from stridegate.model.edits import Json
from stridegate.model.policies import Policy
from stridegate.model.vocabulary import Safety

_VERSIONS = {"Pod": "v1", "ReplicationController": "v1", "Job": "batch/v1", "CronJob": "batch/v1"}


def mender(policy: Policy, namespace: str = HERE.namespace, most: Safety = Safety.RISKY) -> Mender:
    """Return what mends by one policy, in a namespace of which nothing else is known."""
    return Mender(Judge(standards([policy], [], {}, 0), namespace=namespace), most)


def mended(by: Mender, text: str) -> Mended:
    """Return what becomes of a text."""
    return by.mend(Source("web.yaml", content=text.encode()))


def manifest(pod: JsonMap, kind: str) -> JsonMap:
    """Return an object that the API server takes, of a kind that embeds a pod."""
    if kind == "Pod":
        return pod
    spec = dict(pod["spec"]) if isinstance(pod["spec"], dict) else {}
    if kind in {"Job", "CronJob"}:
        spec["restartPolicy"] = "Never"
    metadata = dict(pod["metadata"]) if isinstance(pod["metadata"], dict) else {}
    template: Json = {"metadata": {**metadata, "labels": {"app": "web"}}, "spec": spec}
    held: JsonMap = {"template": template}
    if kind == "CronJob":
        held = {"schedule": "0 0 * * *", "jobTemplate": {"spec": held}}
    elif kind == "ReplicationController":
        held["selector"] = {"app": "web"}
    elif kind != "Job":
        held["selector"] = {"matchLabels": {"app": "web"}}
    return {"apiVersion": _VERSIONS.get(kind, "apps/v1"), "kind": kind, "metadata": {"name": "web"}, "spec": held}


JUDGED_KINDS = [kind for kind in KINDS if kind != "PodTemplate"]


def read(content: bytes) -> JsonMap:
    """Return the one object of a file."""
    found: JsonMap = yaml.safe_load(content)
    return found
