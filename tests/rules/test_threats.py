"""The threat model: which rules answer which threat, and that neither names what the other does not know."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest

from stridegate.engine.catalogue import RULES, prove
from stridegate.model.errors import BadCatalogue
from stridegate.model.threats import THREATS

# Read off the threat model: what each threat is answered by at admission.
ANSWERED: Final[dict[str, set[str]]] = {
    "unlimited-container-memory": {"unlimited-memory"},
    "unlimited-container-restarts": {"unbounded-job-retries"},
    "privileged-exec-command": {"exec-into-privileged-pod"},
    "shared-host-network": {"host-network"},
    "unbound-host-port": {"host-port", "host-port-on-every-address"},
    "disabled-seccomp": {"unconfined-seccomp", "missing-seccomp-profile", "empty-localhost-profile"},
    "dockerfile-tampering": {"undigested-image"},
    "unauthorized-image-commit": {"untrusted-registry", "undigested-image"},
    "host-filesystem-exposure": {"host-path-volume", "sensitive-host-path", "writable-host-path"},
    "privileged-flag-on-container": {"privileged-container"},
    "privileged-pod-abuse": {
        "privileged-container",
        "privilege-escalation",
        "undropped-capabilities",
        "dangerous-capability",
    },
    "root-container-process": {"root-user", "possible-root-user", "root-group"},
    "late-privilege-drop": {"possible-root-user"},
    "writable-golden-image": {"writable-root-filesystem"},
    "undeclared-write-paths": {"writable-root-filesystem"},
    "suid-privilege-gain": {"privilege-escalation"},
    "sidecar-namespace-spoofing": {
        "shared-process-namespace",
        "targeted-ephemeral-container",
        "exec-into-privileged-pod",
    },
    "isolation-tampering": {"host-pid", "host-ipc", "unmasked-proc-mount", "unsafe-sysctl"},
    "malicious-registry-image": {"untrusted-registry", "undigested-image"},
    "supply-chain-injection": {"mutable-image-tag", "cached-image-reuse", "malformed-image-reference"},
    "hardcoded-client-secrets": {"literal-secret", "secret-in-environment"},
    "secrets-in-dockerfile": {"literal-secret"},
    "network-spoofing-to-host": {"net-raw-capability", "host-network", "host-port", "probe-host-override"},
    "net-raw-by-default": {"net-raw-capability"},
    "path-to-cluster-admin": {"automounted-token", "default-service-account", "control-plane-toleration"},
    "spoofed-image": {"untrusted-registry", "undigested-image", "malformed-image-reference"},
    "cross-container-access": {"host-user-namespace", "privileged-container", "host-path-volume"},
    "missing-read-only-flag": {"writable-root-filesystem"},
    "missing-no-new-privileges-option": {"privilege-escalation"},
    "malware-image-pull": {"undigested-image", "mutable-image-tag", "cached-image-reuse"},
    "outdated-vulnerable-image": {"mutable-image-tag"},
    "daemon-config-exploited-from-container": {"sensitive-host-path", "container-runtime-socket"},
    "noisy-neighbour": {"unlimited-memory-volume", "excessive-memory-limit", "missing-resource-requests"},
    "dockerfile-misconfiguration": {"possible-root-user", "writable-root-filesystem"},
    "container-escape": {
        "host-pid",
        "host-ipc",
        "unmasked-proc-mount",
        "host-path-volume",
        "container-runtime-socket",
        "host-device",
        "bidirectional-mount-propagation",
        "proc-working-directory",
        "runtime-annotation",
    },
    "image-insecurity": {"undigested-image"},
    "registry-compromise": {"untrusted-registry"},
    "client-authorization-abuse": {"exec-into-privileged-pod"},
    "internet-reachable-nodes": {"host-port-on-every-address", "open-load-balancer"},
    "node-resource-exhaustion": {"unlimited-ephemeral-storage", "missing-resource-requests"},
    "docker-socket-too-open": {"container-runtime-socket"},
}


@pytest.mark.parametrize("slug", THREATS)
def test_a_threat_is_answered_by_the_rules_that_the_threat_model_names(slug: str) -> None:
    answering = {rule.slug for rule in RULES.values() if slug in rule.threats}

    assert answering == ANSWERED.get(slug, set())


def test_every_threat_of_the_table_is_one() -> None:
    assert THREATS.keys() >= ANSWERED.keys()


def test_a_rule_that_names_a_threat_that_nobody_knows_is_refused() -> None:
    rule = replace(next(iter(RULES.values())), threats=frozenset({"boredom", "container-escape"}))

    with pytest.raises(BadCatalogue, match=r"answers threats that do not exist: boredom$"):
        prove(rule if each.slug == rule.slug else each for each in RULES.values())


def test_every_threat_says_its_claim_in_one_sentence_of_its_own() -> None:
    claims = [threat.claim for threat in THREATS.values()]

    assert len(set(claims)) == len(claims)
    assert all(claim.endswith(".") and claim.count(". ") == 0 for claim in claims)


def test_every_threat_has_a_letter_but_the_one_that_is_a_remark() -> None:
    assert [slug for slug, threat in THREATS.items() if not threat.stride] == ["finding-appears-with-its-file"]


def test_what_no_single_rule_answers_is_answered_by_policies() -> None:
    assert {slug for slug, threat in THREATS.items() if threat.by_policies} == {
        "insecure-kubernetes-defaults",
        "malicious-container-out-of-scope",
    }
