"""How the API server encrypts what it stores (EncryptionConfiguration, apiserver.config.k8s.io/v1)."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from stridegate.model.nodes.answers import Unreadable
from stridegate.model.nodes.nodes import NotReadable

_COVERING_SECRETS = frozenset({"secrets", "*.", "*.*"})


class Strength(enum.Enum):
    """What a provider is worth, the worst last."""

    STRONG = "strong"
    # Strong while its key is rotated before 200,000 writes: the nonce is random (NIST SP 800-38D, 8.3).
    ROTATED = "strong while its key is rotated"
    # Its envelope key lies beside the data, and every read calls the key service (kms v1, deprecated in Kubernetes 1.28).
    OLD = "old"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Provider:
    """The first provider of a rule that covers Secrets: what writes encrypt with. `rule` counts from 1."""

    rule: int
    name: str
    strength: Strength


def providers_of_secrets(document: Mapping[str, object], path: str) -> tuple[Provider, ...]:
    """Return the first provider of every rule that covers Secrets, by name or by a wildcard. Raises NotReadable."""
    rules = document.get("resources")
    if not isinstance(rules, list):
        raise NotReadable(Unreadable(f"{path}: resources", "wanted a list"))
    return tuple(_first_providers(rules, path))


def _first_providers(rules: list[object], path: str) -> Iterator[Provider]:
    for number, rule in enumerate(rules, start=1):
        resources = rule.get("resources") if isinstance(rule, Mapping) else None
        if not isinstance(rule, Mapping) or not isinstance(resources, list):
            raise NotReadable(Unreadable(f"{path}: resources[{number - 1}]", "wanted resources and providers"))
        if _COVERING_SECRETS.isdisjoint(str(each) for each in resources):
            continue
        providers = rule.get("providers")
        first = providers[0] if isinstance(providers, list) and providers else None
        if not isinstance(first, Mapping) or not first:
            yield Provider(number, "no provider", Strength.NONE)
            continue
        name = str(next(iter(first)))
        yield Provider(number, *_judged(name, first[name]))


def _judged(name: str, settings: object) -> tuple[str, Strength]:
    match name:
        case "kms":
            # Unset means v1 (k8s.io/apiserver pkg/apis/apiserver/v1, SetDefaults_KMSConfiguration).
            version = str(settings.get("apiVersion") or "v1") if isinstance(settings, Mapping) else "v1"
            return f"kms {version}", Strength.STRONG if version == "v2" else Strength.OLD
        case "secretbox" | "aescbc":
            return name, Strength.STRONG
        case "aesgcm":
            return name, Strength.ROTATED
        case _:
            return name, Strength.NONE
