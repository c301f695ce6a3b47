"""Cipher suites and versions are told apart by name, whole and exact."""

from __future__ import annotations

import pytest

from stridegate.model.nodes.ciphers import STRONG, is_aead, is_at_least_tls_1_2, weak_suites


def test_the_benchmark_list_of_the_api_server_is_strong() -> None:
    assert len(STRONG) == 11
    assert weak_suites(STRONG) == ()


@pytest.mark.parametrize(
    "suite",
    [
        "TLS_RSA_WITH_AES_128_GCM_SHA256",
        "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
        "TLS_RSA_WITH_RC4_128_SHA",
        "tls_aes_128",
        "",
    ],
)
def test_any_other_suite_is_weak(suite: str) -> None:
    assert weak_suites(["TLS_AES_128_GCM_SHA256", suite]) == (suite,)


@pytest.mark.parametrize("version", ["VersionTLS12", "VersionTLS13", "TLSv1.2", "TLSv1.3", "TLS1.2", "TLS1.3"])
def test_tls_1_2_and_later_will_do(version: str) -> None:
    assert is_at_least_tls_1_2(version)


@pytest.mark.parametrize("version", ["VersionTLS10", "VersionTLS11", "TLSv1", "TLSv1.1", "SSLv3", "", "VersionTLS14x"])
def test_older_and_unheard_of_versions_will_not(version: str) -> None:
    assert not is_at_least_tls_1_2(version)


@pytest.mark.parametrize("suite", ["ECDHE-RSA-AES128-GCM-SHA256", "TLS_CHACHA20_POLY1305_SHA256", "AES256-CCM8"])
def test_authenticated_encryption_is_known_by_its_name(suite: str) -> None:
    assert is_aead(suite)


@pytest.mark.parametrize("suite", ["ECDHE-RSA-AES128-SHA", "DES-CBC3-SHA", "TLS_RSA_WITH_AES_256_CBC_SHA", ""])
def test_other_encryption_is_not(suite: str) -> None:
    assert not is_aead(suite)
