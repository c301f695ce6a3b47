"""Every example of every rule through the real API server, with the webhook before it: refused, let pass or healed as it says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from enforced import Caller, enforcing, namespaced
from localkube.api_server import ApiServer
from specimens import broken_by, pod_of, policy, regime, setting_of, view
from stridegate.engine.catalogue import POD_RULES
from stridegate.engine.evaluate import evaluate
from stridegate.engine.examples import JsonMap
from stridegate.model.policies import Policy
from stridegate.model.rules import Example, Given, PodRule
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
TEMPLATES = [kind for kind in RESOURCES if kind != "Pod"]
# Examples may stand in a namespace that has to be called so.
CALLED = {"default", "kube-system", "node-agents"}


@dataclass(frozen=True)
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

    def view(self, kind: str = "Pod") -> PodView:
        return view(self.pod, (), setting_of(self.example, kind))


def _name(number: int, *, healing: bool) -> str:
    return f"examples-{'healed' if healing else 'judged'}-{number}"


def _shown() -> Iterator[Shown]:
    numbers: dict[tuple[Given, frozenset[str]], int] = {}
    for rule in POD_RULES.values():
        for example in rule.examples:
            asked = (example.given, broken_by(rule, example))
            yield Shown(rule, example, numbers.setdefault(asked, len(numbers)))


SHOWN = list(_shown())
# What can be asked for as a pod in any namespace.
PODS = [
    shown
    for shown in SHOWN
    if shown.example.valid
    and (
        (at := setting_of(shown.example)).namespace not in CALLED and not at.template and at.creating and not at.mirror
    )
]


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
    with enforcing(api_server, folder, policies), Caller(api_server) as caller:
        yield caller


def test_every_example_is_refused_or_let_pass_as_it_says(caller: Caller) -> None:
    answers = caller.ask_all(
        ("POST", namespaced("api/v1/pods", _name(shown.number, healing=False)) + DRY, shown.pod) for shown in PODS
    )

    wrong = {
        shown.title: answer.message or "accepted"
        for shown, answer in zip(PODS, answers, strict=True)
        if answer.denied != failing(shown, shown.view(), healing=False) or answer.accepted is bool(answer.denied)
    }
    assert not wrong
    refused = {shown.rule.slug for shown, answer in zip(PODS, answers, strict=True) if shown.rule.slug in answer.denied}
    assert len(refused) > 50, refused
