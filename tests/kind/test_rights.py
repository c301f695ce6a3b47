"""Least privilege, from the API server's own audit log: what is granted is used, what is used is granted."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import yaml

from exempting import exemption
from hardeningreports import node_report
from installations import Installation
from localkube.commands import run
from localkube.installation import CHART, NAMESPACE

pytestmark = pytest.mark.kind

ACCOUNTS = {
    f"system:serviceaccount:{NAMESPACE}:stridegate-webhook": "stridegate-webhook",
    f"system:serviceaccount:{NAMESPACE}:stridegate-operator": "stridegate-operator",
}
# One right: namespace ("" for cluster-wide), API group, resource with subresource, verb, object name ("" for any).
Right = tuple[str, str, str, str, str]


def granted(stridegate: Installation, account: str) -> set[Right]:
    """Return the rights that the chart's roles give a service account."""
    rendered = run([stridegate.binaries.program("helm"), "template", "stridegate", CHART, "--namespace", NAMESPACE])
    objects = [each for each in yaml.safe_load_all(rendered) if each]
    roles = {(each["kind"], each["metadata"].get("namespace", ""), each["metadata"]["name"]): each for each in objects}
    rights: set[Right] = set()
    for binding in objects:
        if not binding["kind"].endswith("RoleBinding") or binding["subjects"][0]["name"] != account:
            continue
        namespace = binding["metadata"].get("namespace", "")
        role = roles[binding["roleRef"]["kind"], namespace, binding["roleRef"]["name"]]
        for rule in role["rules"]:
            rights |= {
                (namespace, group, resource, verb, name)
                for group in rule["apiGroups"]
                for resource in rule["resources"]
                for verb in rule["verbs"]
                for name in rule.get("resourceNames", [""])
            }
    return rights


def used(stridegate: Installation, account: str) -> list[tuple[Right, int]]:
    """Return the requests that a service account made, from the audit log, with the API server's answer."""
    requests: list[tuple[Right, int]] = []
    for line in stridegate.cluster.read_audit_log().splitlines():
        event = json.loads(line)
        reference = event.get("objectRef")
        if event["user"]["username"] != account or not reference or "responseStatus" not in event:
            continue
        resource = "/".join(filter(None, (reference["resource"], reference.get("subresource"))))
        right = (
            reference.get("namespace", ""), reference.get("apiGroup", ""), resource, event["verb"],
            reference.get("name", ""),
        )  # fmt: skip
        requests.append((right, event["responseStatus"].get("code", 0)))
    return requests


def covers(grant: Right, request: Right) -> bool:
    return grant[1:4] == request[1:4] and grant[0] in {"", request[0]} and grant[4] in {"", request[4]}


@pytest.mark.parametrize("account", ACCOUNTS)
def test_every_granted_right_is_used_and_every_request_is_granted(
    stridegate: Installation, policy: Callable[..., str], account: str
) -> None:
    policy(profile="baseline", action="audit")  # a policy's status is written only where there is a policy
    me = stridegate.kubectl("auth", "whoami", "-o", "jsonpath={.status.userInfo.username}")
    granted_exemption = exemption(me, "host-pid", name="rights")  # and so is an exemption's
    stridegate.kubectl("apply", "--namespace", "default", "-f", "-", stdin=json.dumps(granted_exemption))
    stridegate.kubectl(
        *("wait", "--namespace", "default", "--for=condition=Active", "hardeningexemption/rights", "--timeout=60s")
    )
    stridegate.kubectl("delete", "--namespace", "default", "hardeningexemption", "rights")

    # A report on a node that does not exist is deleted, and one that was changed is changed back.
    stridegate.kubectl("apply", "-f", "-", stdin=json.dumps(node_report("gone")))
    stridegate.kubectl("wait", "--for=delete", "hardeningreport/gone", "--timeout=60s")
    known = stridegate.kubectl("get", "hrep", "-l", "stridegate.dev/role=control-plane", "-o", "name").split()[0]
    stridegate.kubectl("label", "--overwrite", known, "stridegate.dev/role=worker")
    stridegate.kubectl(
        "wait", "--for=jsonpath={.metadata.labels.stridegate\\.dev/role}=control-plane", known, "--timeout=60s"
    )

    grants, requests = granted(stridegate, ACCOUNTS[account]), used(stridegate, account)

    assert len(requests) > 5
    assert [right for right, _ in requests if not any(covers(grant, right) for grant in grants)] == []
    assert {grant for grant in grants if not any(covers(grant, right) for right, _ in requests)} == set()


def test_the_webhook_writes_nothing(stridegate: Installation) -> None:
    requests = used(stridegate, f"system:serviceaccount:{NAMESPACE}:stridegate-webhook")

    assert {right[3] for right, _ in requests} <= {"get", "list", "watch"}
