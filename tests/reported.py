"""A real API server with nodes that are objects alone, scanners' tokens that are real, and the reports on them."""

from __future__ import annotations

import json
from typing import Any

from localkube.api_server import ApiServer
from stridegate.model.times import write_time

SCANNER_NAMESPACE = "stridegate-scanner"
ACCOUNT = "stridegate-scanner"
LABELS = {"app.kubernetes.io/name": "stridegate", "app.kubernetes.io/component": "scanner"}


def apply(server: ApiServer, *objects: dict[str, Any]) -> None:
    server.kubectl(
        "apply", "--server-side", "--force-conflicts", "-f", "-", stdin="\n---\n".join(map(json.dumps, objects))
    )


def node(name: str, **labels: str) -> dict[str, Any]:
    """Return a node as kubeadm leaves it, with some labels."""
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": labels,
            "annotations": {"kubeadm.alpha.kubernetes.io/cri-socket": "unix:///run/containerd/containerd.sock"},
        },
    }


def tell_of_node(server: ApiServer, name: str, *, ready: bool = True, address: str = "192.0.2.10") -> None:
    """Write what a kubelet writes about its node."""
    status = {
        "conditions": [{"type": "Ready", "status": "True" if ready else "Unknown"}],
        "addresses": [{"type": "InternalIP", "address": address}],
        "nodeInfo": {
            "kubeletVersion": "v1.36.3", "osImage": "Debian GNU/Linux 13", "operatingSystem": "linux", "machineID": "",
            "systemUUID": "", "bootID": "", "kernelVersion": "6.12.1", "architecture": "amd64",
            "containerRuntimeVersion": "containerd://2.2.0", "kubeProxyVersion": "",
        },
    }  # fmt: skip
    server.kubectl("patch", "node", name, "--subresource=status", "--type=merge", "-p", json.dumps({"status": status}))


def prepare(server: ApiServer) -> None:
    """Make the scanner's namespace and account, with the rights that writing by kubectl takes."""
    apply(server, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SCANNER_NAMESPACE}})
    resources = ["hardeningreports", "hardeningreports/status"]
    apply(
        server,
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ACCOUNT, "namespace": SCANNER_NAMESPACE}},
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": "scanning"},
            "rules": [{"apiGroups": ["stridegate.dev"], "resources": resources, "verbs": ["get", "patch"]}],
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "scanning"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "scanning"},
            "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": SCANNER_NAMESPACE}],
        },
    )


def scanner_pod(name: str) -> dict[str, Any]:
    """Return the pod of the scanner on a node."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"scanner-{name}", "namespace": SCANNER_NAMESPACE, "labels": LABELS},
        "spec": {
            "nodeName": name,
            "serviceAccountName": ACCOUNT,
            "automountServiceAccountToken": False,
            "containers": [{"name": "stat", "image": "registry.example/scanner"}],
        },
    }


def tell_of_scanner(server: ApiServer, name: str, *, ready: bool = True) -> None:
    """Write what a kubelet writes about the scanner's pod on its node."""
    status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True" if ready else "False"}]}
    server.kubectl(
        "patch", "pod", f"scanner-{name}", "--namespace", SCANNER_NAMESPACE, "--subresource=status", "--type=merge",
        "-p", json.dumps({"status": status}),
    )  # fmt: skip


def scanned(
    at: float, findings: tuple[str, ...] = (), passed: tuple[str, ...] = (), since: float | None = None
) -> dict[str, Any]:
    """Return a status as a scanner writes it at a time (Unix, seconds), with these rules that fail, `since` then, and that pass."""
    time, began = write_time(at), write_time(at if since is None else since)
    counts = dict.fromkeys(("warn", "error", "notApplicable", "exempted", "critical", "medium", "low", "info"), 0)
    return {
        "observedGeneration": 1,
        "scannedAt": time,
        "delta": {"new": len(findings), "regressed": 0, "fixed": 0, "since": began},
        "dropped": 0,
        "summary": {**counts, "pass": len(passed), "fail": len(findings), "high": len(findings), "coverage": 100},
        "findings": [
            {
                "rule": each,
                "severity": "high",
                "state": "Fail",
                "observed": "x",
                "firstSeen": began,
                "lastTransition": began,
            }
            for each in findings
        ],
        "passed": list(passed),
    }


def token(server: ApiServer, name: str | None) -> str:
    """Return a token of the scanner's account, as the kubelet fetches it for the scanner's pod on a node; None: bound to no pod."""
    bound = () if name is None else ("--bound-object-kind=Pod", f"--bound-object-name=scanner-{name}")
    return server.kubectl("--namespace", SCANNER_NAMESPACE, "create", "token", ACCOUNT, *bound).strip()


def scan(server: ApiServer, name: str, **status: Any) -> None:  # noqa: ANN401 - as `scanned`
    """Write a report as the scanner on that node does, with its token."""
    server.kubectl(
        "patch", "hrep", name, "--subresource=status", "--type=merge", f"--token={token(server, name)}",
        f"--server={server.url}", f"--certificate-authority={server.certificate_authority}",
        "--kubeconfig=/dev/null", "-p", json.dumps({"status": scanned(**status)}),
    )  # fmt: skip
