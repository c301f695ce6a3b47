"""What a release consists of: who may do what, what is created empty, and what is left out."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from charts import CHART, KINDS, Helm, Rendered, load
from stridegate import __version__
from stridegate.model.policies import CANARY_NAMESPACE

VALUES = sorted((CHART / "ci").glob("*-values.yaml"))
SYSTEM = "stridegate-system"


def granted(release: Rendered, kind: str, name: str, namespace: str | None = None) -> set[tuple[str, str, str, str]]:
    """Every single right of a role, as group, resource, name of the object, verb."""
    (role,) = (
        each
        for each in release.all(kind)
        if each["metadata"]["name"] == name and each["metadata"].get("namespace") == namespace
    )
    return {
        (group, resource, named, verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for named in rule.get("resourceNames", ["any"])
        for verb in rule["verbs"]
    }


def test_the_webhook_only_reads_policies_exemptions_and_namespaces(release: Rendered) -> None:
    assert granted(release, "ClusterRole", "stridegate-webhook") == {
        (group, resource, "any", verb)
        for group, resource in (
            ("stridegate.dev", "hardeningpolicies"),
            ("stridegate.dev", "hardeningexemptions"),
            ("", "namespaces"),
        )
        for verb in ("list", "watch")
    }
    assert not [each for each in release.all("RoleBinding") if "stridegate-webhook" in str(each["subjects"])]


def test_the_operator_writes_two_configurations_and_the_status_of_policies_and_exemptions(release: Rendered) -> None:
    assert granted(release, "ClusterRole", "stridegate-operator") == {
        *(
            ("admissionregistration.k8s.io", resource, "stridegate", verb)
            for resource in ("validatingwebhookconfigurations", "mutatingwebhookconfigurations")
            for verb in ("get", "patch")
        ),
        *(
            ("admissionregistration.k8s.io", resource, guard, "get")
            for resource in ("validatingadmissionpolicies", "validatingadmissionpolicybindings")
            for guard in ("stridegate-exemptions", "stridegate-reports")
        ),
        *(
            right
            for kind in ("hardeningpolicies", "hardeningexemptions", "hardeningreports")
            for right in (
                ("stridegate.dev", kind, "any", "list"),
                ("stridegate.dev", kind, "any", "watch"),
                ("stridegate.dev", f"{kind}/status", "any", "patch"),
            )
        ),
        *(("stridegate.dev", "hardeningreports", "any", verb) for verb in ("create", "patch", "delete")),
        ("", "nodes", "any", "list"),
        ("", "nodes", "any", "watch"),
        ("", "pods", "any", "list"),
        ("", "namespaces", "any", "list"),
        ("", "namespaces", "any", "watch"),
    }


def test_the_operator_writes_two_secrets_and_a_lease_at_home(release: Rendered) -> None:
    assert granted(release, "Role", "stridegate-operator", SYSTEM) == {
        *(("", "secrets", name, verb) for name in ("stridegate-ca", "stridegate-tls") for verb in ("get", "patch")),
        *(("coordination.k8s.io", "leases", "stridegate-operator", verb) for verb in ("get", "patch")),
        ("discovery.k8s.io", "endpointslices", "any", "list"),
    }


def test_the_operator_creates_events_where_those_about_reports_are_kept(release: Rendered) -> None:
    assert granted(release, "Role", "stridegate-operator", "default") == {
        ("", "events", "any", "create"),
        ("discovery.k8s.io", "endpointslices", "any", "list"),
    }


def test_the_operator_watches_pods_where_the_scanners_are_and_nowhere_else(helm: Helm, release: Rendered) -> None:
    assert granted(release, "Role", "stridegate-operator", "stridegate-scanner") == {("", "pods", "any", "watch")}
    assert "stridegate-scanner" not in str(helm.render({"scanner": {"enabled": False}}).all("RoleBinding"))


def test_what_rules_about_the_cluster_read_is_listed_alone_and_is_no_secret(release: Rendered) -> None:
    rights = granted(release, "ClusterRole", "stridegate-cluster-rules")

    assert {verb for *_, verb in rights} == {"list"}
    assert "secrets" not in {resource for _, resource, *_ in rights}
    assert granted(release, "Role", "stridegate-operator", "kube-public") == {
        ("", "configmaps", "cluster-info", "list")
    }


def test_nothing_of_openreports_is_granted_unless_it_is_asked_for(helm: Helm, release: Rendered) -> None:
    asked = helm.render({"reports": {"openReports": True}})

    assert "openreports.io" not in str(release.manifests)
    assert granted(asked, "ClusterRole", "stridegate-openreports") == {
        ("openreports.io", "clusterreports", "any", verb) for verb in ("list", "create", "patch", "delete")
    }
    assert asked.one("ClusterRoleBinding", "stridegate-openreports")["subjects"] == [
        {"kind": "ServiceAccount", "name": "stridegate-operator", "namespace": SYSTEM}
    ]
    assert [
        "--open-reports"
        in each.one("Deployment", "stridegate-operator")["spec"]["template"]["spec"]["containers"][0]["args"]
        for each in (release, asked)
    ] == [False, True]


def test_whoever_may_exempt_may_not_delete_the_record_of_it(release: Rendered) -> None:
    assert granted(release, "ClusterRole", "stridegate-exempter") == {
        ("stridegate.dev", "hardeningrules", "any", "exempt"),
        *(
            ("stridegate.dev", "hardeningexemptions", "any", verb)
            for verb in ("create", "get", "list", "watch", "update", "patch")
        ),
    }


def test_kubernetes_own_roles_take_in_nothing_but_reading(release: Rendered) -> None:
    aggregated = {
        role["metadata"]["name"]: label
        for role in release.all("ClusterRole")
        for label in role["metadata"]["labels"]
        if label.startswith("rbac.authorization.k8s.io/")
    }

    assert aggregated == {"stridegate-view": "rbac.authorization.k8s.io/aggregate-to-view"}
    assert granted(release, "ClusterRole", "stridegate-view") == {
        ("stridegate.dev", kind, "any", verb)
        for kind in ("hardeningpolicies", "hardeningexemptions", "hardeningreports")
        for verb in ("get", "list", "watch")
    }


GUARD = ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")


@pytest.mark.parametrize(
    ("name", "file"), [("stridegate-exemptions", "guard.json"), ("stridegate-reports", "report-guard.json")]
)
def test_the_operator_is_told_what_the_guards_are_to_be(release: Rendered, name: str, file: str) -> None:
    policy, binding = (release.one(kind, name)["spec"] for kind in GUARD)

    wanted = json.loads(release.one("ConfigMap", "stridegate-webhooks")["data"][file])

    assert wanted == {"policy": policy, "binding": binding}
    assert (policy["failurePolicy"], binding["validationActions"]) == ("Fail", ["Deny"])


def test_without_the_guard_the_operator_still_knows_what_it_is_to_be(helm: Helm, release: Rendered) -> None:
    without = helm.render({"exemptions": {"guard": False}})

    assert not [each for kind in GUARD for each in without.all(kind) if "exemptions" in each["metadata"]["name"]]
    assert without.one("ConfigMap", "stridegate-webhooks") == release.one("ConfigMap", "stridegate-webhooks")


@pytest.mark.parametrize("name", ["stridegate-operator", "stridegate-test"])
def test_dry_runs_are_all_that_anybody_does_in_the_canary_namespace(release: Rendered, name: str) -> None:
    assert granted(release, "Role", name, CANARY_NAMESPACE) == {("", "pods", "any", "create")}


def test_nobody_has_a_wildcard(release: Rendered) -> None:
    for role in (*release.all("ClusterRole"), *release.all("Role")):
        assert "*" not in str(role["rules"])


def test_secrets_and_lease_are_created_empty(release: Rendered) -> None:
    secrets = release.all("Secret")

    assert {each["metadata"]["name"] for each in secrets} == {"stridegate-ca", "stridegate-tls"}
    for each in (*secrets, *release.all("Lease")):
        assert each.keys() <= {"apiVersion", "kind", "metadata", "type"}


def test_pod_security_leaves_the_verdict_in_the_canary_namespace_to_the_webhook(release: Rendered) -> None:
    labels = release.one("Namespace", CANARY_NAMESPACE)["metadata"]["labels"]

    assert labels["pod-security.kubernetes.io/enforce"] == "privileged"


def test_every_object_has_the_common_labels(release: Rendered) -> None:
    for each in release.manifests:
        if each["kind"] != "CustomResourceDefinition":
            labels = each["metadata"]["labels"]
            assert labels["app.kubernetes.io/name"] == "stridegate", each["metadata"]["name"]
            assert labels["app.kubernetes.io/version"] == __version__
            assert labels["helm.sh/chart"] == f"stridegate-{__version__}"


def test_selectors_survive_tools_that_rewrite_the_instance_label(release: Rendered) -> None:
    selectors = [
        *(each["spec"]["selector"]["matchLabels"] for each in release.all("Deployment")),
        *(each["spec"]["selector"] for each in release.all("Service")),
        *(each["spec"]["selector"]["matchLabels"] for each in release.all("PodDisruptionBudget")),
        *(each["spec"]["podSelector"]["matchLabels"] for each in release.all("NetworkPolicy")),
    ]

    for selector in selectors:
        assert selector.keys() == {"app.kubernetes.io/name", "app.kubernetes.io/component"}


def test_the_webhook_never_selects_the_operators_pods(release: Rendered) -> None:
    labels = release.one("Deployment", "stridegate-operator")["spec"]["template"]["metadata"]["labels"]

    assert not release.one("Service", "stridegate-webhook")["spec"]["selector"].items() <= labels.items()


def test_kinds_outlive_the_release_and_fit_into_an_annotation(release: Rendered) -> None:
    sources = {load(path)["metadata"]["name"]: load(path) for path in KINDS.glob("*.yaml")}

    kinds = {each["metadata"]["name"]: each for each in release.all("CustomResourceDefinition")}

    assert kinds.keys() == sources.keys()
    for name, kind in kinds.items():
        assert kind["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
        assert kind["spec"] == sources[name]["spec"]
        assert len(yaml.safe_dump(kind)) < 200_000


def test_the_kinds_can_be_installed_alone(helm: Helm, release: Rendered) -> None:
    alone = helm.render(chart=CHART / "charts" / "stridegate-crds")
    without = helm.render({"crds": {"enabled": False}})

    assert list(alone.manifests) == release.all("CustomResourceDefinition")
    assert not without.all("CustomResourceDefinition")


def test_the_chart_has_no_object_of_our_own_kinds(release: Rendered) -> None:
    assert not [each for each in release.manifests if each["apiVersion"].startswith("stridegate.dev/")]


def test_only_the_test_is_a_hook(release: Rendered) -> None:
    hooks = {
        each["kind"]: each["metadata"]["annotations"]["helm.sh/hook"]
        for each in release.manifests
        if "helm.sh/hook" in each["metadata"].get("annotations", {})
    }

    assert hooks == {"ServiceAccount": "test", "Role": "test", "RoleBinding": "test", "Pod": "test"}


def test_no_template_makes_keys_or_asks_the_cluster() -> None:
    forbidden = re.compile(r"\b(gen\w*Cert|genCA\w*|genPrivateKey|rand\w+|lookup|kubectl)\b")

    for path in CHART.rglob("templates/**/*"):
        # The notes tell people what to type.
        if path.is_file() and path.name != "NOTES.txt":
            assert not forbidden.findall(path.read_text(encoding="utf-8")), path


@pytest.mark.parametrize("kubernetes", ["1.30", "1.33", "1.37"])
@pytest.mark.parametrize("path", VALUES, ids=lambda path: path.stem)
def test_the_chart_renders_for_every_platform_and_version(helm: Helm, path: Path, kubernetes: str) -> None:
    release = helm.render(path, kubernetes=kubernetes)

    assert release.one("Deployment", "stridegate-webhook")
    named = [(each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"]) for each in release.manifests]
    assert len(set(named)) == len(named)


def test_chart_and_package_have_one_version() -> None:
    for chart in (CHART, CHART / "charts" / "stridegate-crds"):
        about = load(chart / "Chart.yaml")

        assert (about["version"], about["appVersion"]) == (__version__, __version__)
