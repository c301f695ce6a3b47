"""Steps away from a harmless pod: each changes one thing in place, towards the edges of a check."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Final

from hypothesis import strategies as st

from pod_values import CAPABILITIES, HOST_PATHS, LINUX_FIELDS, QUANTITIES, SOURCES, SYSCTLS
from stridegate.model.edits import Json

# Pods as their authors write them: nested maps and lists, changed in place while they are drawn.
Map = dict[str, "Json"]
Step = Callable[[st.DrawFn, Map], None]


_BOOLEANS = st.sampled_from([True, False, None])
_SECCOMP: st.SearchStrategy[Json] = st.sampled_from(
    [{"type": "RuntimeDefault"}, {"type": "Unconfined"}, {"type": "Localhost", "localhostProfile": "x.json"}, None]
)
_APPARMOR: st.SearchStrategy[Json] = st.sampled_from(
    [{"type": "RuntimeDefault"}, {"type": "Unconfined"}, {"type": "Localhost", "localhostProfile": "x"}, None]
)
_LISTS = ("initContainers", "containers", "ephemeralContainers")


def child(parent: Map, key: str) -> Map:
    """Return the map under a key, made where it is missing or null."""
    value = parent.get(key)
    if not isinstance(value, dict):
        value = parent[key] = {}
    return value


def children(parent: Map, key: str) -> list[Json]:
    """Return the list under a key, made where it is missing or null."""
    value = parent.get(key)
    if not isinstance(value, list):
        value = parent[key] = []
    return value


def containers(pod: Map) -> list[Map]:
    """Return every container of a pod."""
    spec = child(pod, "spec")
    return [each for listed in _LISTS for each in spec.get(listed) or () if isinstance(each, dict)]  # type: ignore[union-attr]


def _one(draw: st.DrawFn, pod: Map) -> Map:
    return draw(st.sampled_from(containers(pod)))


def _level(draw: st.DrawFn, pod: Map) -> Map:
    """Return the security context of the pod or of a container."""
    owner = draw(st.sampled_from([child(pod, "spec"), *containers(pod)]))
    return child(owner, "securityContext")


def _assign(parent: Map, key: str, value: Json) -> None:
    if value is None:
        parent.pop(key, None)
    else:
        parent[key] = copy.deepcopy(value)


def _annotate(pod: Map, key: str, value: str) -> None:
    child(child(pod, "metadata"), "annotations")[key] = value


def _privileged(draw: st.DrawFn, pod: Map) -> None:
    context = child(_one(draw, pod), "securityContext")
    context["privileged"] = draw(st.booleans())
    if context["privileged"]:
        context.pop("allowPrivilegeEscalation", None)


def _escalation(draw: st.DrawFn, pod: Map) -> None:
    _assign(child(_one(draw, pod), "securityContext"), "allowPrivilegeEscalation", draw(_BOOLEANS))


def _host_namespace(draw: st.DrawFn, pod: Map) -> None:
    field = draw(st.sampled_from(["hostNetwork", "hostPID", "hostIPC"]))
    _assign(child(pod, "spec"), field, draw(_BOOLEANS))


def _user_namespace(draw: st.DrawFn, pod: Map) -> None:
    _assign(child(pod, "spec"), "hostUsers", draw(st.sampled_from([False, False, True, None])))


def _volume(draw: st.DrawFn, pod: Map) -> None:
    volumes = children(child(pod, "spec"), "volumes")
    volume: Map = {"name": f"v{len(volumes)}"}
    source = draw(st.sampled_from(["", *["hostPath"] * 8, *SOURCES]))
    if source:
        volume[source] = copy.deepcopy(SOURCES[source])
    if source == "hostPath":
        volume[source] = {"path": draw(st.sampled_from(HOST_PATHS))}
        if draw(st.booleans()):
            child(volume, source)["type"] = draw(st.sampled_from(["", "Directory", "Socket"]))
    volumes.append(volume)


def _mount(draw: st.DrawFn, pod: Map) -> None:
    volumes = [each for each in children(child(pod, "spec"), "volumes") if isinstance(each, dict)]
    if not volumes:
        return
    mounts = children(_one(draw, pod), "volumeMounts")
    mount: Map = {"name": draw(st.sampled_from(volumes))["name"], "mountPath": f"/mnt/{len(mounts)}"}
    if draw(st.booleans()):
        mount["subPath"] = draw(st.sampled_from(["run/docker.sock", "log/pods", "docker.sock"]))
    mounts.append(mount)


def _port(draw: st.DrawFn, pod: Map) -> None:
    ports = children(_one(draw, pod), "ports")
    number = 8000 + sum(len(children(each, "ports")) for each in containers(pod))
    port: Map = {"containerPort": number}
    _assign(port, "hostPort", draw(st.sampled_from([None, 0, number])))
    ports.append(port)


def _probe(draw: st.DrawFn, pod: Map) -> None:
    container = _one(draw, pod)
    handler = draw(st.sampled_from(["livenessProbe", "readinessProbe", "startupProbe", "postStart", "preStop"]))
    target: Map = {"port": 80}
    _assign(target, "host", draw(st.sampled_from(["", "127.0.0.1", "example.com", "::1", None])))
    parent = child(container, "lifecycle") if handler.startswith("p") else container
    parent[handler] = {draw(st.sampled_from(["httpGet", "tcpSocket"])): target}


def _host_process(draw: st.DrawFn, pod: Map) -> None:
    child(_level(draw, pod), "windowsOptions")["hostProcess"] = draw(st.booleans())
    child(pod, "spec")["hostNetwork"] = True


def _added(draw: st.DrawFn, pod: Map) -> None:
    capabilities = child(child(_one(draw, pod), "securityContext"), "capabilities")
    capabilities["add"] = [*draw(st.lists(st.sampled_from(CAPABILITIES), max_size=3))]


def _dropped(draw: st.DrawFn, pod: Map) -> None:
    context = child(_one(draw, pod), "securityContext")
    dropped: st.SearchStrategy[Json] = st.sampled_from(
        [None, [], ["ALL"], ["all"], ["NET_RAW"], ["CAP_NET_RAW"], ["KILL", "ALL"], ["CAP_ALL"], ["ALL", "ALL"]]
    )
    _assign(child(context, "capabilities"), "drop", draw(dropped))


def _proc_mount(draw: st.DrawFn, pod: Map) -> None:
    value = draw(st.sampled_from(["Unmasked", "Unmasked", "Default", None]))
    _assign(child(_one(draw, pod), "securityContext"), "procMount", value)
    if value == "Unmasked":
        child(pod, "spec")["hostUsers"] = False


def _selinux(draw: st.DrawFn, pod: Map) -> None:
    options = child(_level(draw, pod), "seLinuxOptions")
    kinds = ["container_t", "container_init_t", "container_kvm_t", "container_engine_t", "spc_t", "", None]
    field = draw(st.sampled_from(["type", "type", "user", "role", "level"]))
    names = kinds if field == "type" else ["system_u", "", None]
    _assign(options, field, draw(st.sampled_from(names)))


def _apparmor(draw: st.DrawFn, pod: Map) -> None:
    _assign(_level(draw, pod), "appArmorProfile", draw(_APPARMOR))


def _apparmor_annotation(draw: st.DrawFn, pod: Map) -> None:
    value = draw(st.sampled_from(["unconfined", "runtime/default", "localhost/x", ""]))
    _annotate(pod, f"container.apparmor.security.beta.kubernetes.io/{_one(draw, pod)['name']}", value)


def _seccomp(draw: st.DrawFn, pod: Map) -> None:
    _assign(_level(draw, pod), "seccompProfile", draw(_SECCOMP))


def _seccomp_annotation(draw: st.DrawFn, pod: Map) -> None:
    value = draw(st.sampled_from(["unconfined", "runtime/default", "docker/default", "localhost/x.json"]))
    owner = f"container.seccomp.security.alpha.kubernetes.io/{_one(draw, pod)['name']}"
    _annotate(pod, draw(st.sampled_from(["seccomp.security.alpha.kubernetes.io/pod", owner])), value)


def _sysctl(draw: st.DrawFn, pod: Map) -> None:
    sysctls = children(child(child(pod, "spec"), "securityContext"), "sysctls")
    sysctls.append({"name": draw(st.sampled_from(SYSCTLS)), "value": "1"})


def _non_root(draw: st.DrawFn, pod: Map) -> None:
    _assign(_level(draw, pod), "runAsNonRoot", draw(_BOOLEANS))


def _user(draw: st.DrawFn, pod: Map) -> None:
    _assign(_level(draw, pod), "runAsUser", draw(st.sampled_from([0, 0, 1, 1000, None])))


def _bare(draw: st.DrawFn, pod: Map) -> None:
    _one(draw, pod).pop("securityContext", None)


def _bare_pod(_: st.DrawFn, pod: Map) -> None:
    child(pod, "spec").pop("securityContext", None)


def _windows(draw: st.DrawFn, pod: Map) -> None:
    spec = child(pod, "spec")
    spec["os"] = {"name": draw(st.sampled_from(["windows", "windows", "windows", "linux"]))}
    if spec["os"] == {"name": "windows"}:
        for field in ("hostPID", "hostIPC", "hostUsers"):
            spec.pop(field, None)
        for owner in (spec, *containers(pod)):
            for field in LINUX_FIELDS:
                child(owner, "securityContext").pop(field, None)


def _windows_by_selector(_: st.DrawFn, pod: Map) -> None:
    child(pod, "spec")["nodeSelector"] = {"kubernetes.io/os": "windows"}


STANDARD_STEPS: Final[tuple[Step, ...]] = (
    _privileged,
    _escalation,
    _host_namespace,
    _user_namespace,
    _volume,
    _port,
    _probe,
    _host_process,
    _added,
    _dropped,
    _proc_mount,
    _selinux,
    _apparmor,
    _apparmor_annotation,
    _seccomp,
    _seccomp_annotation,
    _sysctl,
    _non_root,
    _user,
    _bare,
    _bare_pod,
    _windows,
    _windows_by_selector,
)


def _memory(draw: st.DrawFn, pod: Map) -> None:
    resources = child(_one(draw, pod), "resources")
    bound = draw(st.sampled_from(["limits", "requests"]))
    _assign(child(resources, bound), "memory", draw(st.sampled_from(QUANTITIES)))


def _no_resources(draw: st.DrawFn, pod: Map) -> None:
    _one(draw, pod).pop("resources", None)


def _pod_memory(draw: st.DrawFn, pod: Map) -> None:
    bound = draw(st.sampled_from(["limits", "requests"]))
    size = draw(st.sampled_from(["2Gi", "20Gi"] if bound == "limits" else ["1Mi", "1Gi"]))
    child(child(child(pod, "spec"), "resources"), bound)["memory"] = size


def _root_filesystem(draw: st.DrawFn, pod: Map) -> None:
    _assign(child(_one(draw, pod), "securityContext"), "readOnlyRootFilesystem", draw(_BOOLEANS))


def _writable_paths(draw: st.DrawFn, pod: Map) -> None:
    paths = draw(st.lists(st.sampled_from(["/run", "/srv/x", "/srv", "/proc", "x", "/mnt/0"]), min_size=1))
    name = draw(st.sampled_from([_one(draw, pod)["name"], "nobody"]))
    _annotate(pod, "stridegate.dev/writable-paths", f"{name}={','.join(paths)}")


def _ephemeral(draw: st.DrawFn, pod: Map) -> None:
    listed = children(child(pod, "spec"), "ephemeralContainers")
    listed.append({"name": f"e{len(listed)}", "image": f"debug:{draw(st.integers(1, 2))}"})


def _image(draw: st.DrawFn, pod: Map) -> None:
    _one(draw, pod)["image"] = f"registry.example/other:{draw(st.integers(1, 3))}"


def _null(draw: st.DrawFn, pod: Map) -> None:
    owner = draw(st.sampled_from([child(pod, "spec"), *containers(pod)]))
    owner[draw(st.sampled_from(["securityContext", "resources", "ports", "volumes", "volumeMounts"]))] = None


OWN_STEPS: Final[tuple[Step, ...]] = (
    _mount,
    _memory,
    _no_resources,
    _pod_memory,
    _root_filesystem,
    _writable_paths,
    _image,
)
WILD_STEPS: Final[tuple[Step, ...]] = (_ephemeral, _null)
