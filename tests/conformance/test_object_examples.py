"""The examples of the rules about other objects through the real API server, with the chart's entries for them and for exec."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import cast

import pytest
import yaml

from enforced import Answer, Caller, enforcing, manifest, namespaced
from localkube.api_server import ApiServer
from replicas import eventually
from specimens import laid_over
from stridegate.engine.catalogue import RULES
from stridegate.engine.examples import JsonMap, example_object, hardened_pod
from stridegate.model.policies import Policy, RuleSetting
from stridegate.model.rules import AnyRule, ConnectionRule, Example, PersistentVolumeRule, PodRule
from stridegate.model.vocabulary import Action, Profile

pytestmark = [pytest.mark.api_server, pytest.mark.timeout(300)]

SHOP = "object-examples-shop"
POLICY = "object-examples"
POLICIES = "/apis/stridegate.dev/v1alpha1/hardeningpolicies"
USER = "object-examples-user"
DRY = "?dryRun=All&fieldValidation=Strict"
RESOURCES = {"Service": "api/v1/services", "Job": "apis/batch/v1/jobs", "PersistentVolume": ""}
# The pod that an example of a connection is about, by what it holds; most say nothing of it.
ENTERED: Mapping[object, str] = {None: "harmless", "pod": "harmless", "node": "powerful", "unknown": "nowhere"}
SHOWN = [
    pytest.param(rule, example, id=f"{rule.slug}: {example.title}")
    for rule in RULES.values()
    if not isinstance(rule, PodRule)
    for example in rule.examples
]


@pytest.fixture(scope="module")
def enforced(api_server: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    api_server.kubectl("create", "clusterrolebinding", USER, "--clusterrole=cluster-admin", f"--user={USER}")
    for namespace in (SHOP, "shop", "vault"):
        api_server.kubectl("create", "namespace", namespace, check=False)
        for name, found in (("harmless", hardened_pod()), ("powerful", laid_over("hostPID: true"))):
            there = {**found, "metadata": {"name": name, "namespace": namespace}}
            api_server.kubectl("apply", "-f", "-", stdin=json.dumps(there))
    values = {"exec": {"enabled": True, "exact": True}}
    with enforcing(api_server, tmp_path_factory.mktemp("objects"), {SHOP: []}, values):
        yield api_server


@pytest.fixture
def caller(enforced: ApiServer) -> Iterator[Caller]:
    with Caller(enforced) as caller:
        yield caller


def hold(caller: Caller, rule: AnyRule, example: Example, namespace: str) -> None:
    """Have one policy alone hold, which denies what the example is about, and wait until it does."""
    rules = {
        # That the policy holds is told by what it says to a pod.
        "host-pid": RuleSetting(action=Action.DENY),
        rule.slug: RuleSetting(action=Action.DENY, parameters=example.given.parameters),
    }
    policy = Policy(
        name=f"{POLICY}-{rule.slug}-{rule.examples.index(example)}",
        profile=Profile.BASELINE,
        action=Action.OFF,
        templates=Action.DENY,
        rules=rules,
    )
    # What stands in no namespace is held to policies that select none.
    held = manifest(policy, "" if isinstance(rule, PersistentVolumeRule) else namespace)
    assert caller.ask("DELETE", POLICIES).accepted
    assert caller.ask("POST", POLICIES, held).accepted
    path = namespaced("api/v1/pods", namespace) + "?dryRun=All"
    eventually(lambda: policy.name in caller.ask("POST", path, laid_over("hostPID: true")).message)


def asked(server: ApiServer, caller: Caller, rule: AnyRule, example: Example, namespace: str) -> Answer:
    """Return what is said to an example."""
    document = example_object(rule, cast("JsonMap", yaml.safe_load(example.spec)))
    if isinstance(rule, ConnectionRule):
        groups = [str(group) for group in cast("list[str]", document.get("groups") or [])]
        with Caller(server, USER, groups) as somebody:
            name = ENTERED[document.get("hold")]
            return somebody.ask("POST", namespaced("api/v1/pods", namespace, f"{name}/exec") + "?command=id")
    resource = RESOURCES[str(document["kind"])]
    path = namespaced(resource, namespace) if resource else "/api/v1/persistentvolumes"
    return caller.ask("POST", path + DRY, document)


@pytest.mark.parametrize(("rule", "example"), SHOWN)
def test_an_example_is_refused_or_let_pass_as_it_says(
    enforced: ApiServer, caller: Caller, rule: AnyRule, example: Example
) -> None:
    namespace = (example.setting.namespace if example.setting else "") or SHOP
    hold(caller, rule, example, namespace)

    answer = asked(enforced, caller, rule, example, namespace)

    assert answer.denied == ({rule.slug} if example.verdict == "bad" else frozenset()), answer.message
    # Where it is let pass there is no node that a command could run on.
    no_node = isinstance(rule, ConnectionRule) and "host" in answer.message
    assert answer.denied or answer.accepted or no_node or not example.valid, answer.message
