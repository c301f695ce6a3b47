"""Further steps away from a harmless pod, towards the edges of Stridegate's own rules."""

from __future__ import annotations

import copy
from typing import Final

from hypothesis import strategies as st

from pod_steps import Map, Step, child, children, containers
from stridegate.model.edits import Json

IMAGES: Final = (
    "nginx",
    "nginx:latest",
    "registry.example/app:1.0",
    "registry.example:5000/app",
    "quay.io/team/app:2@sha256:" + "0" * 64,
    "app@sha256:" + "0" * 64,
)
VARIABLES: Final[tuple[Map, ...]] = (
    {"name": "LEVEL", "value": "info"},
    {"name": "DB_PASSWORD", "value": "correct-horse"},
    {"name": "DB_PASSWORD", "value": "$(OTHER)"},
    {"name": "DATABASE", "value": "postgres://web:correct-horse@db/shop"},
    {"name": "LD_PRELOAD", "value": "/data/x.so"},
    {"name": "NODE_OPTIONS", "value": "--require /x.js"},
    {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
    {"name": "LD_AUDIT", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}},
)
ARGUMENTS: Final = ("--verbose", "--password", "--password=correct-horse", "correct-horse", "TOKEN=$(X)", "serve")
MOUNT_PATHS: Final = ("/proc", "/dev/shm", "/dev/x", "/var/run", "/data", "/run", "/etc/passwd", "/var/lib/app")  # noqa: S108 - in a container
TOLERATIONS: Final[tuple[Map, ...]] = (
    {"operator": "Exists"},
    {"key": "node-role.kubernetes.io/control-plane", "operator": "Exists", "effect": "NoSchedule"},
    {"key": "example.com/gpu", "operator": "Exists"},
    {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"},
)
ANNOTATIONS: Final = ("cdi.k8s.io/x", "run.oci.handler", "io.kubernetes.cri-o.userns-mode", "example.com/x")
TOKEN_PATH: Final = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105 - a path


def _one(draw: st.DrawFn, pod: Map) -> Map:
    return draw(st.sampled_from(containers(pod)))


def _drawn(draw: st.DrawFn, values: tuple[Map, ...]) -> Map:
    return copy.deepcopy(draw(st.sampled_from(values)))


def _fresh(pod: Map) -> str:
    """Return the name of a volume that the pod does not have."""
    return f"w{len(children(child(pod, 'spec'), 'volumes'))}"


def _mounted(draw: st.DrawFn, pod: Map, source: Map, path: str, **fields: Json) -> None:
    """Give a container a volume of a source at a path, unless something is mounted there."""
    mounts = children(_one(draw, pod), "volumeMounts")
    if any(isinstance(each, dict) and each.get("mountPath") == path for each in mounts):
        return
    name = _fresh(pod)
    children(child(pod, "spec"), "volumes").append({"name": name, **source})
    mounts.append({"name": name, "mountPath": path, **fields})


def _memory_volume(draw: st.DrawFn, pod: Map) -> None:
    limit = draw(st.sampled_from([None, "0", "32Mi", "1Gi"]))
    source: Map = {"medium": draw(st.sampled_from(["Memory", "Memory", ""]))}
    if limit is not None:
        source["sizeLimit"] = limit
    _mounted(draw, pod, {"emptyDir": source}, f"/scratch/{_fresh(pod)}")


def _host_mount(draw: st.DrawFn, pod: Map) -> None:
    path = draw(st.sampled_from(["/data", "/var/log/pods", "/dev/sda", "/etc", "/var/lib/kubelet"]))
    kind = draw(st.sampled_from(["", "Directory", "BlockDevice"]))
    fields = draw(st.sampled_from([{}, {"readOnly": True}, {"readOnly": False}]))
    _mounted(draw, pod, {"hostPath": {"path": path, "type": kind}}, f"/node/{_fresh(pod)}", **fields)


def _system_mount(draw: st.DrawFn, pod: Map) -> None:
    _mounted(draw, pod, {"emptyDir": {}}, draw(st.sampled_from(MOUNT_PATHS)))


def _propagation(draw: st.DrawFn, pod: Map) -> None:
    way = draw(st.sampled_from(["None", "HostToContainer", "Bidirectional"]))
    _mounted(draw, pod, {"emptyDir": {}}, f"/ways/{_fresh(pod)}", mountPropagation=way)


def _expression(draw: st.DrawFn, pod: Map) -> None:
    _mounted(draw, pod, {"emptyDir": {}}, f"/expressed/{_fresh(pod)}", subPathExpr="a")


def _token(draw: st.DrawFn, pod: Map) -> None:
    seconds = draw(st.sampled_from([600, 3607, 7201, 86400]))
    token: Map = {"serviceAccountToken": {"path": "token", "expirationSeconds": seconds}}
    _mounted(draw, pod, {"projected": {"sources": [token]}}, TOKEN_PATH, readOnly=True)


def _account(draw: st.DrawFn, pod: Map) -> None:
    spec = child(pod, "spec")
    spec["automountServiceAccountToken"] = draw(st.booleans())
    spec["serviceAccountName"] = draw(st.sampled_from(["default", "web"]))


def _pod_field(draw: st.DrawFn, pod: Map) -> None:
    fields: list[tuple[str, Json]] = [
        ("shareProcessNamespace", True),
        ("shareProcessNamespace", False),
        ("hostAliases", [{"ip": "192.0.2.1", "hostnames": ["db.example"]}]),
        ("nodeName", "node1"),
        ("hostUsers", True),
    ]
    field, value = draw(st.sampled_from(fields))
    child(pod, "spec")[field] = copy.deepcopy(value)


def _toleration(draw: st.DrawFn, pod: Map) -> None:
    children(child(pod, "spec"), "tolerations").append(_drawn(draw, TOLERATIONS))


def _group(draw: st.DrawFn, pod: Map) -> None:
    owner = draw(st.sampled_from([child(pod, "spec"), *containers(pod)]))
    child(owner, "securityContext")["runAsGroup"] = draw(st.sampled_from([0, 1000]))


def _volume_group(draw: st.DrawFn, pod: Map) -> None:
    context = child(child(pod, "spec"), "securityContext")
    context["fsGroup"] = draw(st.sampled_from([0, 1000]))
    context["supplementalGroups"] = [*draw(st.lists(st.sampled_from([0, 1000]), max_size=2))]


def _windows_user(draw: st.DrawFn, pod: Map) -> None:
    owner = draw(st.sampled_from([child(pod, "spec"), *containers(pod)]))
    name = draw(st.sampled_from(["ContainerUser", "ContainerAdministrator", "x\\containeradministrator"]))
    child(child(owner, "securityContext"), "windowsOptions")["runAsUserName"] = name


def _named_image(draw: st.DrawFn, pod: Map) -> None:
    container = _one(draw, pod)
    container["image"] = draw(st.sampled_from(IMAGES))
    container["imagePullPolicy"] = draw(st.sampled_from(["Always", "IfNotPresent", "Never"]))


def _variable(draw: st.DrawFn, pod: Map) -> None:
    children(_one(draw, pod), "env").append(_drawn(draw, VARIABLES))


def _variables(draw: st.DrawFn, pod: Map) -> None:
    kind = draw(st.sampled_from(["secretRef", "configMapRef"]))
    children(_one(draw, pod), "envFrom").append({kind: {"name": "settings"}})


def _arguments(draw: st.DrawFn, pod: Map) -> None:
    container = _one(draw, pod)
    field = draw(st.sampled_from(["command", "args"]))
    container[field] = [*draw(st.lists(st.sampled_from(ARGUMENTS), max_size=4))]


def _working_directory(draw: st.DrawFn, pod: Map) -> None:
    _one(draw, pod)["workingDir"] = draw(st.sampled_from(["/app", "/proc/self/fd/7", "//proc"]))


def _runtime_annotation(draw: st.DrawFn, pod: Map) -> None:
    child(child(pod, "metadata"), "annotations")[draw(st.sampled_from(ANNOTATIONS))] = "x"


def _bound_port(draw: st.DrawFn, pod: Map) -> None:
    number = 9000 + sum(len(children(each, "ports")) for each in containers(pod))
    port: Map = {"containerPort": number, "hostPort": number}
    port["hostIP"] = draw(st.sampled_from(["192.0.2.1", "0.0.0.0", "::"]))  # noqa: S104 - in a pod
    children(_one(draw, pod), "ports").append(port)


def _requests(draw: st.DrawFn, pod: Map) -> None:
    bound = draw(st.sampled_from(["limits", "requests"]))
    resource = draw(st.sampled_from(["cpu", "ephemeral-storage"]))
    child(child(_one(draw, pod), "resources"), bound)[resource] = draw(st.sampled_from(["0", "1", "1Gi"]))


def _empty_profile(draw: st.DrawFn, pod: Map) -> None:
    owner = draw(st.sampled_from([child(pod, "spec"), *containers(pod)]))
    child(owner, "securityContext")["seccompProfile"] = {"type": "Localhost", "localhostProfile": ""}


def _priority(draw: st.DrawFn, pod: Map) -> None:
    child(pod, "spec")["priorityClassName"] = draw(st.sampled_from(["system-node-critical", "important"]))


def _debugger(draw: st.DrawFn, pod: Map) -> None:
    listed = children(child(pod, "spec"), "ephemeralContainers")
    target = draw(st.sampled_from([{}, {"targetContainerName": "c0"}]))
    listed.append({"name": f"d{len(listed)}", "image": "debug:1", **target})


FURTHER_STEPS: Final[tuple[Step, ...]] = (
    _memory_volume,
    _host_mount,
    _system_mount,
    _propagation,
    _expression,
    _token,
    _account,
    _pod_field,
    _toleration,
    _group,
    _volume_group,
    _windows_user,
    _named_image,
    _variable,
    _variables,
    _arguments,
    _working_directory,
    _runtime_annotation,
    _bound_port,
    _requests,
    _empty_profile,
)
# What no API server takes as a pod is created, or only with more than a pod.
FURTHER_WILD_STEPS: Final[tuple[Step, ...]] = (_priority, _debugger)
