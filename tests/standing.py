"""A cluster's objects as `stridegate report` reads them."""

from __future__ import annotations

from typing import Any

from stridegate.kube.postures import read_posture
from stridegate.model.postures import Posture
from stridegate.model.times import read_time

NOW = "2026-11-21T12:00:00Z"


def policy(name: str = "production", **status: object) -> dict[str, Any]:
    told = {
        "namespaces": 14,
        "wouldDeny": 3,
        "auditedAt": "2026-11-21T11:50:00Z",
        "worst": [{"namespace": "shop", "kind": "Deployment", "name": "web", "rules": ["possible-root-user"]}],
        "conditions": [
            {"type": "Ready", "status": "True", "reason": "Compiled", "message": ""},
            {"type": "Enforcing", "status": "True", "reason": "Enforcing", "message": ""},
        ],
    }
    return {
        "metadata": {"name": name},
        "spec": {"profile": "hardened", "action": "warn", "patching": "safe"},
        "status": told | status,
    }


def found(rule: str = "kubelet-anonymous-auth", state: str = "Fail", **details: object) -> dict[str, Any]:
    told = {
        "title": "Everybody may ask the kubelet.",
        "stride": "S",
        "severity": "critical",
        "observed": "true",
        "wanted": "false",
        "fix": "authentication.anonymous.enabled: false",
    }
    return {"rule": rule, "state": state, **told, **details}


def report(name: str = "node1", *findings: dict[str, Any], fresh: str = "True", **status: object) -> dict[str, Any]:
    counts = {
        "pass": 180,
        "fail": 1,
        "warn": 0,
        "error": 0,
        "notApplicable": 56,
        "exempted": 0,
        "score": 71,
        "coverage": 100,
    }
    told = {
        "scannedAt": "2026-11-21T11:55:00Z",
        "summary": counts,
        "findings": list(findings),
        "conditions": [
            {
                "type": "Fresh",
                "status": fresh,
                "reason": "Fresh" if fresh == "True" else "Overdue",
                "message": "by the clock",
            }
        ],
    }
    return {
        "metadata": {"name": name},
        "spec": {"nodeName": name, "profile": "kubeadm", "role": "worker"},
        "status": told | status,
    }


def exemption(name: str = "web-vpn", expires: str = "2026-11-24T12:00:00Z", **spec: object) -> dict[str, Any]:
    told = {
        "rules": ["dangerous-capability"],
        "workload": {"kind": "Deployment", "name": "web"},
        "reason": "VPN sidecar until the mesh is in",
        "expires": expires,
        "grantedBy": "alice",
    }
    metadata = {"name": name, "namespace": "shop", "creationTimestamp": "2026-11-01T00:00:00Z"}
    return {"metadata": metadata, "spec": told | spec}


def posture(
    policies: list[dict[str, Any]], reports: list[dict[str, Any]] | None, exemptions: list[dict[str, Any]]
) -> Posture:
    at = read_time(NOW)
    assert at is not None
    return read_posture(at, policies, reports, exemptions)


STANDING = posture(
    [
        policy(),
        policy(
            "strict",
            wouldDeny=0,
            worst=[],
            conditions=[
                {
                    "type": "Enforcing",
                    "status": "False",
                    "reason": "NotArmed",
                    "message": "the webhook is not armed yet",
                }
            ],
        ),
    ],
    [
        report(
            "node1",
            found(),
            found("kubelet-read-only-port", "Warn", severity="high", title="Anybody may read the kubelet."),
        ),
        report("node2", found(), found("kubelet-read-only-port", "Unknown", severity="high"), fresh="False"),
        report(
            "node3", found(exemption={"name": "old-kubelet", "expires": NOW}), found("etcd-peer-auth", severity="low")
        ),
        {"metadata": {"name": "node4"}, "spec": {"nodeName": "node4", "profile": "kubeadm", "role": "worker"}},
    ],
    [exemption(), exemption("later", "2027-01-15T00:00:00Z"), exemption("over", "2026-11-20T00:00:00Z")],
)
