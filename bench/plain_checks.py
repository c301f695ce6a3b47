"""The checks of 26 rules once more, as one writes them for kopf: plain Python on the dictionaries that it hands over.

They are the Pod Security Standards and five rules that Stridegate adds. Only for comparison, and held to the product's
verdicts by what the benchmark sends. They do less than the product's: they know one version of the standards (1.37) and
one policy, which is written into them, and no odd spellings of paths and quantities.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

Object = dict[str, Any]
# A sentence: where, what is there, and what must be there instead.
Check = Callable[[Object, Object, list[Object]], Iterator[str]]

DEFAULT_CAPABILITIES = {
    "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP",
    "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
}  # fmt: skip
SAFE_SYSCTLS = {
    "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range",
    "net.ipv4.ip_unprivileged_port_start", "net.ipv4.ip_local_reserved_ports", "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_wmem", "net.ipv4.tcp_slow_start_after_idle", "net.ipv4.tcp_notsent_lowat",
}  # fmt: skip
VOLUME_SOURCES = {
    "name", "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected",
    "secret", "hostPath",
}  # fmt: skip
SELINUX_TYPES = {"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}
CONFINED = {"RuntimeDefault", "Localhost"}
SOCKETS = (
    "/run/docker.sock", "/run/docker/containerd/containerd.sock", "/run/containerd/containerd.sock",
    "/run/containerd/containerd.sock.ttrpc", "/run/k3s/containerd/containerd.sock", "/run/crio/crio.sock",
    "/run/cri-dockerd.sock", "/run/dockershim.sock", "/run/podman/podman.sock", "/run/buildkit/buildkitd.sock",
    "/run/nri/nri.sock", "/var/lib/kubelet/pod-resources", "/var/lib/kubelet/device-plugins",
)  # fmt: skip
APPARMOR = "container.apparmor.security.beta.kubernetes.io/"


def containers_of(spec: Object) -> list[Object]:
    """Return the init, regular and ephemeral containers of a pod."""
    return [
        container
        for listed in ("initContainers", "containers", "ephemeralContainers")
        for container in spec.get(listed) or ()
    ]


def security(holder: Object) -> Object:
    """Return the security context of a pod or a container."""
    return holder.get("securityContext") or {}


def on_windows(spec: Object) -> bool:
    """Whether a pod is one of Windows."""
    return bool((spec.get("os") or {}).get("name") == "windows")


def _levels(spec: Object, containers: list[Object]) -> Iterator[tuple[str, Object]]:
    yield "pod", security(spec)
    for container in containers:
        yield _named(container), security(container)


def _named(container: Object) -> str:
    return f"containers[{container.get('name')}]"


def _capabilities(container: Object) -> tuple[list[str], list[str]]:
    held = security(container).get("capabilities") or {}
    return held.get("add") or [], held.get("drop") or []


def _privileged(_pod: Object, _spec: Object, containers: list[Object]) -> Iterator[str]:
    for container in containers:
        if security(container).get("privileged"):
            yield f"{_named(container)}: securityContext.privileged is true → must be false or absent"


def _host(field: str) -> Check:
    def check(_pod: Object, spec: Object, _containers: list[Object]) -> Iterator[str]:
        if spec.get(field):
            yield f"pod: {field} is true → must be false or absent"

    return check


def _host_ports(_pod: Object, spec: Object, containers: list[Object]) -> Iterator[str]:
    for container in containers:
        for port in container.get("ports") or ():
            inner, taken = port.get("containerPort"), port.get("hostPort")
            if taken or (spec.get("hostNetwork") and inner):
                where = f"{_named(container)}: ports[{port.get('name') or inner}].hostPort"
                yield f"{where} is {taken or inner} → must be absent"


def _host_paths(_pod: Object, spec: Object, _containers: list[Object]) -> Iterator[str]:
    for volume in spec.get("volumes") or ():
        if volume.get("hostPath") is not None:
            path = volume["hostPath"].get("path")
            yield f"volumes[{volume.get('name')}]: hostPath is {path} → must be a volume of the pod's own"


def _sockets(_pod: Object, spec: Object, containers: list[Object]) -> Iterator[str]:
    for volume in spec.get("volumes") or ():
        source = volume.get("hostPath")
        if source is None or on_windows(spec):
            continue
        where = f"volumes[{volume.get('name')}]: hostPath"
        if source.get("type") == "Socket":
            yield f"{where} is {source.get('path')}, a socket → must reach no socket of the node"
            continue
        mounts = [mount for each in containers for mount in each.get("volumeMounts") or ()]
        narrowed = {mount.get("subPath") or "" for mount in mounts if mount.get("name") == volume.get("name")} or {""}
        for part in narrowed:
            path = f"{source.get('path')}/{part}".rstrip("/").replace("/var/run", "/run") or "/"
            for socket in SOCKETS:
                below = path in {"/", socket} or socket.startswith(path + "/") or path.startswith(socket + "/")
                if below:
                    yield f"{where} is {path} → must not reach {socket}"
                    break


def _volume_types(_pod: Object, spec: Object, _containers: list[Object]) -> Iterator[str]:
    for volume in spec.get("volumes") or ():
        for source, value in volume.items():
            if source not in VOLUME_SOURCES and value is not None:
                yield f"volumes[{volume.get('name')}] is {source} → must be of a listed type"


def _dangerous(_pod: Object, spec: Object, containers: list[Object]) -> Iterator[str]:
    if on_windows(spec):
        return
    for container in containers:
        for name in _capabilities(container)[0]:
            if name not in DEFAULT_CAPABILITIES:
                yield f"{_named(container)}: securityContext.capabilities.add → must not list {name}"


def _excess(_pod: Object, spec: Object, containers: list[Object]) -> Iterator[str]:
    if on_windows(spec):
        return
    for container in containers:
        for name in _capabilities(container)[0]:
            if name in DEFAULT_CAPABILITIES and name != "NET_BIND_SERVICE":
                yield f"{_named(container)}: securityContext.capabilities.add → must not list {name}"


def _net_raw(_pod: Object, spec: Object, containers: list[Object]) -> Iterator[str]:
    if on_windows(spec):
        return
    for container in containers:
        added, dropped = _capabilities(container)
        for name in added:
            if name.strip().upper().removeprefix("CAP_") in {"NET_RAW", "ALL"}:
                yield f"{_named(container)}: securityContext.capabilities.add → must not list {name}"
        if "ALL" not in dropped and "NET_RAW" not in dropped:
            yield f"{_named(container)}: securityContext.capabilities.drop is {dropped} → must list NET_RAW or ALL"


def _undropped(_pod: Object, spec: Object, containers: list[Object]) -> Iterator[str]:
    if on_windows(spec):
        return
    for container in containers:
        dropped = _capabilities(container)[1]
        if "ALL" not in dropped:
            yield f"{_named(container)}: securityContext.capabilities.drop is {dropped} → must list ALL"


def _escalation(_pod: Object, spec: Object, containers: list[Object]) -> Iterator[str]:
    if on_windows(spec):
        return
    for container in containers:
        allowed = security(container).get("allowPrivilegeEscalation")
        if allowed is not False:
            yield f"{_named(container)}: securityContext.allowPrivilegeEscalation is {allowed} → must be false"


def _possible_root(_pod: Object, spec: Object, containers: list[Object]) -> Iterator[str]:
    if spec.get("hostUsers") is False:
        return
    default = security(spec).get("runAsNonRoot")
    if default is False:
        yield "pod: securityContext.runAsNonRoot is false → must be true"
    for container in containers:
        own = security(container).get("runAsNonRoot")
        if own is False or (own is None and default is None):
            yield f"{_named(container)}: securityContext.runAsNonRoot is {own} → must be true, here or at the pod"


def _root(_pod: Object, spec: Object, containers: list[Object]) -> Iterator[str]:
    if spec.get("hostUsers") is False:
        return
    for owner, context in _levels(spec, containers):
        if context.get("runAsUser") == 0:
            yield f"{owner}: securityContext.runAsUser is 0 → must be absent or above 0"


def _seccomp_missing(_pod: Object, spec: Object, containers: list[Object]) -> Iterator[str]:
    if on_windows(spec) or security(spec).get("seccompProfile") is not None:
        return
    for container in containers:
        if security(container).get("seccompProfile") is None:
            yield f"{_named(container)}: securityContext.seccompProfile is absent → must be RuntimeDefault or Localhost"


def _seccomp(_pod: Object, spec: Object, containers: list[Object]) -> Iterator[str]:
    if on_windows(spec):
        return
    for owner, context in _levels(spec, containers):
        profile = context.get("seccompProfile")
        if profile is not None and profile.get("type") not in CONFINED:
            yield f"{owner}: securityContext.seccompProfile.type is {profile.get('type')} → must be one that confines"


def _apparmor(pod: Object, spec: Object, containers: list[Object]) -> Iterator[str]:
    for owner, context in _levels(spec, containers):
        profile = context.get("appArmorProfile")
        if profile is not None and profile.get("type") not in CONFINED:
            yield f"{owner}: securityContext.appArmorProfile.type is {profile.get('type')} → must be one that confines"
    for key, value in ((pod.get("metadata") or {}).get("annotations") or {}).items():
        if key.startswith(APPARMOR) and value not in {"", "runtime/default"} and not value.startswith("localhost/"):
            yield f"pod: metadata.annotations[{key}] is {value} → must be runtime/default or a localhost/ profile"


def _selinux(_pod: Object, spec: Object, containers: list[Object]) -> Iterator[str]:
    for owner, context in _levels(spec, containers):
        options = context.get("seLinuxOptions") or {}
        if (options.get("type") or "") not in SELINUX_TYPES:
            yield f"{owner}: securityContext.seLinuxOptions.type is {options['type']} → must be a confined one"
        for field in ("user", "role"):
            if options.get(field):
                yield f"{owner}: securityContext.seLinuxOptions.{field} is {options[field]} → must be absent"


def _sysctls(_pod: Object, spec: Object, _containers: list[Object]) -> Iterator[str]:
    for sysctl in security(spec).get("sysctls") or ():
        if sysctl.get("name") not in SAFE_SYSCTLS:
            yield f"pod: securityContext.sysctls is {sysctl.get('name')} → must be one that is safe"


def _proc_mount(_pod: Object, _spec: Object, containers: list[Object]) -> Iterator[str]:
    for container in containers:
        mount = security(container).get("procMount")
        if mount not in {None, "Default"}:
            yield f"{_named(container)}: securityContext.procMount is {mount} → must be Default or absent"


def _host_process(_pod: Object, spec: Object, containers: list[Object]) -> Iterator[str]:
    for owner, context in _levels(spec, containers):
        if (context.get("windowsOptions") or {}).get("hostProcess"):
            yield f"{owner}: securityContext.windowsOptions.hostProcess is true → must be false or absent"


def _probe_hosts(_pod: Object, _spec: Object, containers: list[Object]) -> Iterator[str]:
    for container in containers:
        hooks = container.get("lifecycle") or {}
        handlers = [container.get(each) for each in ("livenessProbe", "readinessProbe", "startupProbe")]
        for handler in [*handlers, hooks.get("postStart"), hooks.get("preStop")]:
            for action in ("httpGet", "tcpSocket"):
                if handler and (handler.get(action) or {}).get("host"):
                    yield f"{_named(container)}: {action}.host is {handler[action]['host']} → must be absent"


def _memory(_pod: Object, spec: Object, containers: list[Object]) -> Iterator[str]:
    if ((spec.get("resources") or {}).get("limits") or {}).get("memory"):
        return
    ephemeral = spec.get("ephemeralContainers") or ()
    for container in containers:
        limit = ((container.get("resources") or {}).get("limits") or {}).get("memory")
        if not any(container is each for each in ephemeral) and (limit is None or str(limit) == "0"):
            yield f"{_named(container)}: resources.limits.memory is {limit} → must be set"


def _excessive_memory(_pod: Object, _spec: Object, _containers: list[Object]) -> Iterator[str]:
    # The policy that all this is written for sets no ceiling.
    yield from ()


def _writable_root(_pod: Object, spec: Object, containers: list[Object]) -> Iterator[str]:
    if on_windows(spec):
        return
    ephemeral = spec.get("ephemeralContainers") or ()
    for container in containers:
        sealed = security(container).get("readOnlyRootFilesystem")
        if sealed is not True and not any(container is each for each in ephemeral):
            yield f"{_named(container)}: securityContext.readOnlyRootFilesystem is {sealed} → must be true"


# Worst first.
CHECKS: dict[str, Check] = {
    "container-runtime-socket": _sockets,
    "privileged-container": _privileged,
    "windows-host-process": _host_process,
    "dangerous-capability": _dangerous,
    "host-ipc": _host("hostIPC"),
    "host-network": _host("hostNetwork"),
    "host-path-volume": _host_paths,
    "host-pid": _host("hostPID"),
    "net-raw-capability": _net_raw,
    "possible-root-user": _possible_root,
    "privilege-escalation": _escalation,
    "root-user": _root,
    "unconfined-seccomp": _seccomp,
    "unlimited-memory": _memory,
    "unmasked-proc-mount": _proc_mount,
    "unsafe-sysctl": _sysctls,
    "custom-selinux-options": _selinux,
    "excess-capability": _excess,
    "excessive-memory-limit": _excessive_memory,
    "host-port": _host_ports,
    "missing-seccomp-profile": _seccomp_missing,
    "probe-host-override": _probe_hosts,
    "unconfined-apparmor": _apparmor,
    "undropped-capabilities": _undropped,
    "unlisted-volume-type": _volume_types,
    "writable-root-filesystem": _writable_root,
}


def violations(pod: Object) -> list[tuple[str, str]]:
    """Return what is wrong with a pod: slugs, each with a sentence."""
    spec = pod.get("spec") or {}
    containers = containers_of(spec)
    return [(slug, sentence) for slug, check in CHECKS.items() for sentence in check(pod, spec, containers)]
