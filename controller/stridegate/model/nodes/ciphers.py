"""TLS versions and cipher suites: which the benchmarks name, and which authenticate what they encrypt (AEAD)."""

from __future__ import annotations

from collections.abc import Iterable

# The cipher suites of TLS 1.3 (RFC 8446, B.4), all of them AEAD with forward secrecy.
TLS_1_3 = frozenset({"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"})

# Elliptic curve key exchange (forward secrecy) and AEAD, under Go's names; the two that end in POLY1305 are older names
# of the same suites (Go crypto/tls).
ECDHE_AEAD = frozenset(
    {
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305",
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305",
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    }
)

# What servers may offer: the list of CIS Kubernetes 1.12, 1.2.29. That of 4.2.12 has two suites with RSA key exchange too,
# which have no forward secrecy.
STRONG = TLS_1_3 | ECDHE_AEAD

# Go's names of versions (k8s.io/component-base/cli/flag `versions`), from the oldest.
_VERSIONS = ("VersionTLS10", "VersionTLS11", "VersionTLS12", "VersionTLS13")
# What crypto libraries call them.
_PROTOCOLS = ("SSLv2", "SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
_AEAD_MARKS = ("GCM", "CCM", "CHACHA20", "POLY1305")


def weak_suites(suites: Iterable[str]) -> tuple[str, ...]:
    """Return which suites, under Go's names, are not among the strong ones, in their order."""
    return tuple(suite for suite in suites if suite.strip() not in STRONG)


def is_at_least_tls_1_2(version: str) -> bool:
    """Whether a version, under Go's name or as a handshake tells it, is TLS 1.2 or later; False for a name that is none."""
    return version in _VERSIONS[2:] or version in _PROTOCOLS[4:] or version in {"TLS1.2", "TLS1.3"}


def is_aead(suite: str) -> bool:
    """Whether a suite, under its IANA or OpenSSL name, authenticates what it encrypts."""
    return any(mark in suite.upper() for mark in _AEAD_MARKS)
