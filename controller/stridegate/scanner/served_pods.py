"""Pods as a kubelet serves them: which of them are static ones, which pod a uid means, and what is under way in one."""

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
    return _mapping(_metadata(pod).get("annotations")).get(_SOURCE) in {"file", "http"}


def _metadata(pod: Mapping[str, object]) -> Mapping[str, object]:
    return _mapping(pod.get("metadata"))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def runtime_class(pod: Mapping[str, object]) -> str:
    """Return the RuntimeClass that a pod names; empty where it names none."""
    return _text(_mapping(pod.get("spec")).get("runtimeClassName"))


def container_ids(pod: Mapping[str, object]) -> Mapping[str, str]:
    """Return the names of a pod's containers by the ids that their runtime gave them, without its name."""
    found: dict[str, str] = {}
    for key in ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"):
        for each in _mappings(_mapping(pod.get("status")).get(key)):
            found[_text(each.get("containerID")).rpartition("//")[2]] = _text(each.get("name"))
    found.pop("", None)
    return found


def is_starting(pod: Mapping[str, object]) -> bool:
    """Tell whether a container of a pod may run that its status does not name yet.

    The kubelet writes a pod's status once it has started all that it can: while it pulls the second container's image or
    runs the first one's postStart hook, the first one runs, and its status waits (kuberuntime's SyncPod).
    """
    spec = _mapping(pod.get("spec"))
    again = spec.get("restartPolicy") != "Never"
    for kind in ("container", "initContainer", "ephemeralContainer"):
        states = {
            each.get("name"): _mapping(each.get("state"))
            for each in _mappings(_mapping(pod.get("status")).get(f"{kind}Statuses"))
        }
        for each in _mappings(spec.get(f"{kind}s")):
            state = states.get(each.get("name"), {})
            ended = "terminated" in state and (kind == "initContainer" or not again)
            if "running" not in state and not ended:
                return True
    return False


def is_resizing(pod: Mapping[str, object]) -> bool:
    """Tell whether a resize is asked for and not made yet: the spec says what is wanted, the control group what is (KEP-1287)."""
    status = _mapping(pod.get("status"))
    conditions = {each.get("type"): each.get("status") for each in _mappings(status.get("conditions"))}
    # The field is of Kubernetes 1.27 to 1.32, the conditions of later ones.
    return bool(status.get("resize")) or "True" in {
        conditions.get(each) for each in ("PodResizePending", "PodResizeInProgress")
    }


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _mappings(value: object) -> list[Mapping[str, object]]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []
