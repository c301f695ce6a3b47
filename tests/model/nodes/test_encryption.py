"""What writes of Secrets are encrypted with, read from an EncryptionConfiguration of any shape."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stridegate.model.nodes.encryption import Strength, providers_of_secrets
from stridegate.model.nodes.nodes import NotReadable

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["secrets", "*.*", "kms", "identity", "v2"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["resources", "providers", "kms", "identity", "secretbox", "apiVersion"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


def strengths(*rules: object) -> list[Strength]:
    return [each.strength for each in providers_of_secrets({"resources": list(rules)}, "/enc.yaml")]


@pytest.mark.parametrize("resources", [["secrets"], ["configmaps", "secrets"], ["*."], ["*.*"]])
def test_secrets_are_covered_by_name_and_by_wildcards(resources: list[str]) -> None:
    assert strengths({"resources": resources, "providers": [{"secretbox": {}}]}) == [Strength.STRONG]


@pytest.mark.parametrize("resources", [["*.apps"], ["secrets.example.com"], []])
def test_other_resources_cover_no_secrets(resources: list[str]) -> None:
    assert not strengths({"resources": resources, "providers": [{"identity": {}}]})


@pytest.mark.parametrize(
    ("provider", "strength"),
    [
        ({"kms": {"apiVersion": "v2"}}, Strength.STRONG),
        ({"kms": {"apiVersion": "v1"}}, Strength.OLD),
        ({"kms": {}}, Strength.OLD),
        ({"kms": None}, Strength.OLD),
        ({"aescbc": {}}, Strength.STRONG),
        ({"aesgcm": {}}, Strength.ROTATED),
        ({"identity": {}}, Strength.NONE),
        ({"rot13": {}}, Strength.NONE),
        ({}, Strength.NONE),
    ],
)
def test_the_first_provider_decides(provider: Mapping[str, object], strength: Strength) -> None:
    rule = {"resources": ["secrets"], "providers": [provider, {"secretbox": {}}]}

    assert strengths(rule) == [strength]


@given(document=st.dictionaries(st.sampled_from(["resources", "kind"]), JSON, max_size=2))
def test_nothing_that_parses_breaks_it(document: Mapping[str, object]) -> None:
    try:
        found = providers_of_secrets(document, "/enc.yaml")
    except NotReadable:
        return

    assert all(each.rule >= 1 for each in found)
