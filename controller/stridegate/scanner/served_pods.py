"""Pods as a kubelet serves them: which of them are static ones, and which pod a uid means."""

from __future__ import annotations

from collections.abc import Mapping

# What the kubelet writes itself on every pod that it serves, whatever its author wrote (pkg/kubelet/types).
_SOURCE = "kubernetes.io/config.source"


def uid_of(pod: Mapping[str, object]) -> str:
    """Return the uid of a pod, which stands in the names of its cgroups too; empty where it has none."""
    return _text(_metadata(pod).get("uid"))


def name_of(pod: Mapping[str, object]) -> str:
    """Return "namespace/name" of a pod."""
    metadata = _metadata(pod)
    return f"{_text(metadata.get('namespace'))}/{_text(metadata.get('name'))}"


def is_static(pod: Mapping[str, object]) -> bool:
    """Tell whether the kubelet has a pod from a file or a URL and not from the API server."""
    annotations = _metadata(pod).get("annotations")
    source = annotations.get(_SOURCE) if isinstance(annotations, Mapping) else None
    return source in {"file", "http"}


def _metadata(pod: Mapping[str, object]) -> Mapping[str, object]:
    metadata = pod.get("metadata")
    return metadata if isinstance(metadata, Mapping) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def runtime_class(pod: Mapping[str, object]) -> str:
    """Return the RuntimeClass that a pod names; empty where it names none."""
    spec = pod.get("spec")
    return _text(spec.get("runtimeClassName")) if isinstance(spec, Mapping) else ""


def container_ids(pod: Mapping[str, object]) -> Mapping[str, str]:
    """Return the names of a pod's containers by the ids that their runtime gave them, without its name."""
    status = pod.get("status")
    found: dict[str, str] = {}
    for key in ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"):
        statuses = status.get(key) if isinstance(status, Mapping) else None
        for each in statuses if isinstance(statuses, list) else ():
            if isinstance(each, Mapping):
                found[_text(each.get("containerID")).rpartition("//")[2]] = _text(each.get("name"))
    found.pop("", None)
    return found
