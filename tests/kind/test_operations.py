"""What operators of a cluster do to Stridegate, and what may happen to it: nothing is lost and nothing slips through."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest

from installations import Installation
from localkube.installation import (
    NAMESPACE,
    armed_entries,
    helm_test,
    install,
    uninstall,
    until,
    wait_until_armed,
)
from traffic import Answer, Client, pod

pytestmark = pytest.mark.kind

ENTRIES = {"pods.validate (Fail)", "pods.mutate (Ignore)", "objects (Fail)", "templates (Ignore)"}
BASELINE = {"profile": "baseline", "action": "deny"}


def lost(answers: list[Answer]) -> list[Answer]:
    """Requests that got neither Stridegate's verdict nor were admitted."""
    return [answer for answer in answers if not answer.denied and not answer.admitted]


def roll(stridegate: Installation, deployment: str) -> None:
    stridegate.kubectl("-n", NAMESPACE, "rollout", "restart", f"deployment/{deployment}")
    stridegate.kubectl("-n", NAMESPACE, "rollout", "status", f"deployment/{deployment}", "--timeout=180s")


def test_no_pod_is_refused_while_stridegate_is_being_installed(stridegate: Installation) -> None:
    assert len(stridegate.meanwhile) > 20
    assert [answer for answer in stridegate.meanwhile if not answer.admitted] == []


def test_the_charts_own_test_passes(stridegate: Installation) -> None:
    said = helm_test(stridegate.cluster, stridegate.binaries)

    assert "good pod: answered as it should be" in said
    assert "bad pod: answered as it should be" in said


def test_an_upgrade_under_load_loses_no_request(
    stridegate: Installation, namespace: str, policy: Callable[..., str]
) -> None:
    policy(**BASELINE)

    with stridegate.stream(namespace, privileged=True) as bad, stridegate.stream(namespace, privileged=False) as good:
        install(stridegate.cluster, stridegate.binaries, values=("logLevel=debug",))
        install(stridegate.cluster, stridegate.binaries)

    assert len(bad.answers) > 50
    assert [answer for answer in bad.answers if not answer.denied] == []
    assert [answer for answer in good.answers if not answer.admitted] == []
    assert set(armed_entries(stridegate.cluster)) == ENTRIES


def test_while_no_replica_answers_pods_are_refused_and_afterwards_they_are_judged_again(
    stridegate: Installation, namespace: str, policy: Callable[..., str]
) -> None:
    policy(**BASELINE)

    with stridegate.stream(namespace, privileged=True) as bad:
        stridegate.kubectl("-n", NAMESPACE, "scale", "deployment/stridegate-webhook", "--replicas=0")
        until("no replica answers", lambda: any(answer.unanswered for answer in bad.answers))
        stridegate.kubectl("-n", NAMESPACE, "scale", "deployment/stridegate-webhook", "--replicas=3")
        stridegate.kubectl("-n", NAMESPACE, "rollout", "status", "deployment/stridegate-webhook", "--timeout=120s")
        time.sleep(2)

    assert not any(answer.admitted for answer in bad.answers)
    assert bad.answers[-1].denied


def test_admission_does_not_need_the_operator(
    stridegate: Installation, namespace: str, policy: Callable[..., str]
) -> None:
    policy(**BASELINE)
    stridegate.kubectl("-n", NAMESPACE, "scale", "deployment/stridegate-operator", "--replicas=0")
    stridegate.kubectl(
        "-n", NAMESPACE, "wait", "--for=delete", "pod", "-l", "app.kubernetes.io/component=operator", "--timeout=60s"
    )

    with Client(stridegate.cluster.kubeconfig) as client:
        refused, admitted = client.create(namespace, pod(privileged=True)), client.create(namespace, pod())

    stridegate.kubectl("-n", NAMESPACE, "scale", "deployment/stridegate-operator", "--replicas=2")
    stridegate.kubectl("-n", NAMESPACE, "rollout", "status", "deployment/stridegate-operator", "--timeout=120s")
    assert refused.denied
    assert admitted.admitted


def test_a_damaged_configuration_is_restored(stridegate: Installation) -> None:
    damage = '[{"op": "remove", "path": "/webhooks/0"}]'

    stridegate.kubectl("patch", "validatingwebhookconfiguration", "stridegate", "--type=json", "-p", damage)

    until("the configuration is whole again", lambda: set(armed_entries(stridegate.cluster)) == ENTRIES, seconds=90)


def test_a_lost_certificate_is_issued_again_without_losing_a_request(
    stridegate: Installation, namespace: str, policy: Callable[..., str]
) -> None:
    policy(**BASELINE)
    secret = ("-n", NAMESPACE, "get", "secret", "stridegate-tls", "-o", "jsonpath={.data.tls\\.crt}")
    before = stridegate.kubectl(*secret)

    with stridegate.stream(namespace, privileged=True) as bad:
        stridegate.kubectl("-n", NAMESPACE, "patch", "secret", "stridegate-tls", "--type=merge", "-p", '{"data": null}')
        until("there is a new certificate", lambda: stridegate.kubectl(*secret) not in {"", before}, seconds=90)
        time.sleep(5)

    assert [answer for answer in bad.answers if not answer.denied] == []


def test_pods_of_the_release_break_no_rule_of_the_hardened_profile(
    stridegate: Installation, namespace: str, policy: Callable[..., str]
) -> None:
    policy(profile="hardened", action="deny")
    found = json.loads(stridegate.kubectl("-n", NAMESPACE, "get", "deployments", "-o", "json"))["items"]

    said = [
        stridegate.kubectl("-n", namespace, "create", "--dry-run=server", "-f", "-", stdin=json.dumps(as_pod(each)))
        for each in found
    ]

    assert len(said) == 2


def as_pod(deployment: dict[str, dict[str, dict[str, object]]]) -> dict[str, object]:
    """Return the pod that a Deployment's template makes, for a namespace without its service account and priority."""
    spec = dict(deployment["spec"]["template"]["spec"])  # type: ignore[call-overload] # JSON
    for bound in ("serviceAccountName", "serviceAccount", "priorityClassName"):
        spec.pop(bound, None)
    metadata = {"name": deployment["metadata"]["name"]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def test_nothing_of_kopf_is_written_on_any_object(stridegate: Installation, namespace: str) -> None:
    for kind in ("namespaces", "hardeningpolicies"):
        found = stridegate.kubectl("get", kind, "-o", "json")

        assert namespace in found or kind != "namespaces"
        assert "kopf" not in found
        assert '"finalizers"' not in json.dumps([each["metadata"] for each in json.loads(found)["items"]])


def test_after_uninstalling_pods_create_freely_and_a_second_install_arms_again(stridegate: Installation) -> None:
    with (
        Client(stridegate.cluster.kubeconfig) as client,
        stridegate.stream("default", privileged=True) as stream,
    ):
        uninstall(stridegate.cluster, stridegate.binaries)
        free = client.create("default", pod(privileged=True))
        install(stridegate.cluster, stridegate.binaries)
        entries = wait_until_armed(stridegate.cluster)

    assert free.admitted
    assert lost(stream.answers) == []
    assert set(entries) == ENTRIES
