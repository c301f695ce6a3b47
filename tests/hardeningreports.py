"""The kind HardeningReport, and objects of it, for the tests that put them to a real API server."""

from __future__ import annotations

import copy
from typing import Any

from charts import KINDS, load

KIND = load(KINDS / "hardeningreports.yaml")
(VERSION,) = KIND["spec"]["versions"]
SCHEMA = VERSION["schema"]["openAPIV3Schema"]
COLLECTION = "/apis/stridegate.dev/v1alpha1/hardeningreports"
_THEN = "2026-11-01T00:00:00Z"

# Every field that there is, each with a value that is accepted.
COMPLETE: dict[str, Any] = {
    "apiVersion": "stridegate.dev/v1alpha1",
    "kind": "HardeningReport",
    "metadata": {"name": "node1"},
    "spec": {
        "nodeName": "node1",
        "profile": "kubeadm",
        "role": "control-plane",
        "controlPlaneAddresses": ["192.0.2.10"],
        "benchmarks": [{"benchmark": "cis-kubernetes", "version": "1.12"}],
        "versions": {"kubelet": "1.36.3", "containerd": "2.2.0"},
        "interval": "10m",
        "exemptions": [
            {
                "name": "edge-sysctls",
                "rules": ["unprotected-kernel-defaults"],
                "digests": ["0123456789abcdef"],
                "paths": ["/etc/kubernetes/x"],
                "expires": "2027-01-31T00:00:00Z",
            }
        ],
    },
    "status": {
        "observedGeneration": 1,
        "scannedAt": _THEN,
        "durationMs": 240,
        "scannerVersion": "0.1.0",
        "catalogueDigest": "0123456789ab",
        "delta": {"new": 1, "regressed": 0, "fixed": 0, "since": _THEN},
        "dropped": 0,
        "node": {
            "osImage": "Debian GNU/Linux 13",
            "kernel": "6.12.1",
            "kubelet": "v1.36.3",
            "runtime": "containerd://2.2.0",
            "distro": "kubeadm",
            "instanceMetadata": "unreachable",
            "cni": ["bridge"],
        },
        "summary": {
            "pass": 1,
            "fail": 1,
            "warn": 0,
            "error": 0,
            "notApplicable": 3,
            "exempted": 0,
            "critical": 1,
            "high": 0,
            "medium": 0,
            "low": 0,
            "info": 0,
            "score": 33,
            "coverage": 100,
        },
        "findings": [
            {
                "rule": "kubelet-anonymous-auth",
                "title": "The kubelet takes requests without credentials.",
                "stride": "S",
                "severity": "critical",
                "state": "Fail",
                "observed": "true",
                "wanted": "false",
                "note": "a flag says so",
                "fix": "Set authentication.anonymous.enabled: false",
                "references": [{"benchmark": "cis-kubernetes", "version": "1.12", "id": "4.2.1"}],
                "evidence": {
                    "source": "configz",
                    "path": "authentication.anonymous.enabled",
                    "digest": "0123456789abcdef",
                },
                "offenders": [{"name": "kubelet", "observed": "true"}],
                "offendersTotal": 1,
                "firstSeen": _THEN,
                "lastTransition": _THEN,
                "previousState": "Pass",
                "exemption": {"name": "edge-sysctls", "expires": "2027-01-31T00:00:00Z"},
            }
        ],
        "passed": ["kubelet-read-only-port"],
        "files": [{"path": "/etc/kubernetes/x", "digest": "0123456789abcdef"}],
        "conditions": [
            {
                "type": "Fresh",
                "status": "True",
                "reason": "Fresh",
                "message": "its scanner is ready",
                "observedGeneration": 1,
                "lastTransitionTime": _THEN,
            }
        ],
    },
}


def node_report(name: str = "node1", **spec: object) -> dict[str, Any]:
    """Return a report on a node as the operator creates it; None takes a field of its spec away."""
    wanted = {"nodeName": name, "profile": "kubeadm", **spec}
    return {
        "apiVersion": "stridegate.dev/v1alpha1",
        "kind": "HardeningReport",
        "metadata": {"name": name},
        "spec": {key: value for key, value in wanted.items() if value is not None},
    }


def with_status(report: dict[str, Any], **changed: object) -> dict[str, Any]:
    """Return a report whose status is the complete one, but for some fields."""
    return {**report, "status": {**copy.deepcopy(COMPLETE["status"]), **changed}}
