"""Every example of every rule through the real API server, with the webhook before it: refused, let pass or healed as it says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import cast

import pytest
import yaml

from enforced import Answer, Caller, enforcing, manifest, namespaced
from localkube.api_server import ApiServer
from replicas import eventually
from specimens import HERE, broken_by, kinds_of, laid_over, pod_of, policy, regime, setting_of, view
from stridegate.engine.catalogue import POD_RULES
from stridegate.engine.evaluate import evaluate
from stridegate.engine.examples import JsonMap, hardened_pod, overlay
from stridegate.engine.mend import become, mend
from stridegate.model.policies import Policy
from stridegate.model.rules import Example, Given, PodRule
from stridegate.model.settings import Setting
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Action, Outcome, Patching

pytestmark = [pytest.mark.api_server, pytest.mark.timeout(600)]

DRY = "?dryRun=All&fieldValidation=Strict"
RESOURCES = {
    "Pod": "api/v1/pods",
    "ReplicationController": "api/v1/replicationcontrollers",
    "Deployment": "apis/apps/v1/deployments",
    "StatefulSet": "apis/apps/v1/statefulsets",
    "DaemonSet": "apis/apps/v1/daemonsets",
    "ReplicaSet": "apis/apps/v1/replicasets",
    "Job": "apis/batch/v1/jobs",
    "CronJob": "apis/batch/v1/cronjobs",
}
# What only the author of a template can change.
HEALED_BY_AUTHORS = {"automounted-token"}
# Examples may stand in a namespace that has to be called so.
CALLED = {"default", "kube-system", "node-agents"}


@dataclass(frozen=True, eq=False)
class Shown:
    """An example, with the number of the policies that ask what it is about."""

    rule: PodRule
    example: Example
    number: int

    @property
    def title(self) -> str:
        return f"{self.rule.slug}: {self.example.title}"

    @property
    def pod(self) -> JsonMap:
        return pod_of(self.example)

    @property
    def debugging(self) -> bool:
        """Whether it is about an ephemeral container, which nobody can create a pod with."""
        return "ephemeralContainers" in self.example.spec

    def policy(self, *, healing: bool) -> Policy:
        """Return the policy that refuses all that the example is about, as it is or as it is healed."""
        named = broken_by(self.rule, self.example)
        return policy(
            _name(self.number, healing=healing),
            given=self.example.given,
            patching=Patching.ALL if healing else Patching.NONE,
            override=healing,
            templates=Action.DENY,
            named=named,
        )

    def at(self, kind: str = "Pod") -> Setting:
        """Return where it stands."""
        return setting_of(self.example, kind)

    def view(self, kind: str = "Pod") -> PodView:
        return view(self.pod, (), self.at(kind))

    def workload(self, kind: str) -> JsonMap:
        """Return a workload whose pods are made from it."""
        pod = self.pod
        spec = pod["spec"]
        assert isinstance(spec, dict)
        if kind in {"Job", "CronJob"}:
            spec["restartPolicy"] = "Never"
        template: JsonMap = {"metadata": {"labels": {"app": "web"}}, "spec": spec}
        if self.example.annotations:
            template["metadata"] = {"labels": {"app": "web"}, "annotations": dict(self.example.annotations)}
        made: JsonMap = {"template": template}
        if kind == "CronJob":
            made = {"schedule": "0 0 * * *", "jobTemplate": {"spec": made}}
        elif kind == "ReplicationController":
            made["selector"] = {"app": "web"}
        elif kind != "Job":
            made["selector"] = {"matchLabels": {"app": "web"}}
        version = RESOURCES[kind].partition("/")[2].rpartition("/")[0]
        return {"apiVersion": version, "kind": kind, "metadata": {"name": "web"}, "spec": made}


def _name(number: int, *, healing: bool) -> str:
    return f"examples-{'healed' if healing else 'judged'}-{number}"


def _shown() -> Iterator[Shown]:
    numbers: dict[tuple[Given, frozenset[str]], int] = {}
    for rule in POD_RULES.values():
        for example in rule.examples:
            asked = (example.given, broken_by(rule, example))
            yield Shown(rule, example, numbers.setdefault(asked, len(numbers)))


SHOWN = list(_shown())
# What can be created as a pod in any namespace.
PODS = [shown for shown in SHOWN if shown.example.valid and shown.at() == Setting(namespace=shown.at().namespace)]
PODS = [shown for shown in PODS if shown.at().namespace not in CALLED]
CALLED_PODS = [shown for shown in SHOWN if shown.at().namespace in CALLED and not shown.at().template]
DEBUGGING = [shown for shown in SHOWN if shown.debugging]
INVALID = [shown for shown in SHOWN if not shown.example.valid and not shown.debugging]
TEMPLATES = [
    (shown, kind)
    for shown in SHOWN
    if shown.example.valid
    for kind in kinds_of(shown.example)
    if kind in RESOURCES and kind != "Pod" and shown.at(kind).creating and shown.at(kind).namespace not in CALLED
]
# What is about a pod or template that is there already, about a mirror pod, or about a template in a namespace of a name.
APART = {
    "pinned-node: in a template that is changed",
    "pinned-node: where the scheduler put it",
    "pinned-node: a mirror",
    "default-namespace: a template",
}


def failing(shown: Shown, pod: PodView, *, healing: bool) -> frozenset[str]:
    """Return the rules that refuse a pod."""
    asked = regime(shown.policy(healing=healing))
    found = evaluate(asked.questions, pod)
    return frozenset(finding.rule.slug for finding in found if finding.outcome is not Outcome.WARN)


@pytest.fixture(scope="module")
def caller(api_server: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    policies = {
        _name(shown.number, healing=healing): [shown.policy(healing=healing)]
        for shown in SHOWN
        for healing in (False, True)
    }
    folder = tmp_path_factory.mktemp("examples")
    # Pods to add debuggers to, from before anything was enforced.
    with Caller(api_server) as caller:
        spaces = caller.ask_all(("POST", "/api/v1/namespaces", {"metadata": {"name": name}}) for name in policies)
        harmless = hardened_pod() | {"metadata": {"name": "harmless"}}
        pods = caller.ask_all(("POST", namespaced("api/v1/pods", name), harmless) for name in policies)
    assert {answer.code for answer in [*spaces, *pods]} == {201}
    with enforcing(api_server, folder, policies), Caller(api_server) as caller:
        yield caller


def test_every_example_is_asked_for_below() -> None:
    asked = {*PODS, *CALLED_PODS, *DEBUGGING, *INVALID, *(shown for shown, _ in TEMPLATES)}

    assert {shown.title for shown in SHOWN if shown not in asked} == APART


def wrong(
    shown: Iterable[Shown], answers: Iterable[Answer], wanted: Callable[[Shown], frozenset[str]]
) -> dict[str, str]:
    """Return those of which the API server says anything but what is wanted."""
    return {
        each.title: f"{sorted(wanted(each))}: {answer.message or 'accepted'}"
        for each, answer in zip(shown, answers, strict=True)
        if answer.denied != wanted(each) or answer.accepted is bool(answer.denied)
    }


def judged_as_it_is(shown: Shown) -> frozenset[str]:
    return failing(shown, shown.view(), healing=False)


def test_every_example_is_refused_or_let_pass_as_it_says(caller: Caller) -> None:
    answers = caller.ask_all(
        ("POST", namespaced("api/v1/pods", _name(shown.number, healing=False)) + DRY, shown.pod) for shown in PODS
    )

    assert not wrong(PODS, answers, judged_as_it_is)
    refused = {shown.rule.slug for shown, answer in zip(PODS, answers, strict=True) if shown.rule.slug in answer.denied}
    # All but those that are about one namespace, or about debuggers alone.
    assert POD_RULES.keys() - refused == {"default-namespace", "targeted-ephemeral-container"}


def test_what_is_healed_is_accepted_and_healed_once(caller: Caller) -> None:
    answers = caller.ask_all(
        ("POST", namespaced("api/v1/pods", _name(shown.number, healing=True)) + DRY, shown.pod) for shown in PODS
    )

    def left(shown: Shown) -> frozenset[str]:
        mended = become(regime(shown.policy(healing=True)), shown.view(), HERE)
        return failing(shown, mended, healing=True)

    assert not wrong(PODS, answers, left)
    healed: set[str] = set()
    for shown, answer in zip(PODS, answers, strict=True):
        everything = regime(shown.policy(healing=True))
        first = mend(everything, shown.view(), HERE)
        healed |= {finding.rule.slug for finding in first.healed} - answer.denied
        if answer.accepted:
            # The API server has filled in its defaults by now.
            assert not mend(everything, view(answer.body, (), shown.at()), HERE).operations, shown.title
            assert ("stridegate.dev/patched" in json.dumps(answer.body)) is bool(first.operations), shown.title
    assert healed == {
        rule.slug
        for rule in POD_RULES.values()
        if "There is no automatic fix" not in (rule.doc or "") and rule.slug not in HEALED_BY_AUTHORS
    }


def test_what_is_no_pod_is_refused_by_the_api_server_itself(caller: Caller) -> None:
    def question(shown: Shown, *, healing: bool) -> tuple[str, str, object]:
        kind = "Deployment" if shown.at().template else "Pod"
        path = namespaced(RESOURCES[kind], _name(shown.number, healing=healing)) + DRY
        return "POST", path, shown.workload(kind) if shown.at().template else shown.pod

    asked = [(shown, healing) for shown in INVALID for healing in (False, True)]

    answers = caller.ask_all(question(shown, healing=healing) for shown, healing in asked)

    assert not {
        shown.title: f"{answer.code} {answer.message}"
        for (shown, _), answer in zip(asked, answers, strict=True)
        if answer.code not in {400, 403, 422} or "tridegate" in answer.message
    }


def test_every_example_means_the_same_in_every_workload(caller: Caller) -> None:
    answers = caller.ask_all(
        ("POST", namespaced(RESOURCES[kind], _name(shown.number, healing=False)) + DRY, shown.workload(kind))
        for shown, kind in TEMPLATES
    )

    wrong = {
        f"{kind}, {shown.title}": answer.message or "accepted"
        for (shown, kind), answer in zip(TEMPLATES, answers, strict=True)
        if answer.denied != failing(shown, shown.view(kind), healing=False) or answer.accepted is bool(answer.denied)
    }
    assert not wrong


def test_what_a_debugger_may_be_is_judged_on_its_own_way_in(caller: Caller) -> None:
    asked = [shown for shown in [*DEBUGGING, *PODS] if (debugger(shown) is not None)]

    answers = caller.ask_all(
        (
            "PATCH",
            namespaced("api/v1/pods", _name(shown.number, healing=False), "harmless/ephemeralcontainers") + DRY,
            {"spec": {"ephemeralContainers": [debugger(shown)]}},
        )
        for shown in asked
    )

    possible = [(shown, answer) for shown, answer in zip(asked, answers, strict=True) if answer.code not in {400, 422}]
    assert not wrong([shown for shown, _ in possible], [answer for _, answer in possible], judged_as_debugger)
    assert {shown.rule.slug for shown, answer in possible if shown.rule.slug in answer.denied} >= {
        *("privileged-container", "privilege-escalation", "undropped-capabilities", "targeted-ephemeral-container"),
        *("possible-root-user", "root-user", "unconfined-seccomp", "malformed-image-reference", "literal-secret"),
    }


def debugger(shown: Shown) -> JsonMap | None:
    """Return the ephemeral container that an example speaks of, or the one container it changes as one; else None."""
    spec = yaml.safe_load(shown.example.spec)
    whole = cast("dict[str, list[JsonMap]]", shown.pod["spec"])
    if shown.debugging:
        return whole["ephemeralContainers"][0]
    if spec.keys() != {"containers"} or len(whole["containers"]) > 1 or shown.example.annotations:
        return None
    # The API forbids these to ephemeral containers.
    forbidden = {"resources", "ports", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle"}
    return {key: value for key, value in whole["containers"][0].items() if key not in forbidden} | {"name": "debugger"}


def judged_as_debugger(shown: Shown) -> frozenset[str]:
    pod = hardened_pod()
    container = cast("JsonMap", debugger(shown))
    pod["spec"] = {**cast("JsonMap", pod["spec"]), "ephemeralContainers": [container]}
    seen = view(pod, (), Setting(namespace=HERE.namespace, creating=False))
    found = evaluate(regime(shown.policy(healing=False)).questions, seen)
    # What the pod's other containers are was settled as it was created.
    return frozenset(
        finding.rule.slug
        for finding in found
        if finding.outcome is not Outcome.WARN and not finding.key[1].startswith("containers[")
    )


@pytest.mark.parametrize("shown", CALLED_PODS, ids=lambda shown: shown.title)
def test_an_example_holds_in_the_namespace_it_is_about(caller: Caller, api_server: ApiServer, shown: Shown) -> None:
    namespace = shown.at().namespace
    held = replace(shown.policy(healing=False), name="examples-called")
    api_server.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(manifest(held, namespace)))
    api_server.kubectl("create", "namespace", namespace, check=False)
    path = namespaced("api/v1/pods", namespace) + DRY
    bad = laid_over("hostPID: true")
    eventually(lambda: "examples-called" in caller.ask("POST", path, bad).message)

    answer = caller.ask("POST", path, shown.pod)

    assert not wrong([shown], [answer], judged_as_it_is)
    api_server.kubectl("delete", "hardeningpolicy", "examples-called")
    eventually(lambda: caller.ask("POST", path, bad).accepted)


def named(title: str) -> Shown:
    (shown,) = (shown for shown in SHOWN if shown.title == title)
    return shown


def test_a_node_may_be_written_into_a_template_no_later_than_at_first(caller: Caller) -> None:
    shown = named("pinned-node: in a template that is changed")
    place = namespaced(RESOURCES["Deployment"], _name(shown.number, healing=False))
    harmless = overlay(shown.workload("Deployment"), {"spec": {"template": {"spec": {"nodeName": None}}}})
    assert caller.ask("POST", place, harmless).accepted

    answer = caller.ask("PATCH", f"{place}/web{DRY}", shown.workload("Deployment"))

    assert answer.denied == {"pinned-node"}


def test_a_pod_may_be_changed_where_the_scheduler_put_it(caller: Caller) -> None:
    shown = named("pinned-node: where the scheduler put it")
    place = namespaced("api/v1/pods", _name(shown.number, healing=False))
    placed = {**hardened_pod(), "metadata": {"name": "placed"}}
    assert caller.ask("POST", place, placed).accepted
    target = {"kind": "Node", "name": "node1"}
    assert caller.ask("POST", f"{place}/placed/binding", {"metadata": {"name": "placed"}, "target": target}).accepted
    change = {
        "metadata": {"name": "placed"},
        "spec": {"containers": [{"name": "app", "image": "registry.example/app:2"}]},
    }

    answer = caller.ask("PATCH", f"{place}/placed{DRY}", change)

    assert answer.body["spec"]["nodeName"] == "node1"
    assert answer.body["spec"]["containers"][0]["image"] == "registry.example/app:2"


def test_a_node_may_show_its_static_pods_and_nobody_else_may_say_so(caller: Caller, api_server: ApiServer) -> None:
    shown = named("pinned-node: a mirror")
    place = namespaced("api/v1/pods", _name(shown.number, healing=False)) + DRY
    node = caller.ask("POST", "/api/v1/nodes", {"metadata": {"name": "node1"}})
    uid = (node if node.accepted else caller.ask("GET", "/api/v1/nodes/node1")).body["metadata"]["uid"]
    owner = {"apiVersion": "v1", "kind": "Node", "name": "node1", "uid": uid, "controller": True}
    mirror: dict[str, object] = {
        **shown.pod,
        "metadata": {
            "name": "static-node1",
            "annotations": {"kubernetes.io/config.mirror": "x"},
            "ownerReferences": [owner],
        },
    }

    with Caller(api_server, "system:node:node1", ["system:nodes", "system:authenticated"]) as kubelet:
        eventually(
            lambda: "node1" in kubelet.ask("GET", "/api/v1/nodes/node1").body.get("metadata", {}).get("name", "")
        )
        theirs = kubelet.ask("POST", place, mirror)
    ours = caller.ask("POST", place, mirror)

    assert theirs.accepted, theirs.message
    assert ours.denied == {"pinned-node"}
