"""Webhook and audit agree about exemptions, on one frozen clock."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from leaves import CREATED, DAY, EXPIRES, exemption, let_off, values
from reviewing import Asked, container, pod, policy, validated
from stridegate.engine.audit import appraise, plan
from stridegate.engine.catalogue import POD_RULES
from stridegate.engine.decide import Circumstances
from stridegate.engine.policies import compile_policy
from stridegate.kube.pods import read_pod
from stridegate.model.policies import Workload
from stridegate.model.settings import Setting
from stridegate.model.views import PodView

WEB = Workload("Deployment", "web")
VPN = pod(
    container(capabilities={"drop": ["ALL"], "add": ["NET_ADMIN"]}),
    name="web-5d4f-x7k2p",
    labels={"pod-template-hash": "5d4f"},
    ownerReferences=[{"kind": "ReplicaSet", "name": "web-5d4f", "controller": True}],
)


@pytest.mark.parametrize("late", [-1.0, 0.0, 1.0], ids=["in its last second", "as it ends", "a second later"])
@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"containers": frozenset({"app"})},
        {"containers": frozenset({"other"})},
        {"values": values(capability="NET_ADMIN")},
        {"values": values(capability="SYS_ADMIN")},
        {"workload": Workload("Deployment", "other")},
        {"namespace": "other"},
        {"revoked": True},
        {"expires": CREATED + 91 * DAY},
    ],
    ids=str,
)
def test_webhook_and_audit_say_the_same_of_an_exempted_pod(fields: dict[str, Any], late: float) -> None:
    now = EXPIRES + late
    granted = [exemption("web-vpn", "dangerous-capability", **{"workload": WEB, **fields})]
    running = PodView(read_pod(msgspec.Raw(json.dumps(VPN).encode())), (), Setting(namespace="shop", creating=False))

    verdict = validated(Asked(object=VPN), policy(), exemptions=granted, now=now)
    known = let_off(granted, running, now=now, circumstances=Circumstances(namespace="shop", workload=WEB))
    audited = appraise(plan({"production": compile_policy(policy(), POD_RULES.values())}), running, known)

    assert bool(audited.refusals) is not verdict.allowed
