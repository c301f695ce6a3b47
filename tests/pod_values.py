"""The values that pods are made of in tests: for each field the allowed ones, the forbidden ones, and those in between."""

from __future__ import annotations

from typing import Final

from stridegate.engine.examples import JsonMap
from stridegate.model.edits import Json


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
SOURCES: Final[dict[str, JsonMap]] = {
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
# What the API server refuses on Windows pods.
LINUX_FIELDS: Final = _words(
    "appArmorProfile seLinuxOptions seccompProfile capabilities readOnlyRootFilesystem privileged sysctls runAsUser "
    "allowPrivilegeEscalation procMount"
)
HOST_PATHS: Final = _words(
    "/ /run /var/run /var/run/docker.sock /run/containerd/containerd.sock /proc/1/root/run /srv /runx/docker.sock "
    "/var /var/lib/kubelet /var/log/pods /run/user/1000/docker.sock"
)
QUANTITIES: Final[tuple[Json, ...]] = ("64Mi", "512m", "0", "1Gi", "9Gi", "1e9", 134217728, "0.5Gi", None)


def _at_both_levels(field: str) -> list[str]:
    """Return a security context's field set at the pod, and on its container."""
    return [f"securityContext: {{{field}}}", f"containers: [{{name: app, securityContext: {{{field}}}}}]"]


def _container(field: str) -> str:
    return f"containers: [{{name: app, {field}}}]"


_SPECS: Final = [
    "{}",
    *_at_both_levels("runAsNonRoot: true"),
    *_at_both_levels("runAsNonRoot: false"),
    *_at_both_levels("runAsNonRoot: null"),
    *_at_both_levels("runAsUser: 0"),
    *_at_both_levels("runAsUser: 1"),
    *_at_both_levels("seccompProfile: null"),
    *_at_both_levels("seccompProfile: {type: Unconfined}"),
    *_at_both_levels("seccompProfile: {type: RuntimeDefault}"),
    *_at_both_levels("appArmorProfile: {type: Unconfined}"),
    *_at_both_levels("appArmorProfile: {type: RuntimeDefault}"),
    *_at_both_levels("appArmorProfile: {type: Localhost, localhostProfile: x}"),
    *(
        spec
        for field in ("type", "user", "role")
        for name in ("container_t", "container_init_t", "container_kvm_t", "container_engine_t", "spc_t", "''")
        for spec in _at_both_levels(f"seLinuxOptions: {{{field}: {name}}}")
    ),
    *(f"securityContext: {{sysctls: [{{name: {name}, value: '1'}}]}}" for name in SYSCTLS),
    *(
        _container(f"securityContext: {{capabilities: {{add: [{name}]}}}}")
        for name in CAPABILITIES
        if name != "CAP_SYS_ADMIN"
    ),
    *(
        _container(f"securityContext: {{capabilities: {{drop: [{names}]}}}}")
        for names in ("", "all", "NET_RAW", "CAP_ALL", "'KILL', ALL")
    ),
    *(f"volumes: [{{name: x, {source}: {SOURCES[source]}}}]" for source in SOURCES),
    "volumes: [{name: x}]",
    *(
        f"hostUsers: false\n{field}"
        for field in ("securityContext: {runAsUser: 0}", "securityContext: {runAsNonRoot: null}")
    ),
    "hostUsers: false\n" + _container("securityContext: {procMount: Unmasked}"),
    _container("securityContext: {procMount: Default}"),
    _container("securityContext: {privileged: true, allowPrivilegeEscalation: null}"),
    _container("securityContext: {privileged: false}"),
    _container("securityContext: {allowPrivilegeEscalation: true}"),
    _container("securityContext: {allowPrivilegeEscalation: null}"),
    _container("securityContext: null"),
    "securityContext: null",
    "hostNetwork: true",
    "hostNetwork: false",
    "hostNetwork: true\n" + _container("ports: [{containerPort: 80}]"),
    "hostPID: true",
    "hostIPC: true",
    *(_container(f"ports: [{{containerPort: 80, hostPort: {port}}}]") for port in (0, 1, 80)),
    *(
        _container(f"{handler}: {{{action}: {{port: 80, host: {host}}}}}")
        for handler in ("livenessProbe", "readinessProbe", "startupProbe")
        for action in ("httpGet", "tcpSocket")
        for host in ("''", "127.0.0.1", "example.com")
    ),
    *(
        _container(f"lifecycle: {{{handler}: {{{action}: {{port: 80, host: {host}}}}}}}")
        for handler in ("postStart", "preStop")
        for action in ("httpGet", "tcpSocket")
        for host in ("''", "127.0.0.1")
    ),
    "os: {name: linux}",
    "os: {name: windows}\nsecurityContext: {seccompProfile: null}\n" + _container("securityContext: null"),
    "os: {name: windows}\nsecurityContext: null\n" + _container("securityContext: null"),
    "nodeSelector: {kubernetes.io/os: windows}\nsecurityContext: null\n" + _container("securityContext: null"),
]
_ANNOTATIONS: Final = [
    *(
        {f"{prefix}seccomp.security.alpha.kubernetes.io/{owner}": value}
        for prefix, owner in (("", "pod"), ("container.", "app"), ("container.", "nobody"))
        for value in ("unconfined", "docker/default", "runtime/default", "localhost/x.json")
    ),
    *(
        {"container.apparmor.security.beta.kubernetes.io/app": value}
        for value in ("", "unconfined", "runtime/default", "localhost/x")
    ),
]

# Pods that differ from the hardened one in one thing: YAML for their spec, and annotations.
SINGLE_VALUES: Final[list[tuple[str, dict[str, str]]]] = [
    *((spec, {}) for spec in _SPECS),
    *(("securityContext: {seccompProfile: null}", annotations) for annotations in _ANNOTATIONS),
]
