"""How what is wrong on a node is mended, by what was installed and how: text for reading and copying, never executed."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType

from stridegate.model.nodes.nodes import Installation

_RANCHER = (Installation.K3S, Installation.RKE2)
_MANAGED = (Installation.EKS, Installation.GKE, Installation.AKS)
_IMMUTABLE = (Installation.TALOS, Installation.BOTTLEROCKET)


class Remedy(enum.Enum):
    """A family of remedies: the same way to change a setting, and the same side effects."""

    FILE = "file"
    ETCD_DIRECTORY = "etcd-dir"
    CONTROL_PLANE_FLAG = "cp-flag"
    ENCRYPTION = "encrypt"
    AUDIT_LOG = "audit-log"
    ETCD_TLS = "etcd-tls"
    KUBELET = "kubelet"
    KUBE_PROXY = "kube-proxy"
    AUDITD = "auditd"
    DOCKER_DAEMON = "dockerd"
    DOCKER_SOCKET = "docker-sock"
    TRUST = "trust"
    RUNTIME = "cri"
    POD = "pod"
    CERTIFICATE = "cert"
    NETWORK = "net"
    UPGRADE = "upgrade"
    HOST = "host"

    @property
    def words(self) -> str:
        """How it is done on a self-managed node, and what to know before."""
        return f"{_SELF_MANAGED[self]} Mind: {_SIDE_EFFECTS[self]}."

    def on(self, installation: Installation) -> str:
        """How it is done on a node that was installed in that way."""
        return _BY_INSTALLATION.get((self, installation), _SELF_MANAGED[self])


_SELF_MANAGED: Mapping[Remedy, str] = MappingProxyType(
    {
        Remedy.FILE: "Keep it so in the node's image build or with tmpfiles.d.",
        Remedy.ETCD_DIRECTORY: "Create a user etcd, give it the directory, and run the static pod as that user.",
        Remedy.CONTROL_PLANE_FLAG: (
            "Set it under extraArgs of the ClusterConfiguration and run `kubeadm upgrade apply`, or in kubeadm's patches "
            "directory: an edit of the manifest is lost with the next upgrade."
        ),
        Remedy.ENCRYPTION: (
            "Write an EncryptionConfiguration with kms v2 or secretbox first and identity last, restart the API server, "
            "then rewrite all Secrets: `kubectl get secrets -A -o json | kubectl replace -f -`."
        ),
        Remedy.AUDIT_LOG: "Add the policy file, the log flags and their hostPath mounts to the API server's manifest.",
        Remedy.ETCD_TLS: "Set certificate, key and CA by flags or under *-transport-security of etcd's YAML file.",
        Remedy.KUBELET: (
            "Set it in the KubeletConfiguration, or in a drop-in of --config-dir that sorts last, take the flag of the "
            "same name away, and restart the kubelet."
        ),
        Remedy.KUBE_PROXY: "Set it in the ConfigMap kube-system/kube-proxy and restart the DaemonSet.",
        Remedy.AUDITD: "Write the rule to a file in /etc/audit/rules.d and run `augenrules --load`.",
        Remedy.DOCKER_DAEMON: (
            "Set it in daemon.json alone, never also as a flag; check with `dockerd --validate`, then reload or restart."
        ),
        Remedy.DOCKER_SOCKET: "Set SocketMode=0660 and SocketGroup=docker in a drop-in of docker.socket: chmod alone is lost at reboot.",
        Remedy.TRUST: (
            "Set DOCKER_CONTENT_TRUST=1 in /etc/environment for logins, and verify signatures at admission or in the "
            "runtime: the kubelet ignores the variable."
        ),
        Remedy.RUNTIME: (
            "Set it in an imported drop-in of containerd's config.toml (check with `containerd config dump`) or in "
            "crio.conf.d (check with `crio config`), and restart the runtime."
        ),
        Remedy.POD: "Change the template of the controller that owns the pod, not the pod.",
        Remedy.CERTIFICATE: "Issue a short-lived one from the right CA, and let its owner reload it.",
        Remedy.NETWORK: "Bind to loopback, or close the port in the node's firewall.",
        Remedy.UPGRADE: "Move to the release that has the fix.",
        Remedy.HOST: "Set it in sysctl.d, a systemd drop-in, fstab or the group file, whichever holds it.",
    }
)

_SIDE_EFFECTS: Mapping[Remedy, str] = MappingProxyType(
    {
        Remedy.FILE: "whoever reads by group, such as monitoring, loses access",
        Remedy.ETCD_DIRECTORY: "a wrong user stops etcd, so back up first",
        Remedy.CONTROL_PLANE_FLAG: "the static pod restarts",
        Remedy.ENCRYPTION: "who loses the key loses the data",
        Remedy.AUDIT_LOG: "the log needs room on the disk",
        Remedy.ETCD_TLS: "restart one member at a time",
        Remedy.KUBELET: "the kubelet restarts",
        Remedy.KUBE_PROXY: "scraping of metrics from outside stops",
        Remedy.AUDITD: "the audit log grows, and rules after `-e 2` wait for a reboot",
        Remedy.DOCKER_DAEMON: "user namespaces hide existing images, icc off breaks links, live restore excludes swarm",
        Remedy.DOCKER_SOCKET: "clients outside the group lose access",
        Remedy.TRUST: "pulls of unsigned images fail",
        Remedy.RUNTIME: "pods keep running, exec and logs pause",
        Remedy.POD: "the application may need paths to write, a user or a port",
        Remedy.CERTIFICATE: "the component may have to restart",
        Remedy.NETWORK: "see who connects today",
        Remedy.UPGRADE: "the component restarts",
        Remedy.HOST: "the component may have to restart",
    }
)

_BY_INSTALLATION: Mapping[tuple[Remedy, Installation], str] = MappingProxyType(
    {
        **{
            (
                Remedy.FILE,
                each,
            ): 'Files are rewritten at start: set write-kubeconfig-mode: "0600" and protect-kernel-defaults: true in config.yaml.'
            for each in _RANCHER
        },
        **{(Remedy.FILE, each): "Change the node image or the launch template." for each in _MANAGED},
        **{(Remedy.FILE, each): "The image is not writable: ask its vendor." for each in _IMMUTABLE},
        **{(Remedy.ETCD_DIRECTORY, each): "etcd runs as root in this distribution." for each in _RANCHER},
        **{
            (
                Remedy.CONTROL_PLANE_FLAG,
                each,
            ): "Set it under kube-apiserver-arg or kube-controller-manager-arg in /etc/rancher/*/config.yaml."
            for each in _RANCHER
        },
        **{
            (Remedy.CONTROL_PLANE_FLAG, each): "The provider runs the control plane: use its console or API."
            for each in _MANAGED
        },
        **{
            (Remedy.ENCRYPTION, each): "Set secrets-encryption: true, then run `secrets-encrypt rotate-keys`."
            for each in _RANCHER
        },
        **{
            (Remedy.ENCRYPTION, each): "Switch on the provider's encryption of Secrets with its KMS."
            for each in _MANAGED
        },
        **{(Remedy.AUDIT_LOG, each): "Set kube-apiserver-arg: audit-… and write the policy file." for each in _RANCHER},
        **{(Remedy.AUDIT_LOG, each): "Switch on the provider's audit log." for each in _MANAGED},
        **{
            (Remedy.KUBELET, each): "Set it under kubelet-arg in config.yaml, or in agent/etc/kubelet.conf.d/*.conf."
            for each in _RANCHER
        },
        (Remedy.KUBELET, Installation.EKS): "Set it in the NodeConfig of nodeadm or in the launch template.",
        (Remedy.KUBELET, Installation.AKS): "Set it in the custom node configuration of the node pool.",
        (Remedy.KUBELET, Installation.GKE): "Set it in the node system configuration of the node pool.",
        (Remedy.KUBELET, Installation.OPENSHIFT): "Set it in a KubeletConfig for the machine config pool.",
        **{(Remedy.KUBE_PROXY, each): "Set it under kube-proxy-arg in config.yaml." for each in _RANCHER},
        **{(Remedy.KUBE_PROXY, each): "Set it in the configuration of the provider's add-on." for each in _MANAGED},
        **{(Remedy.RUNTIME, each): "Set it in config-v3.toml.tmpl and restart." for each in _RANCHER},
        (Remedy.RUNTIME, Installation.OPENSHIFT): "Set it in a MachineConfig.",
    }
)
