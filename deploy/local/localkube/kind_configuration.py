"""The configuration that kind is given, as data: nodes, and patches of kubeadm's documents."""

import json
from dataclasses import dataclass
from pathlib import Path

_AUDIT_POLICY = "/etc/kubernetes/audit-policy.yaml"
_AUDIT_FOLDER = "/var/log/kubernetes"
AUDIT_LOG = f"{_AUDIT_FOLDER}/audit.log"


@dataclass(frozen=True, slots=True, kw_only=True)
class PortMapping:
    """A port of a node that the host listens on, on loopback only."""

    host: int
    node: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KindConfiguration:
    """What differs between clusters."""

    nodes: int
    cgroup_v1: bool
    without_dns: bool
    """Our own node image carries no CoreDNS."""
    audit_policy: Path | None = None
    """A file of the host. Events go to AUDIT_LOG on the control plane's node."""
    ports: tuple[PortMapping, ...] = ()
    flags: tuple[tuple[str, str], ...] = ()
    """Further flags of kube-apiserver: name without dashes, value."""

    def text(self) -> str:
        """Write it for `kind create cluster --config`: JSON is YAML."""
        control_plane: dict[str, object] = {
            "role": "control-plane",
            "extraPortMappings": [
                {"containerPort": port.node, "hostPort": port.host, "listenAddress": "127.0.0.1"} for port in self.ports
            ],
        }
        if self.audit_policy:
            control_plane["extraMounts"] = [
                {"hostPath": str(self.audit_policy), "containerPath": _AUDIT_POLICY, "readOnly": True}
            ]
        return json.dumps(
            {
                "kind": "Cluster",
                "apiVersion": "kind.x-k8s.io/v1alpha4",
                "nodes": [control_plane, *({"role": "worker"} for _ in range(self.nodes - 1))],
                "kubeadmConfigPatches": [json.dumps(patch) for patch in self._patches()],
            },
            indent=2,
        )

    def _patches(self) -> list[dict[str, object]]:
        patches: list[dict[str, object]] = []
        if self.cgroup_v1:  # refused by default since Kubernetes 1.35
            patches.append(
                {"kind": "KubeletConfiguration", "apiVersion": "kubelet.config.k8s.io/v1beta1", "failCgroupV1": False}
            )
        if self.without_dns:  # the list takes the place of kind's own, which is [preflight]
            patches.append({"kind": "InitConfiguration", "skipPhases": ["preflight", "addon/coredns"]})
        if self.audit_policy or self.flags:
            patches.append({"kind": "ClusterConfiguration", "apiServer": self._api_server()})
        return patches

    def _api_server(self) -> dict[str, object]:
        arguments = [{"name": name, "value": value} for name, value in self.flags]
        if not self.audit_policy:
            return {"extraArgs": arguments}
        arguments += [
            {"name": "audit-policy-file", "value": _AUDIT_POLICY},
            {"name": "audit-log-path", "value": AUDIT_LOG},
        ]
        volumes = [
            {"name": "audit-policy", "hostPath": _AUDIT_POLICY, "mountPath": _AUDIT_POLICY, "readOnly": True,
             "pathType": "File"},
            {"name": "audit-log", "hostPath": _AUDIT_FOLDER, "mountPath": _AUDIT_FOLDER, "readOnly": False,
             "pathType": "DirectoryOrCreate"},
        ]  # fmt: skip
        return {"extraArgs": arguments, "extraVolumes": volumes}
