"""The API server fills in what a manifest leaves out; judged before or after that, a manifest has one verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from enforced import Caller
from leaves import NOW
from localkube.api_server import ApiServer
from reviewing import embedding, policy
from specimens import pod_of
from stridegate.admission.kinds import KINDS
from stridegate.admission.verdicts import Label
from stridegate.cli.judging.findings import findings
from stridegate.cli.judging.requests import Roster, creation
from stridegate.cli.judging.standards import standards
from stridegate.cli.judging.subjects import Answered, Judge
from stridegate.engine.catalogue import POD_RULES
from stridegate.model.policies import RuleSetting

pytestmark = [pytest.mark.api_server, pytest.mark.timeout(300)]

NAMESPACE = "filled-in"
PATHS = {
    "Pod": f"/api/v1/namespaces/{NAMESPACE}/pods",
    "Deployment": f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments",
    "CronJob": f"/apis/batch/v1/namespaces/{NAMESPACE}/cronjobs",
}
VERSIONS = {"Pod": "v1", "Deployment": "apps/v1", "CronJob": "batch/v1"}
POLICY = policy("everything", rules={slug: RuleSetting() for slug in POD_RULES})
# What the examples of rules do not touch, and the API server fills in.
FURTHER: tuple[Mapping[str, Any], ...] = (
    {"hostNetwork": True, "containers": [{"name": "app", "image": "x", "ports": [{"containerPort": 80}]}]},
    {"containers": [{"name": "app", "image": "x:1", "resources": {"limits": {"memory": "1Gi", "cpu": 1}}}]},
    {"containers": [{"name": "app", "image": "x:1@sha256:" + "0" * 64}], "volumes": [{"name": "a"}]},
    {"containers": [{"name": "app", "image": "x:latest"}], "serviceAccount": "web"},
    {"containers": [{"name": "app", "image": "registry.example:5000/x"}], "automountServiceAccountToken": False},
    {"containers": [{"name": "app", "image": "x:1"}], "volumes": [{"name": "a", "image": {"reference": "y"}}]},
    {"containers": [{"name": "app", "image": "x:1", "resources": {"limits": {"memory": None, "cpu": 1}}}]},
    {"containers": [{"name": "app", "image": "x:1", "command": ["run", None], "args": [None]}]},
    {"containers": [{"name": "app", "image": "x:1", "securityContext": {"capabilities": {"drop": [None], "add": []}}}]},
    {"containers": [{"name": "app", "image": "x:1"}], "securityContext": {"supplementalGroups": [None, 5]}},
)


@pytest.fixture(scope="module")
def caller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    """An API server whose pods are given tokens, as everywhere but in other tests."""
    state: Path = tmp_path_factory.mktemp("filling-in")
    with ApiServer(state_dir=state, service_account_admission=True) as server, Caller(server) as caller:
        caller.ask("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
        for account in ("default", "web"):
            made = caller.ask(
                "POST", f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts", {"metadata": {"name": account}}
            )
            assert made.accepted, made.message
        yield caller


def judge() -> Judge:
    labels = {NAMESPACE: {"kubernetes.io/metadata.name": NAMESPACE}}
    return Judge(standards([POLICY], [], labels, NOW), namespace=NAMESPACE, advisory=True)


def manifests() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every valid example of every rule, and what they leave out, as manifests of some kinds."""
    pods: list[tuple[str, dict[str, Any]]] = [
        (f"{rule.slug}: {example.title}", cast("dict[str, Any]", dict(pod_of(example))))
        for rule in POD_RULES.values()
        for example in rule.examples
        if example.valid
    ]
    pods += [(f"further {number}", {"spec": dict(spec)}) for number, spec in enumerate(FURTHER)]
    for title, pod in pods:
        annotations = (pod.get("metadata") or {}).get("annotations") or {}
        for kind in PATHS:
            obj: dict[str, Any] = dict(pod if kind == "Pod" else embedding(kind, pod))
            metadata = {"name": "web", "namespace": NAMESPACE, "annotations": annotations if kind == "Pod" else {}}
            metadata["labels"] = {"team": None}
            made = {**obj, "apiVersion": VERSIONS[kind], "kind": kind, "metadata": metadata}
            if kind == "Deployment":
                made["spec"] = {**made["spec"], "selector": {"matchLabels": {"app": "web"}}}
            if kind == "CronJob":
                made["spec"] = {**made["spec"], "schedule": "@daily"}
                made["spec"]["jobTemplate"]["spec"]["template"]["spec"] = {
                    **pod["spec"],
                    "restartPolicy": "Never",
                }
            yield title, kind, made


def told(answered: Answered) -> set[tuple[str, str, str]]:
    """What is found, by rule and place."""
    if isinstance(answered.judged, Label):
        return set()
    found = findings(answered.judged.decision, ("", "", ""), lambda _: None, lambda _: True)
    return {(each.rule, each.owner, each.path) for each in found}


def test_a_verdict_is_the_same_before_and_after_a_dry_run(caller: Caller) -> None:
    judged = judge()
    roster = Roster(KINDS)
    drawn = list(manifests())

    answers = caller.ask_all([("POST", f"{PATHS[kind]}?dryRun=All", obj) for _, kind, obj in drawn])

    different = []
    accepted = 0
    for (title, kind, obj), answer in zip(drawn, answers, strict=True):
        if not answer.accepted:
            continue
        accepted += 1
        known = roster.judged(VERSIONS[kind], kind)
        assert known is not None
        before = creation(obj, known, NAMESPACE)
        after = msgspec.structs.replace(before, object=msgspec.Raw(msgspec.json.encode(answer.body)))
        if told(judged.answered(before)) != told(judged.answered(after)):
            different.append((title, kind, told(judged.answered(before)) ^ told(judged.answered(after))))
    assert not different
    assert accepted > 500
