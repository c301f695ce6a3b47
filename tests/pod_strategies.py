"""Hypothesis strategies for pods, biased to the edges of every check: mostly what an API server accepts, a few steps from harmless."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Final

from hypothesis import strategies as st

from stridegate.engine.examples import JsonMap, hardened_container
from stridegate.model.edits import Json

# Pods as their authors write them: nested maps and lists, changed in place while they are drawn.
Map = dict[str, "Json"]
Step = Callable[[st.DataObject, Map], None]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


CAPABILITIES: Final = _words(
    "AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE SETFCAP SETGID SETPCAP SETUID SYS_CHROOT "
    "NET_RAW NET_ADMIN SYS_ADMIN SYS_TIME ALL all CAP_CHOWN CAP_NET_RAW CAP_SYS_ADMIN net_raw chown net_bind_service"
)
SYSCTLS: Final = _words(
    "kernel.shm_rmid_forced net.ipv4.ip_local_port_range net.ipv4.tcp_syncookies net.ipv4.ping_group_range "
    "net.ipv4.ip_unprivileged_port_start net.ipv4.ip_local_reserved_ports net.ipv4.tcp_keepalive_time "
    "net.ipv4.tcp_keepalive_intvl net.ipv4.tcp_keepalive_probes net.ipv4.tcp_fin_timeout net.ipv4.tcp_rmem "
    "net.ipv4.tcp_wmem net.ipv4.tcp_slow_start_after_idle net.ipv4.tcp_notsent_lowat net.ipv4.tcp_mem kernel.msgmax "
    "net/ipv4/tcp_syncookies fs.mqueue.msg_max"
)
SOURCES: Final[dict[str, Map]] = {
    "awsElasticBlockStore": {"volumeID": "v"},
    "azureDisk": {"diskName": "d", "diskURI": "https://x.example/d"},
    "azureFile": {"secretName": "s", "shareName": "s"},
    "cephfs": {"monitors": ["m"]},
    "cinder": {"volumeID": "v"},
    "configMap": {"name": "c"},
    "csi": {"driver": "d.example"},
    "downwardAPI": {"items": [{"path": "p", "fieldRef": {"fieldPath": "metadata.name"}}]},
    "emptyDir": {},
    "ephemeral": {
        "volumeClaimTemplate": {
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
        }
    },
    "fc": {"targetWWNs": ["w"], "lun": 0},
    "flexVolume": {"driver": "d/x"},
    "flocker": {"datasetName": "d"},
    "gcePersistentDisk": {"pdName": "d"},
    "gitRepo": {"repository": "https://git.example/x"},
    "glusterfs": {"endpoints": "e", "path": "p"},
    "hostPath": {"path": "/srv"},
    "image": {"reference": "registry.example/data:1"},
    "iscsi": {"targetPortal": "10.0.0.1:3260", "iqn": "iqn.2001-04.com.example:storage", "lun": 0},
    "nfs": {"server": "n", "path": "/"},
    "persistentVolumeClaim": {"claimName": "c"},
    "photonPersistentDisk": {"pdID": "p"},
    "portworxVolume": {"volumeID": "v"},
    "projected": {"sources": [{"configMap": {"name": "c"}}]},
    "quobyte": {"registry": "r:1", "volume": "v"},
    "rbd": {"monitors": ["m"], "image": "i"},
    "scaleIO": {"gateway": "g", "system": "s", "volumeName": "v", "secretRef": {"name": "s"}},
    "secret": {"secretName": "s"},
    "storageos": {"volumeName": "v", "volumeNamespace": "n"},
    "vsphereVolume": {"volumePath": "[d] v"},
}
HOST_PATHS: Final = _words(
    "/ /run /var/run /var/run/docker.sock /run/containerd/containerd.sock /proc/1/root/run /srv /runx/docker.sock "
    "/var /var/lib/kubelet /var/log/pods /run/user/1000/docker.sock"
)
QUANTITIES: Final[tuple[Json, ...]] = ("64Mi", "512m", "0", "1Gi", "9Gi", "1e9", 134217728, "0.5Gi", None)

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


def _one(data: st.DataObject, pod: Map) -> Map:
    return data.draw(st.sampled_from(containers(pod)))


def _level(data: st.DataObject, pod: Map) -> Map:
    """Return the security context of the pod or of a container."""
    owner = data.draw(st.sampled_from([child(pod, "spec"), *containers(pod)]))
    return child(owner, "securityContext")


def _assign(parent: Map, key: str, value: Json) -> None:
    if value is None:
        parent.pop(key, None)
    else:
        parent[key] = copy.deepcopy(value)


def _annotate(pod: Map, key: str, value: str) -> None:
    child(child(pod, "metadata"), "annotations")[key] = value


def _privileged(data: st.DataObject, pod: Map) -> None:
    context = child(_one(data, pod), "securityContext")
    context["privileged"] = data.draw(st.booleans())
    if context["privileged"]:
        context.pop("allowPrivilegeEscalation", None)


def _escalation(data: st.DataObject, pod: Map) -> None:
    _assign(child(_one(data, pod), "securityContext"), "allowPrivilegeEscalation", data.draw(_BOOLEANS))


def _host_namespace(data: st.DataObject, pod: Map) -> None:
    field = data.draw(st.sampled_from(["hostNetwork", "hostPID", "hostIPC"]))
    _assign(child(pod, "spec"), field, data.draw(_BOOLEANS))


def _user_namespace(data: st.DataObject, pod: Map) -> None:
    _assign(child(pod, "spec"), "hostUsers", data.draw(st.sampled_from([False, False, True, None])))


def _volume(data: st.DataObject, pod: Map) -> None:
    volumes = children(child(pod, "spec"), "volumes")
    volume: Map = {"name": f"v{len(volumes)}"}
    source = data.draw(st.sampled_from(["", "hostPath", "hostPath", *SOURCES]))
    if source:
        volume[source] = copy.deepcopy(SOURCES[source])
    if source == "hostPath":
        volume[source] = {"path": data.draw(st.sampled_from(HOST_PATHS))}
        if data.draw(st.booleans()):
            child(volume, source)["type"] = data.draw(st.sampled_from(["", "Directory", "Socket"]))
    volumes.append(volume)


def _mount(data: st.DataObject, pod: Map) -> None:
    volumes = [each for each in children(child(pod, "spec"), "volumes") if isinstance(each, dict)]
    if not volumes:
        return
    mounts = children(_one(data, pod), "volumeMounts")
    mount: Map = {"name": data.draw(st.sampled_from(volumes))["name"], "mountPath": f"/mnt/{len(mounts)}"}
    if data.draw(st.booleans()):
        mount["subPath"] = data.draw(st.sampled_from(["run/docker.sock", "log/pods", "docker.sock"]))
    mounts.append(mount)


def _port(data: st.DataObject, pod: Map) -> None:
    ports = children(_one(data, pod), "ports")
    number = 8000 + sum(len(children(each, "ports")) for each in containers(pod))
    port: Map = {"containerPort": number}
    _assign(port, "hostPort", data.draw(st.sampled_from([None, 0, number])))
    ports.append(port)


def _probe(data: st.DataObject, pod: Map) -> None:
    container = _one(data, pod)
    handler = data.draw(st.sampled_from(["livenessProbe", "readinessProbe", "startupProbe", "postStart", "preStop"]))
    target: Map = {"port": 80}
    _assign(target, "host", data.draw(st.sampled_from(["", "127.0.0.1", "example.com", "::1", None])))
    parent = child(container, "lifecycle") if handler.startswith("p") else container
    parent[handler] = {data.draw(st.sampled_from(["httpGet", "tcpSocket"])): target}


def _host_process(data: st.DataObject, pod: Map) -> None:
    child(_level(data, pod), "windowsOptions")["hostProcess"] = data.draw(st.booleans())
    child(pod, "spec")["hostNetwork"] = True


def _added(data: st.DataObject, pod: Map) -> None:
    capabilities = child(child(_one(data, pod), "securityContext"), "capabilities")
    capabilities["add"] = [*data.draw(st.lists(st.sampled_from(CAPABILITIES), max_size=3))]


def _dropped(data: st.DataObject, pod: Map) -> None:
    context = child(_one(data, pod), "securityContext")
    dropped: st.SearchStrategy[Json] = st.sampled_from(
        [None, [], ["ALL"], ["all"], ["NET_RAW"], ["CAP_NET_RAW"], ["KILL", "ALL"], ["CAP_ALL"], ["ALL", "ALL"]]
    )
    _assign(child(context, "capabilities"), "drop", data.draw(dropped))


def _proc_mount(data: st.DataObject, pod: Map) -> None:
    value = data.draw(st.sampled_from(["Unmasked", "Unmasked", "Default", None]))
    _assign(child(_one(data, pod), "securityContext"), "procMount", value)
    if value == "Unmasked":
        child(pod, "spec")["hostUsers"] = False


def _selinux(data: st.DataObject, pod: Map) -> None:
    options = child(_level(data, pod), "seLinuxOptions")
    kinds = ["container_t", "container_init_t", "container_kvm_t", "container_engine_t", "spc_t", "", None]
    field = data.draw(st.sampled_from(["type", "type", "user", "role", "level"]))
    names = kinds if field == "type" else ["system_u", "", None]
    _assign(options, field, data.draw(st.sampled_from(names)))


def _apparmor(data: st.DataObject, pod: Map) -> None:
    _assign(_level(data, pod), "appArmorProfile", data.draw(_APPARMOR))


def _apparmor_annotation(data: st.DataObject, pod: Map) -> None:
    value = data.draw(st.sampled_from(["unconfined", "runtime/default", "localhost/x", ""]))
    _annotate(pod, f"container.apparmor.security.beta.kubernetes.io/{_one(data, pod)['name']}", value)


def _seccomp(data: st.DataObject, pod: Map) -> None:
    _assign(_level(data, pod), "seccompProfile", data.draw(_SECCOMP))


def _seccomp_annotation(data: st.DataObject, pod: Map) -> None:
    value = data.draw(st.sampled_from(["unconfined", "runtime/default", "docker/default", "localhost/x.json"]))
    owner = f"container.seccomp.security.alpha.kubernetes.io/{_one(data, pod)['name']}"
    _annotate(pod, data.draw(st.sampled_from(["seccomp.security.alpha.kubernetes.io/pod", owner])), value)


def _sysctl(data: st.DataObject, pod: Map) -> None:
    sysctls = children(child(child(pod, "spec"), "securityContext"), "sysctls")
    sysctls.append({"name": data.draw(st.sampled_from(SYSCTLS)), "value": "1"})


def _non_root(data: st.DataObject, pod: Map) -> None:
    _assign(_level(data, pod), "runAsNonRoot", data.draw(_BOOLEANS))


def _user(data: st.DataObject, pod: Map) -> None:
    _assign(_level(data, pod), "runAsUser", data.draw(st.sampled_from([0, 0, 1, 1000, None])))


def _bare(data: st.DataObject, pod: Map) -> None:
    _one(data, pod).pop("securityContext", None)


def _bare_pod(_: st.DataObject, pod: Map) -> None:
    child(pod, "spec").pop("securityContext", None)


_LINUX = _words(
    "appArmorProfile seLinuxOptions seccompProfile capabilities readOnlyRootFilesystem privileged sysctls runAsUser "
    "allowPrivilegeEscalation procMount"
)


def _windows(data: st.DataObject, pod: Map) -> None:
    spec = child(pod, "spec")
    spec["os"] = {"name": data.draw(st.sampled_from(["windows", "windows", "windows", "linux"]))}
    if spec["os"] == {"name": "windows"}:
        for field in ("hostPID", "hostIPC", "hostUsers"):
            spec.pop(field, None)
        for owner in (spec, *containers(pod)):
            for field in _LINUX:
                child(owner, "securityContext").pop(field, None)


def _windows_by_selector(_: st.DataObject, pod: Map) -> None:
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


def _memory(data: st.DataObject, pod: Map) -> None:
    resources = child(_one(data, pod), "resources")
    bound = data.draw(st.sampled_from(["limits", "requests"]))
    _assign(child(resources, bound), "memory", data.draw(st.sampled_from(QUANTITIES)))


def _no_resources(data: st.DataObject, pod: Map) -> None:
    _one(data, pod).pop("resources", None)


def _pod_memory(data: st.DataObject, pod: Map) -> None:
    bound = data.draw(st.sampled_from(["limits", "requests"]))
    size = data.draw(st.sampled_from(["2Gi", "20Gi"] if bound == "limits" else ["1Mi", "1Gi"]))
    child(child(child(pod, "spec"), "resources"), bound)["memory"] = size


def _root_filesystem(data: st.DataObject, pod: Map) -> None:
    _assign(child(_one(data, pod), "securityContext"), "readOnlyRootFilesystem", data.draw(_BOOLEANS))


def _writable_paths(data: st.DataObject, pod: Map) -> None:
    paths = data.draw(st.lists(st.sampled_from(["/run", "/srv/x", "/srv", "/proc", "x", "/mnt/0"]), min_size=1))
    name = data.draw(st.sampled_from([_one(data, pod)["name"], "nobody"]))
    _annotate(pod, "stridegate.dev/writable-paths", f"{name}={','.join(paths)}")


def _ephemeral(data: st.DataObject, pod: Map) -> None:
    listed = children(child(pod, "spec"), "ephemeralContainers")
    listed.append({"name": f"e{len(listed)}", "image": f"debug:{data.draw(st.integers(1, 2))}"})


def _image(data: st.DataObject, pod: Map) -> None:
    _one(data, pod)["image"] = f"registry.example/other:{data.draw(st.integers(1, 3))}"


def _null(data: st.DataObject, pod: Map) -> None:
    owner = data.draw(st.sampled_from([child(pod, "spec"), *containers(pod)]))
    owner[data.draw(st.sampled_from(["securityContext", "resources", "ports", "volumes", "volumeMounts"]))] = None


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


@st.composite
def pods(draw: st.DrawFn, *, steps: tuple[Step, ...], most: int = 5) -> JsonMap:
    """Return pods: hardened ones or bare ones, with a few steps taken from there."""
    pod: JsonMap = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "generated"}, "spec": {}}
    spec = child(pod, "spec")
    hardened = draw(st.booleans())
    if hardened:
        spec["securityContext"] = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    spec["containers"] = [_container(f"c{index}", hardened=hardened) for index in range(draw(st.integers(1, 2)))]
    if draw(st.booleans()):
        first = _container("i0", hardened=hardened)
        if draw(st.booleans()):
            first["restartPolicy"] = "Always"
        spec["initContainers"] = [first]
    data = draw(st.data())
    for step in draw(st.lists(st.sampled_from(steps), max_size=most)):
        step(data, pod)
    return pod


def _container(name: str, *, hardened: bool) -> JsonMap:
    return hardened_container(name) if hardened else {"name": name, "image": f"registry.example/{name}:1.0"}


def everything() -> st.SearchStrategy[JsonMap]:
    """Return pods that touch on every rule there is, some of them in shapes that no API server stores."""
    return pods(steps=STANDARD_STEPS + OWN_STEPS + WILD_STEPS, most=8)
