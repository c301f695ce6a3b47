"""Each sample policy, as a real API server takes it, does what the comment above it says."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from charts import SAMPLES, load
from leaves import NOW
from localkube.api_server import ApiServer
from reviewing import Asked
from specimens import laid_over
from stridegate.admission.mutation import mutate
from stridegate.admission.policy_set import Rulebook, compiled, empty_policy_set
from stridegate.admission.reviews import read_review
from stridegate.admission.validation import validate
from stridegate.admission.verdicts import Verdict
from stridegate.engine.catalogue import RULES
from stridegate.engine.examples import JsonMap, example_pod
from stridegate.kube.policies import read_policy
from stridegate.model.policies import Policy
from stridegate.model.vocabulary import Action

pytestmark = pytest.mark.api_server

Sample = Callable[[str], Policy]

PRIVILEGED = laid_over("containers: [{name: app, securityContext: {privileged: true, allowPrivilegeEscalation: null}}]")
NODE_NETWORK = laid_over("hostNetwork: true")
ESCALATING = laid_over("containers: [{name: app, securityContext: {allowPrivilegeEscalation: true}}]")
# Nothing is said of security but a user: what a careful author writes who has not heard of the rest.
CARELESS = laid_over(
    "{securityContext: {runAsNonRoot: null, runAsUser: 1000, seccompProfile: null}, "
    "containers: [{name: app, resources: null, securityContext: "
    "{allowPrivilegeEscalation: null, readOnlyRootFilesystem: null}}]}"
)


@pytest.fixture
def sample(client: object, api_server: ApiServer) -> Sample:
    """Read a sample as the API server would store it, with all that it fills in."""
    assert client, "the kinds are known"

    def stored(name: str) -> Policy:
        path = SAMPLES / f"{name}.yaml"
        made: dict[str, Any] = json.loads(
            api_server.kubectl("create", "--dry-run=server", "--validate=strict", "-o", "json", "-f", str(path))
        )
        reading = read_policy(made, RULES)
        assert reading.unknown_rules == ()
        return reading.policy

    return stored


def rulebook(policy: Policy, namespace: str, **labels: str) -> Rulebook:
    known = empty_policy_set(RULES).with_namespaces({namespace: {"kubernetes.io/metadata.name": namespace} | labels})
    found = known.with_policies([compiled(policy, RULES)]).rulebook(namespace)
    assert found is not None
    return found


def judged(document: JsonMap, policy: Policy, namespace: str = "shop", **labels: str) -> Verdict:
    asked = Asked(object=document, namespace=namespace)
    return validate(read_review(asked.body()), rulebook(policy, namespace, **labels), now=NOW)


def mended(document: JsonMap, policy: Policy, **labels: str) -> set[str]:
    """Return the rules whose findings are patched away."""
    mutation = mutate(read_review(Asked(object=document).body()), rulebook(policy, "shop", **labels), now=NOW)
    return {slug for slug, _ in mutation.healed}


def warned(verdict: Verdict) -> str:
    return "\n".join(verdict.warnings)


def agent(name: str, spec: str) -> JsonMap:
    """Return the pod of a DaemonSet."""
    owned: JsonMap = {"name": f"{name}-x", "ownerReferences": [{"kind": "DaemonSet", "name": name, "controller": True}]}
    return {**laid_over(spec), "metadata": owned}


LOGS = """
containers: [{name: reader, image: 'registry.example/reader:1.0', volumeMounts: [{name: logs, mountPath: /logs}]}]
volumes: [{name: logs, hostPath: {path: /var/log/pods}}]
"""


def test_the_baseline_refuses_what_takes_over_a_node_in_any_namespace(sample: Sample) -> None:
    policy = sample("baseline")

    assert not judged(PRIVILEGED, policy).allowed
    assert not judged(NODE_NETWORK, policy, "node-agents").allowed
    assert judged(ESCALATING, policy).allowed


def test_an_agent_may_do_what_it_is_for_and_nothing_else(sample: Sample) -> None:
    policy = sample("node-agents")

    assert judged(agent("log-reader", LOGS), policy, "node-agents").allowed
    assert judged(agent("node-exporter", "{hostNetwork: true, hostPID: true}"), policy, "node-agents").allowed
    exporter = judged(agent("node-exporter", "containers: [{name: app, securityContext: {privileged: true}}]"), policy)
    assert "privileged-container" in exporter.message


@pytest.mark.parametrize(
    ("document", "namespace"),
    [
        (agent("log-reader", LOGS), "shop"),
        (agent("log-shipper", LOGS), "node-agents"),
        (agent("log-reader", "hostNetwork: true"), "node-agents"),
        (agent("log-reader", LOGS.replace("reader,", "other,")), "node-agents"),
    ],
    ids=["another namespace", "another agent", "another rule", "another container"],
)
def test_what_is_excluded_for_an_agent_is_narrow(sample: Sample, document: JsonMap, namespace: str) -> None:
    assert not judged(document, sample("node-agents"), namespace).allowed


def test_restricted_heals_what_is_safe_and_refuses_the_rest(sample: Sample) -> None:
    policy = sample("restricted")
    labels = {"tier": "application"}

    assert mended(CARELESS, policy, **labels) == {
        "missing-seccomp-profile",
        "possible-root-user",
        "privilege-escalation",
    }
    assert not judged(ESCALATING, policy, **labels).allowed
    assert policy.pod_security == 36


def test_restricted_selects_applications_by_a_label_that_is_not_to_be_trusted(sample: Sample) -> None:
    policy = sample("restricted")

    assert judged(PRIVILEGED, policy).allowed
    assert not policy.selector.trusted


def test_hardened_denies_two_rules_from_the_first_day_and_warns_of_the_rest(sample: Sample) -> None:
    policy = sample("hardened")
    labels = {"tier": "production"}

    refused = judged(PRIVILEGED, policy, **labels)
    unlimited = judged(laid_over("containers: [{name: app, resources: null}]"), policy, **labels)
    told = judged(
        laid_over("containers: [{name: app, securityContext: {readOnlyRootFilesystem: null}}]"), policy, **labels
    )

    assert not refused.allowed
    assert not unlimited.allowed
    assert told.allowed
    assert "writable-root-filesystem" in warned(told)


def test_hardened_patches_what_is_safe_already(sample: Sample) -> None:
    made = mended(CARELESS, sample("hardened"), tier="production")

    assert "privilege-escalation" in made
    assert "unlimited-memory" not in made
    assert "writable-root-filesystem" not in made


def test_a_gentle_start_refuses_and_changes_nothing_and_warns_of_the_worst_alone(sample: Sample) -> None:
    policy = sample("gentle-start")

    worst = judged(PRIVILEGED, policy)
    escalating = judged(ESCALATING, policy)

    assert worst.allowed
    assert "privileged-container" in warned(worst)
    assert escalating.allowed
    assert not escalating.warnings
    assert not mended(CARELESS, policy)


def test_a_gentle_start_goes_on_as_its_comment_says(sample: Sample) -> None:
    first = sample("gentle-start")

    second = replace(first, action=Action.WARN)
    third = replace(second, rules={**second.rules, "host-pid": replace(second.rules["host-pid"], action=Action.DENY)})
    fourth = replace(third, action=Action.DENY)

    assert "privilege-escalation" in warned(judged(ESCALATING, second))
    assert not judged(laid_over("hostPID: true"), third).allowed
    assert judged(ESCALATING, third).allowed
    assert not judged(ESCALATING, fourth).allowed


def test_the_threat_model_holds_in_one_namespace_and_leaves_a_careless_pod_healed(sample: Sample) -> None:
    policy = sample("threat-model")
    careless = example_pod(
        {"containers": [{"name": "app", "image": "python:3.13-slim", "securityContext": None, "resources": None}]}, {}
    )

    assert not judged(PRIVILEGED, policy).allowed
    assert judged(PRIVILEGED, policy, "elsewhere").allowed
    assert {"writable-root-filesystem", "unlimited-memory", "net-raw-capability"} <= mended(careless, policy)


def test_the_hardened_pod_passes_every_sample(sample: Sample) -> None:
    policies = [sample(path.stem) for path in SAMPLES.glob("*.yaml") if load(path)["kind"] == "HardeningPolicy"]

    hardened = laid_over("containers: [{name: app, image: 'docker.io/library/nginx:1.29'}]")
    verdicts = [judged(hardened, policy, tier="production") for policy in policies]

    assert len(verdicts) == 6
    assert all(verdict.allowed for verdict in verdicts)
