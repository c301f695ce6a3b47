"""The fields of objects other than pods that rules read, named and nested as in the Kubernetes API.

As with pods, every field may be absent or null, and unknown fields are ignored by whoever decodes into these shapes.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from stridegate.model.pods import HostPath, ObjectMeta, PodTemplate

# The field names are Kubernetes' own, so that a rule reads like a manifest and decoding needs no renaming.
# ruff: noqa: N815


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSpec:
    """v1.ServiceSpec."""

    type: str | None = None
    externalIPs: tuple[str, ...] | None = None
    loadBalancerSourceRanges: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """v1.Service."""

    metadata: ObjectMeta | None = None
    spec: ServiceSpec | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalVolume:
    """v1.LocalVolumeSource."""

    path: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PersistentVolumeSpec:
    """v1.PersistentVolumeSpec."""

    hostPath: HostPath | None = None
    local: LocalVolume | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PersistentVolume:
    """v1.PersistentVolume."""

    metadata: ObjectMeta | None = None
    spec: PersistentVolumeSpec | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpec:
    """batch/v1.JobSpec."""

    backoffLimit: int | None = None
    template: PodTemplate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """batch/v1.Job."""

    metadata: ObjectMeta | None = None
    spec: JobSpec | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobTemplate:
    """batch/v1.JobTemplateSpec."""

    spec: JobSpec | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CronJobSpec:
    """batch/v1.CronJobSpec."""

    jobTemplate: JobTemplate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CronJob:
    """batch/v1.CronJob."""

    metadata: ObjectMeta | None = None
    spec: CronJobSpec | None = None


class Hold(enum.Enum):
    """What whoever gets into a pod gets hold of."""

    # The pod alone, as far as its spec says.
    POD = "pod"
    # The node, or a good part of it: the pod is privileged, shares the node's namespaces or runs as root.
    NODE = "node"
    # The pod is not known, or not yet.
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A request to run something in a running pod, or to take part in what runs there: who asks, and in which namespace.

    It is made from the request alone. The API server sends the options of the connection, and not the pod; `hold` is
    absent where nobody has looked at the pod.
    """

    namespace: str = ""
    groups: tuple[str, ...] | None = None
    hold: Hold | None = None
