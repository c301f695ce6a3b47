"""Where a node keeps its files, by how it was installed. What a component's own flags name comes before any of these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from stridegate.model.nodes.nodes import Installation

# The directories that every Linux host has.
_EVERYWHERE = ("/etc/", "/home/", "/lib/", "/opt/", "/root/", "/run/", "/usr/", "/var/lib/")
# What a pod never sees of its node, since only what is below is mounted. Whoever may write there owns the node already.
ABOVE_MOUNTS = frozenset({"/", "/var"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Whereabouts:
    """Where something may be: first where this installation has it, then where everybody has it.

    Where nothing is known of how a node was installed, the places of all installations are looked at, if it is in none
    of the general ones; but not those in directories that only one installation has, such as /var/snap: a scanner in a
    pod has these mounted where it is told that they are there.
    """

    general: tuple[str, ...] = ()
    by_installation: Mapping[Installation, tuple[str, ...]] = field(default_factory=dict)

    def on(self, installation: Installation) -> tuple[str, ...]:
        """Return all the paths in the order in which they are looked for, each once."""
        return tuple(dict.fromkeys(path for stage in self.stages(installation) for path in stage))

    def stages(self, installation: Installation) -> tuple[tuple[str, ...], ...]:
        """Return the paths in the order in which they are looked for; a stage matters where those before it have none."""
        own = (*self.by_installation.get(installation, ()), *self.general)
        if installation is not Installation.GENERIC:
            return (own,)
        others = (path for paths in self.by_installation.values() for path in paths)
        return (own, tuple(path for path in others if path.startswith(_EVERYWHERE)))


def parent(path: str) -> str:
    """Return the directory that a path is in."""
    return path.rpartition("/")[0] or "/"


def base_name(path: str) -> str:
    """Return the last part of a path: of a program's path, its name."""
    return path.rpartition("/")[2]


K3S_SERVER = "/var/lib/rancher/k3s/server"
RKE2_SERVER = "/var/lib/rancher/rke2/server"
MICROK8S_ARGUMENTS = "/var/snap/microk8s/current/args"
_MICROK8S_CREDENTIALS = "/var/snap/microk8s/current/credentials"
_MICROK8S_CERTIFICATES = "/var/snap/microk8s/current/certs"


def _rancher(below: str) -> Mapping[Installation, tuple[str, ...]]:
    """Return the path below each of the two servers' directories."""
    return {
        Installation.K3S: (f"/var/lib/rancher/k3s/{below}",),
        Installation.RKE2: (f"/var/lib/rancher/rke2/{below}",),
    }


KUBELET_CONFIGURATION = Whereabouts(
    general=("/var/lib/kubelet/config.yaml", "/var/lib/kubelet/config.yml"),
    by_installation=MappingProxyType(
        {
            Installation.EKS: (
                "/etc/kubernetes/kubelet/kubelet-config.json",
                "/etc/kubernetes/kubelet/config.json",
            ),
            Installation.BOTTLEROCKET: ("/etc/kubernetes/kubelet/config",),
            Installation.GKE: ("/home/kubernetes/kubelet-config.yaml",),
            Installation.AKS: ("/etc/default/kubeletconfig.json",),
            Installation.OPENSHIFT: ("/var/data/kubelet/config.json", "/etc/kubernetes/kubelet.conf"),
            Installation.TALOS: ("/system/secrets/kubernetes/kubelet/config.yaml",),
            Installation.TKGI: ("/var/vcap/jobs/kubelet/config/kubeletconfig.yml",),
        }
    ),
)

# Directories of drop-ins (`*.conf`), merged in the order of their names.
KUBELET_DROP_INS = Whereabouts(
    by_installation=MappingProxyType(
        {
            **_rancher("agent/etc/kubelet.conf.d"),
            Installation.EKS: ("/etc/kubernetes/kubelet/config.json.d",),
        }
    )
)

KUBELET_KUBECONFIG = Whereabouts(
    general=(
        "/etc/kubernetes/kubelet.conf",
        "/etc/kubernetes/kubelet-kubeconfig",
        "/etc/kubernetes/kubelet-kubeconfig.conf",
        "/var/lib/kubelet/kubeconfig",
        "/etc/kubernetes/kubelet/kubeconfig",
        "/etc/kubernetes/kubeconfig-kubelet",
    ),
    by_installation=MappingProxyType(
        {
            **_rancher("agent/kubelet.kubeconfig"),
            Installation.MICROK8S: (f"{_MICROK8S_CREDENTIALS}/kubelet.config",),
            Installation.K0S: ("/var/lib/k0s/kubelet.conf",),
            Installation.TALOS: ("/system/secrets/kubernetes/kubelet/kubeconfig",),
        }
    ),
)

# systemd reads /etc first; openSUSE's /usr/lib is another directory than its /lib.
_UNIT_DIRECTORIES = ("/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")

# Where systemd keeps the drop-ins of a unit, and the unit itself.
SYSTEMD_UNITS = _UNIT_DIRECTORIES


def _units(*names: str) -> tuple[str, ...]:
    return tuple(f"{directory}/{name}.service" for name in names for directory in _UNIT_DIRECTORIES)


KUBELET_UNIT = Whereabouts(
    general=_units("kubelet"),
    by_installation=MappingProxyType(
        {
            Installation.MICROK8S: _units("snap.microk8s.daemon-kubelet", "snap.microk8s.daemon-kubelite"),
            Installation.K3S: _units("k3s", "k3s-agent"),
            Installation.RKE2: _units("rke2-server", "rke2-agent"),
        }
    ),
)

CLIENT_CA = Whereabouts(
    general=("/etc/kubernetes/pki/ca.crt",),
    by_installation=MappingProxyType(
        {
            Installation.AKS: ("/etc/kubernetes/certs/ca.crt",),
            Installation.GKE: ("/etc/srv/kubernetes/pki/ca-certificates.crt",),
            Installation.OPENSHIFT: ("/etc/kubernetes/kubelet-ca.crt",),
            **_rancher("agent/client-ca.crt"),
            Installation.MICROK8S: (f"{_MICROK8S_CERTIFICATES}/ca.crt",),
            Installation.TALOS: ("/system/secrets/kubernetes/kubelet/ca.crt",),
        }
    ),
)

# Directories of the manifests of static pods, and patterns of the files' names.
STATIC_POD_MANIFESTS = "/etc/kubernetes/manifests"
STATIC_POD_DIRECTORIES = Whereabouts(
    general=(STATIC_POD_MANIFESTS,),
    by_installation=MappingProxyType({Installation.RKE2: ("/var/lib/rancher/rke2/agent/pod-manifests",)}),
)


def manifests(component: str) -> Whereabouts:
    """Return where the manifest of a control plane component's static pod may be."""
    short = component.removeprefix("kube-")
    return Whereabouts(
        general=tuple(f"{STATIC_POD_MANIFESTS}/{component}.{ending}" for ending in ("yaml", "yml", "manifest")),
        by_installation=MappingProxyType(
            {
                Installation.RKE2: (f"/var/lib/rancher/rke2/agent/pod-manifests/{component}.yaml",),
                Installation.OPENSHIFT: (
                    f"{STATIC_POD_MANIFESTS}/{component}-pod.yaml",
                    *((f"{STATIC_POD_MANIFESTS}/openshift-{component}-pod.yaml",) if short != component else ()),
                ),
                Installation.TALOS: (f"{STATIC_POD_MANIFESTS}/talos-{component}.yaml",),
                Installation.MICROK8S: (f"{MICROK8S_ARGUMENTS}/{component}",),
                Installation.TKGI: (f"/var/vcap/jobs/{component}/config/bpm.yml",),
            }
        ),
    )


ADMIN_KUBECONFIGS = Whereabouts(
    general=("/etc/kubernetes/admin.conf", "/etc/kubernetes/super-admin.conf"),
    by_installation=MappingProxyType(
        {
            Installation.K3S: (f"{K3S_SERVER}/cred/admin.kubeconfig", "/etc/rancher/k3s/k3s.yaml"),
            Installation.RKE2: (f"{RKE2_SERVER}/cred/admin.kubeconfig", "/etc/rancher/rke2/rke2.yaml"),
            Installation.K0S: ("/var/lib/k0s/pki/admin.conf",),
            Installation.MICROK8S: (f"{_MICROK8S_CREDENTIALS}/client.config",),
        }
    ),
)

SCHEDULER_KUBECONFIG = Whereabouts(
    general=("/etc/kubernetes/scheduler.conf",),
    by_installation=MappingProxyType(
        {
            **_rancher("server/cred/scheduler.kubeconfig"),
            Installation.MICROK8S: (f"{_MICROK8S_CREDENTIALS}/scheduler.config",),
            Installation.K0S: ("/var/lib/k0s/pki/scheduler.conf",),
            Installation.TALOS: ("/system/secrets/kubernetes/kube-scheduler/kubeconfig",),
        }
    ),
)

CONTROLLER_MANAGER_KUBECONFIG = Whereabouts(
    general=("/etc/kubernetes/controller-manager.conf",),
    by_installation=MappingProxyType(
        {
            **_rancher("server/cred/controller.kubeconfig"),
            Installation.MICROK8S: (f"{_MICROK8S_CREDENTIALS}/controller.config",),
            Installation.K0S: ("/var/lib/k0s/pki/ccm.conf",),
            Installation.TALOS: ("/system/secrets/kubernetes/kube-controller-manager/kubeconfig",),
        }
    ),
)

ETCD_DATA = Whereabouts(
    general=("/var/lib/etcd",),
    by_installation=MappingProxyType(
        {
            **_rancher("server/db/etcd"),
            Installation.OPENSHIFT: ("/var/lib/etcd",),
            Installation.K0S: ("/var/lib/k0s/etcd",),
            Installation.TKGI: ("/var/vcap/store/etcd",),
        }
    ),
)

# YAML files that etcd is given with --config-file.
ETCD_CONFIGURATION = Whereabouts(
    general=("/etc/etcd/etcd.conf.yml", "/etc/etcd/etcd.yaml"),
    by_installation=MappingProxyType(_rancher("server/db/etcd/config")),
)

# ETCD_* lines that its unit reads (EnvironmentFile=).
ETCD_ENVIRONMENT = Whereabouts(
    general=("/etc/etcd/etcd.conf", "/etc/default/etcd", "/etc/etcd.env", "/etc/sysconfig/etcd")
)

ETCD_UNIT = Whereabouts(general=_units("etcd"))

PKI = Whereabouts(
    general=("/etc/kubernetes/pki",),
    by_installation=MappingProxyType(
        {
            **_rancher("server/tls"),
            Installation.OPENSHIFT: ("/etc/kubernetes/static-pod-certs", "/etc/kubernetes/static-pod-resources"),
            Installation.MICROK8S: (_MICROK8S_CERTIFICATES,),
            Installation.K0S: ("/var/lib/k0s/pki",),
            Installation.TALOS: ("/system/secrets/kubernetes",),
        }
    ),
)

KUBE_PROXY_KUBECONFIG = Whereabouts(
    general=("/etc/kubernetes/kube-proxy.conf", "/etc/kubernetes/proxy.conf", "/var/lib/kube-proxy/kubeconfig.conf"),
    by_installation=MappingProxyType(
        {
            **_rancher("agent/kubeproxy.kubeconfig"),
            Installation.GKE: ("/var/lib/kube-proxy/kubeconfig",),
            Installation.MICROK8S: (f"{_MICROK8S_CREDENTIALS}/proxy.config",),
        }
    ),
)

DOCKER_CONFIGURATION = Whereabouts(general=("/etc/docker/daemon.json",))

# /var/run is a link to /run.
DOCKER_SOCKET = Whereabouts(general=("/run/docker.sock",))
CRI_DOCKER_SOCKET = Whereabouts(general=("/run/cri-dockerd.sock",))

CONTAINERD_CONFIGURATION = Whereabouts(
    general=("/etc/containerd/config.toml",),
    by_installation=MappingProxyType(
        {
            **_rancher("agent/etc/containerd/config.toml"),
            Installation.K0S: ("/etc/k0s/containerd.toml",),
            Installation.MICROK8S: (f"{MICROK8S_ARGUMENTS}/containerd.toml",),
        }
    ),
)

CONTAINERD_SOCKET = Whereabouts(
    general=("/run/containerd/containerd.sock",),
    by_installation=MappingProxyType(
        {
            Installation.K3S: ("/run/k3s/containerd/containerd.sock",),
            Installation.RKE2: ("/run/k3s/containerd/containerd.sock",),
            Installation.K0S: ("/run/k0s/containerd.sock",),
            Installation.MICROK8S: ("/var/snap/microk8s/common/run/containerd.sock",),
        }
    ),
)

CRIO_CONFIGURATION = Whereabouts(general=("/etc/crio/crio.conf",))
CRIO_DROP_INS = Whereabouts(general=("/etc/crio/crio.conf.d",))
CRIO_SOCKET = Whereabouts(general=("/run/crio/crio.sock",))
