"""The samples show what they say they show."""

from __future__ import annotations

from pathlib import Path

import pytest

from charts import SAMPLES, judge, load
from stridegate.engine.catalogue import RULES
from stridegate.kube.policies import read_policy

POLICIES = sorted(path for path in SAMPLES.glob("*.yaml") if load(path)["kind"] == "HardeningPolicy")


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.stem)
def test_every_sample_policy_is_understood_and_names_known_rules(path: Path) -> None:
    reading = read_policy(load(path), RULES)

    assert reading.unknown_rules == ()


def test_the_bad_pod_is_refused_for_seven_rules_that_no_patch_heals() -> None:
    policy = read_policy(load(SAMPLES / "threat-model.yaml"), RULES).policy

    judgement = judge(load(SAMPLES / "bad-pod.yaml"), policy, namespace="shop")

    assert sorted(judgement.denied) == [
        "container-runtime-socket",
        "host-network",
        "host-path-volume",
        "host-pid",
        "privilege-escalation",
        "privileged-container",
        "sensitive-host-path",
    ]


def test_nothing_else_of_the_plain_deployment_is_refused_and_little_warned_about() -> None:
    policy = read_policy(load(SAMPLES / "threat-model.yaml"), RULES).policy
    template = load(SAMPLES / "plain-deployment.yaml")["spec"]["template"]

    judgement = judge(template, policy, namespace="shop", template=True)

    assert set(judgement.warned) == {
        "automounted-token",
        "cached-image-reuse",
        "default-service-account",
        "missing-resource-requests",
        "undigested-image",
        "unlimited-ephemeral-storage",
    }


def test_everything_that_the_plain_deployment_leaves_open_is_patched() -> None:
    policy = read_policy(load(SAMPLES / "threat-model.yaml"), RULES).policy

    judgement = judge(load(SAMPLES / "plain-deployment.yaml")["spec"]["template"], policy, namespace="shop")

    assert judgement.denied == ()
    assert set(judgement.patched) == {
        "missing-seccomp-profile",
        "net-raw-capability",
        "possible-root-user",
        "privilege-escalation",
        "undropped-capabilities",
        "unlimited-memory",
        "writable-root-filesystem",
    }
