"""The entries that the operator arms: exactly what is needed, and nothing that could stop a cluster from recovering."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from charts import CHART, Helm, Refused, Rendered
from stridegate.admission.kinds import Embedder, read_embedder

SCHEMA = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))


def entries(release: Rendered) -> dict[str, dict[str, Any]]:
    wanted = release.webhooks()
    return {entry["name"]: entry for entry in (*wanted["mutating"], *wanted["validating"])}


def requests(entry: dict[str, Any]) -> set[str]:
    """Every kind of request that an entry asks for, as `operation group/resource`."""
    return {
        f"{operation} {group}/{resource}"
        for rule in entry["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for operation in rule["operations"]
    }


def out_of_reach(release: Rendered) -> list[str]:
    """The namespaces that no entry is asked about."""
    (names,) = {
        tuple(expression["values"])
        for entry in entries(release).values()
        for expression in entry["namespaceSelector"]["matchExpressions"]
    }
    return list(names)


def documented() -> dict[str, list[str]]:
    """The namespaces of each platform, as the values say."""
    values = (CHART / "values.yaml").read_text(encoding="utf-8").replace("\n# ", " ")
    return {name: listed.split(", ") for name, listed in re.findall(r"([a-z-]+) \(([a-z-]+(?:, [a-z-]+)*)\)", values)}


def test_pods_are_judged_on_every_way_in_and_no_other_request_is(release: Rendered) -> None:
    asked = {name: requests(entry) for name, entry in entries(release).items()}

    assert asked == {
        "pods.mutate.stridegate.dev": {"CREATE /pods"},
        "pods.validate.stridegate.dev": {
            "CREATE /pods",
            "UPDATE /pods",
            "UPDATE /pods/ephemeralcontainers",
            "UPDATE /pods/resize",
        },
        "templates.stridegate.dev": {
            f"{operation} {resource}"
            for operation in ("CREATE", "UPDATE")
            for resource in (
                "apps/deployments",
                "apps/statefulsets",
                "apps/daemonsets",
                "apps/replicasets",
                "batch/jobs",
                "batch/cronjobs",
                "/replicationcontrollers",
            )
        },
        "objects.stridegate.dev": {
            f"{operation} {resource}"
            for operation in ("CREATE", "UPDATE")
            for resource in ("/services", "/persistentvolumes")
        },
    }


def test_exec_and_attach_are_asked_about_where_the_values_say_so(helm: Helm) -> None:
    (entry,) = (
        entry
        for name, entry in entries(helm.render({"exec": {"enabled": True}})).items()
        if name == "exec.stridegate.dev"
    )

    assert requests(entry) == {"CONNECT /pods/exec", "CONNECT /pods/attach"}
    assert (entry["failurePolicy"], entry["timeoutSeconds"]) == ("Fail", 3)


def test_exec_is_judged_by_the_very_pod_only_where_the_values_say_so(helm: Helm) -> None:
    def pods_watched(release: Rendered) -> bool:
        rules = release.one("ClusterRole", "stridegate-webhook")["rules"]
        return {"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]} in rules

    def told(release: Rendered) -> bool:
        (container,) = release.one("Deployment", "stridegate-webhook")["spec"]["template"]["spec"]["containers"]
        return "--exact-exec" in container["args"]

    by_namespace = helm.render({"exec": {"enabled": True}})
    by_pod = helm.render({"exec": {"enabled": True, "exact": True}})

    assert (told(by_namespace), pods_watched(by_namespace)) == (False, False)
    assert (told(by_pod), pods_watched(by_pod)) == (True, True)


def test_exec_cannot_be_judged_by_the_very_pod_without_being_asked_about(helm: Helm) -> None:
    with pytest.raises(Refused, match=r"exec\.exact: must go with exec.enabled: true"):
        helm.render({"exec": {"exact": True}})


ROLLOUT = {
    "group": "argoproj.io",
    "version": "v1alpha1",
    "resource": "rollouts",
    "kind": "Rollout",
    "path": "spec.template",
}


def test_a_further_kind_that_embeds_pods_is_asked_about_and_the_webhook_told_where(helm: Helm) -> None:
    release = helm.render({"podTemplates": [ROLLOUT]})

    (container,) = release.one("Deployment", "stridegate-webhook")["spec"]["template"]["spec"]["containers"]
    (told,) = (each.partition("=")[2] for each in container["args"] if each.startswith("--pod-template="))
    asked = requests(entries(release)["templates.stridegate.dev"])
    assert asked >= {"CREATE argoproj.io/rollouts", "UPDATE argoproj.io/rollouts"}
    assert read_embedder(told) == Embedder(
        group="argoproj.io", version="v1alpha1", resource="rollouts", kind="Rollout", path=("spec", "template")
    )


@pytest.mark.parametrize(
    "values",
    [
        [{**ROLLOUT, "group": "apps"}],
        [{**ROLLOUT, "group": ""}],
        [{**ROLLOUT, "resource": "*"}],
        [{**ROLLOUT, "version": "*"}],
        [{**ROLLOUT, "kind": "rollout"}],
        [{**ROLLOUT, "path": "spec..template"}],
        [{**ROLLOUT, "path": "spec.template=x"}],
        [{key: value for key, value in ROLLOUT.items() if key != "path"}],
        [ROLLOUT, {**ROLLOUT, "path": "spec.other"}],
    ],
    ids=str,
)
def test_a_further_kind_that_cannot_be_is_refused(helm: Helm, values: list[dict[str, str]]) -> None:
    with pytest.raises(Refused, match="podTemplates"):
        helm.render({"podTemplates": values})


def test_no_rule_of_an_entry_has_a_wildcard_or_names_our_own_kinds(release: Rendered) -> None:
    for entry in entries(release).values():
        for rule in entry["rules"]:
            assert "*" not in "".join((*rule["apiGroups"], *rule["apiVersions"], *rule["resources"]))
            assert "*" not in rule["operations"]
            assert "stridegate.dev" not in rule["apiGroups"]


def test_no_request_is_sent_to_two_validating_entries(release: Rendered) -> None:
    asked = [request for entry in release.webhooks()["validating"] for request in requests(entry)]

    assert len(asked) == len(set(asked))


@pytest.mark.parametrize(
    ("name", "policy", "seconds", "path"),
    [
        ("pods.mutate.stridegate.dev", "Ignore", 2, "/mutate"),
        ("pods.validate.stridegate.dev", "Fail", 3, "/validate"),
        ("templates.stridegate.dev", "Ignore", 3, "/validate"),
        ("objects.stridegate.dev", "Fail", 3, "/validate"),
    ],
)
def test_only_the_last_gate_fails_closed_and_none_waits_long(
    release: Rendered, name: str, policy: str, seconds: int, path: str
) -> None:
    entry = entries(release)[name]

    assert (entry["failurePolicy"], entry["timeoutSeconds"]) == (policy, seconds)
    assert entry["clientConfig"] == {
        "service": {"name": "stridegate-webhook", "namespace": "stridegate-system", "path": path, "port": 443}
    }


def test_every_entry_has_the_agreed_semantics(release: Rendered) -> None:
    for entry in entries(release).values():
        assert entry["matchPolicy"] == "Equivalent"
        assert entry["sideEffects"] == "None"
        assert entry["admissionReviewVersions"] == ["v1"]
        assert entry["objectSelector"] == {}
        for rule in entry["rules"]:
            assert rule["scope"] == ("Cluster" if rule["resources"] == ["persistentvolumes"] else "Namespaced")
    assert entries(release)["pods.mutate.stridegate.dev"]["reinvocationPolicy"] == "IfNeeded"


def test_conditions_narrow_what_fails_closed_and_nothing_else(release: Rendered) -> None:
    conditions = {
        name: [each["name"] for each in entry.get("matchConditions", [])] for name, entry in entries(release).items()
    }

    assert conditions == {
        "pods.mutate.stridegate.dev": [],
        "pods.validate.stridegate.dev": ["spec-or-annotations-change"],
        "templates.stridegate.dev": [],
        "objects.stridegate.dev": ["service-that-others-may-reach", "volume-on-a-node"],
    }


def test_namespaces_are_left_out_by_the_label_that_nobody_can_change(helm: Helm) -> None:
    release = helm.render({"excludedNamespaces": ["calico-system", "kube-system"]}, namespace="gate")

    for entry in entries(release).values():
        assert entry["namespaceSelector"] == {
            "matchExpressions": [
                {
                    "key": "kubernetes.io/metadata.name",
                    "operator": "NotIn",
                    "values": ["kube-system", "gate", "stridegate-scanner", "calico-system"],
                }
            ]
        }


def test_the_configurations_are_created_unarmed(release: Rendered) -> None:
    for kind in ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"):
        (configuration,) = release.all(kind)

        assert configuration["metadata"]["name"] == "stridegate"
        assert configuration.keys() == {"apiVersion", "kind", "metadata"}


def test_no_bundle_is_ever_rendered(release: Rendered) -> None:
    assert "caBundle" not in str(release.manifests)


def test_a_change_of_the_entries_restarts_the_operator(helm: Helm, release: Rendered) -> None:
    changed = helm.render({"excludedNamespaces": ["calico-system"]})

    before, after = (
        each.one("Deployment", "stridegate-operator")["spec"]["template"]["metadata"]["annotations"]
        for each in (release, changed)
    )
    assert before != after


@pytest.mark.parametrize("platform", SCHEMA["properties"]["platform"]["items"]["enum"])
def test_what_a_platform_needs_to_start_is_out_of_reach_once_it_is_named(helm: Helm, platform: str) -> None:
    without, named = helm.render(), helm.render({"platform": [platform]})

    before, after = out_of_reach(without), out_of_reach(named)
    assert before == ["kube-system", "stridegate-system", "stridegate-scanner"]
    assert after[:3] == before
    assert set(after[3:]) == set(documented()[platform])


def test_platforms_and_further_namespaces_add_up(helm: Helm) -> None:
    release = helm.render({"platform": ["calico", "longhorn"], "excludedNamespaces": ["calico-system", "my-dns"]})

    chosen = ["calico-system", "tigera-operator", "longhorn-system", "my-dns"]
    assert out_of_reach(release) == ["kube-system", "stridegate-system", "stridegate-scanner", *chosen]
