"""The threat model: which rules about nodes answer which threat."""

from __future__ import annotations

from typing import Final

import pytest

from stridegate.engine.node_catalogue import NODE_RULES

# Read off the threat model: what each threat is answered by on nodes.
ANSWERED: Final[dict[str, set[str]]] = {
    "disabled-seccomp": {"unconfined-kubelet-seccomp-default"},
    "docker-client-spoofing": {
        "docker-tcp-without-tls",
        "docker-tls-ca-file-permissions",
        "docker-tls-certificate-file-permissions",
        "docker-tls-key-file-permissions",
        "docker-client-key-permissions",
        "unauthenticated-docker-port",
    },
    "docker-client-takeover": {
        "untrusted-docker-group-member",
        "docker-socket-file-ownership",
        "docker-socket-file-permissions",
        "missing-docker-authorization-plugin",
    },
    "unauthorized-image-commit": {"disabled-content-trust", "missing-image-verifier", "crio-accept-anything-policy"},
    "spoofed-api-caller": {
        "apiserver-anonymous-auth",
        "apiserver-static-token-file",
        "missing-apiserver-serving-certificate",
        "missing-apiserver-client-ca",
        "apiserver-always-allow-authorization",
        "missing-node-authorizer",
        "missing-rbac-authorizer",
    },
    "kubelet-config-tampering": {
        "kubelet-config-file-permissions",
        "kubelet-service-file-permissions",
        "kubelet-kubeconfig-file-permissions",
        "inspected-file-drift",
        "kubelet-config-divergence",
        "unaudited-kubelet-config",
        "unaudited-kubelet-service-unit",
    },
    "unauthorized-apiserver-change": {
        "apiserver-manifest-file-permissions",
        "apiserver-manifest-file-ownership",
        "missing-audit-log",
        "short-audit-log-retention",
        "few-audit-log-backups",
        "small-audit-log-files",
        "missing-audit-policy",
        "incomplete-audit-policy",
        "static-pod-divergence",
        "unaudited-kubernetes-directory",
    },
    "kube-proxy-disclosure": {
        "kube-proxy-kubeconfig-file-permissions",
        "kube-proxy-kubeconfig-file-ownership",
        "exposed-kube-proxy-metrics",
        "exposed-kube-proxy-health",
        "kube-proxy-profiling",
        "unrestricted-node-port-addresses",
    },
    "docker-socket-unit-tampering": {"docker-socket-unit-permissions"},
    "docker-remote-api-alteration": {
        "docker-socket-unit-ownership",
        "writable-parent-directory",
        "unaudited-docker-socket-unit",
    },
    "registry-certificate-exposure": {
        "registry-certificate-file-permissions",
        "containerd-registry-certificate-permissions",
    },
    "registry-certificate-full-access": {"registry-certificate-file-ownership"},
    "suid-privilege-gain": {"docker-new-privileges"},
    "malicious-registry-image": {"insecure-docker-registry", "containerd-insecure-registry", "crio-insecure-registry"},
    "hardcoded-client-secrets": {
        "registry-credential-file-permissions",
        "plaintext-registry-credentials",
        "containerd-inline-registry-password",
    },
    "docker-daemon-overload": {
        "missing-docker-ulimits",
        "missing-docker-authorization-plugin",
        "docker-socket-file-permissions",
        "missing-service-limits",
        "unbounded-image-pulls",
    },
    "client-compromise-after-crash": {"missing-live-restore", "docker-socket-file-ownership", "missing-service-limits"},
    "network-spoofing-to-host": {"inter-container-communication"},
    "net-raw-by-default": {"net-raw-runtime-default", "crio-broad-default-capabilities"},
    "unauthorized-kubelet-change": {
        "kubelet-anonymous-auth",
        "kubelet-always-allow-authorization",
        "missing-kubelet-client-ca",
        "kubelet-read-only-port",
        "kubelet-config-file-permissions",
        "kubelet-config-divergence",
        "unaudited-kubelet-config",
    },
    "apiserver-overload": {"missing-event-rate-limit", "unbounded-request-timeout", "disabled-priority-and-fairness"},
    "etcd-disclosure": {
        "unencrypted-secrets-at-rest",
        "weak-encryption-provider",
        "missing-etcd-server-certificate",
        "etcd-without-client-auth",
        "etcd-data-directory-permissions",
        "unexpected-etcd-peer",
        "etcd-snapshot-file-permissions",
    },
    "unauthenticated-management-access": {
        "unauthenticated-management-port",
        "unauthenticated-docker-port",
        "kubelet-read-only-port",
        "containerd-exposed-streaming",
        "crio-exposed-streaming",
        "exposed-etcd-metrics",
    },
    "docker-daemon-spoofing": {"docker-tcp-without-tls", "docker-tls-ca-file-permissions"},
    "registry-spoofing": {"insecure-docker-registry", "containerd-insecure-registry", "crio-insecure-registry"},
    "docker-client-config-tampering": {"docker-client-key-permissions", "registry-credential-file-permissions"},
    "docker-daemon-config-tampering": {
        "docker-daemon-config-file-ownership",
        "docker-daemon-config-file-permissions",
        "docker-service-file-permissions",
        "docker-socket-unit-permissions",
        "docker-config-directory-permissions",
        "docker-default-file-permissions",
        "docker-sysconfig-file-permissions",
        "inspected-file-drift",
        "unaudited-docker-config-directory",
        "unaudited-docker-daemon-config",
        "docker-socket-file-ownership",
        "docker-socket-file-permissions",
    },
    "cross-container-access": {"docker-without-user-namespaces", "unusable-user-namespaces"},
    "apiserver-kubelet-spoofing": {
        "missing-kubelet-client-certificate",
        "unverified-kubelet-certificate",
        "missing-kubelet-client-ca",
        "missing-kubelet-serving-certificate",
        "self-signed-kubelet-certificate",
        "kubelet-disabled-server-certificate-rotation",
    },
    "weak-tls-ciphers": {
        "weak-apiserver-ciphers",
        "weak-kubelet-ciphers",
        "weak-apiserver-tls-version",
        "weak-kubelet-tls-version",
        "weak-etcd-tls",
        "weak-tls-listener",
    },
    "etcd-config-tampering": {
        "etcd-manifest-file-permissions",
        "etcd-manifest-file-ownership",
        "etcd-data-directory-permissions",
        "etcd-data-directory-ownership",
        "etcd-without-client-auth",
        "static-pod-divergence",
    },
    "loose-etcd-file-permissions": {
        "etcd-manifest-file-permissions",
        "etcd-manifest-file-ownership",
        "etcd-data-directory-permissions",
    },
    "etcd-manifest-not-root-owned": {"etcd-manifest-file-ownership"},
    "kubelet-privilege-elevation": {"kubelet-always-allow-authorization", "kubelet-anonymous-auth"},
    "kubelet-allows-every-request": {"kubelet-always-allow-authorization"},
    "etcd-unencrypted-at-rest": {"unencrypted-secrets-at-rest", "weak-encryption-provider"},
    "etcd-reachable-by-others": {
        "missing-etcd-client-certificate",
        "unverified-etcd-certificate",
        "plaintext-etcd-connection",
        "missing-etcd-server-certificate",
        "etcd-without-client-auth",
        "shared-etcd-ca",
    },
    "etcd-other-traffic-accepted": {"unexpected-etcd-peer", "exposed-etcd-listener", "unauthenticated-management-port"},
    "kubelet-authentication-without-tls": {
        "missing-kubelet-client-ca",
        "disabled-kubelet-token-webhook",
        "kubelet-anonymous-auth",
        "missing-kubelet-serving-certificate",
        "kubelet-disabled-client-certificate-rotation",
        "kubelet-disabled-server-certificate-rotation",
    },
    "weak-kubelet-authentication": {
        "apiserver-static-token-file",
        "apiserver-basic-auth-file",
        "kubelet-anonymous-auth",
        "kubelet-read-only-port",
    },
    "unsigned-image-pull": {"disabled-content-trust"},
    "content-trust-not-exported": {"disabled-content-trust"},
    "missing-no-new-privileges-option": {"docker-new-privileges"},
    "daemon-config-exploited-from-container": {
        "outdated-runtime-version",
        "docker-daemon-config-file-ownership",
        "docker-daemon-config-file-permissions",
    },
    "default-bridge-traffic": {"inter-container-communication"},
    "noisy-neighbour": {"missing-eviction-thresholds", "missing-resource-reservations"},
    "public-api-exposure": {"apiserver-anonymous-auth", "apiserver-insecure-port"},
    "apiserver-without-tls-tunnel": {
        "missing-apiserver-serving-certificate",
        "missing-apiserver-client-ca",
        "weak-apiserver-tls-version",
    },
    "etcd-plaintext-traffic": {
        "plaintext-etcd-connection",
        "missing-etcd-client-certificate",
        "unverified-etcd-certificate",
        "missing-etcd-server-certificate",
        "missing-etcd-peer-certificate",
        "etcd-without-peer-auth",
        "etcd-auto-tls",
        "etcd-peer-auto-tls",
    },
    "kubelet-unprotected-kernel": {
        "unprotected-kernel-defaults",
        "unlimited-pod-pids",
        "missing-eviction-thresholds",
        "missing-resource-reservations",
    },
    "unaudited-docker-data": {"unaudited-docker-data-directory"},
    "unaudited-docker-config": {"unaudited-docker-config-directory"},
    "unaudited-docker-unit": {"unaudited-docker-service-unit"},
    "docker-client-compromise": {
        "docker-client-key-permissions",
        "registry-credential-file-permissions",
        "admin-kubeconfig-file-permissions",
        "expiring-certificate",
    },
    "client-authorization-abuse": {"untrusted-docker-group-member", "missing-docker-authorization-plugin"},
    "client-traffic-interception": {
        "docker-tcp-without-tls",
        "unauthenticated-docker-port",
        "insecure-docker-registry",
    },
    "client-traffic-without-tls": {"docker-tcp-without-tls", "weak-tls-listener"},
    "container-escape": {"unusable-user-namespaces", "outdated-runtime-version", "container-core-pattern"},
    "registry-compromise": {
        "insecure-docker-registry",
        "registry-certificate-file-permissions",
        "registry-certificate-file-ownership",
    },
    "internet-reachable-control-plane": {"unauthenticated-management-port"},
    "cloud-provider-link": {"cloud-credential-file-permissions", "cloud-credential-file-ownership"},
    "cloud-controller-separation": {"in-tree-cloud-provider"},
    "unrevocable-certificate": {"expiring-certificate", "system-masters-certificate", "long-cluster-signing-duration"},
    "node-resource-exhaustion": {"missing-eviction-thresholds"},
    "docker-socket-wrong-owner": {"docker-socket-file-ownership", "unaudited-runtime-socket"},
    "docker-socket-too-open": {"docker-socket-file-permissions"},
    "daemon-json-wrong-owner": {"docker-daemon-config-file-ownership"},
    "daemon-json-too-open": {"docker-daemon-config-file-permissions"},
}


@pytest.mark.parametrize("threat", ANSWERED)
def test_a_threat_is_named_by_the_rules_about_nodes_that_answer_it(threat: str) -> None:
    named = {slug for slug, rule in NODE_RULES.items() if threat in rule.threats}

    assert named >= ANSWERED[threat]


def test_every_rule_about_nodes_answers_for_a_badly_set_up_host_or_is_in_a_benchmark() -> None:
    without = [
        slug
        for slug, rule in NODE_RULES.items()
        if not rule.references and "docker-host-misconfiguration" not in rule.threats
    ]

    assert not without
