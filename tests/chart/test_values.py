"""Values: every one is documented and checked, and a release that would harm its cluster is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from charts import CHART, Helm, Refused, load

SCHEMA = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))


def objects(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema of an object with fields of its own, with the path to it."""
    if "properties" in schema:
        yield path, schema
    for name, below in (*schema.get("properties", {}).items(), *schema.get("$defs", {}).items()):
        yield from objects(below, f"{path}.{name}")
    if "items" in schema:
        yield from objects(schema["items"], f"{path}[]")


def test_a_kubernetes_without_admission_policies_is_refused(helm: Helm) -> None:
    with pytest.raises(Refused, match=r"requires kubeVersion: >=1\.30\.0-0 which is incompatible"):
        helm.render(kubernetes="1.29")


@pytest.mark.parametrize(
    "namespace", ["default", "kube-system", "kube-public", "kube-node-lease", "stridegate-canary", "stridegate-scanner"]
)
def test_a_namespace_that_is_not_ours_alone_is_refused(helm: Helm, namespace: str) -> None:
    with pytest.raises(Refused, match=f"release namespace: must be Stridegate's own.*got {namespace}"):
        helm.render(namespace=namespace)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"webhook": {"replicas": 1}}, "webhook.replicas: must be at least 2"),
        (
            {"webhook": {"replicas": 3, "maxUnavailable": 3}},
            "webhook.maxUnavailable: must be below the number of replicas",
        ),
        ({"webhook": {"maxUnavailable": 0}}, "maxUnavailable"),
        ({"preset": "prod"}, "preset"),
        ({"presets": "local"}, "presets"),
        ({"webhook": {"replica": 3}}, "replica"),
        ({"webhook": {"replicas": "3"}}, "replicas"),
        ({"webhook": {"resources": {"limits": {"memory": None}}}}, "memory"),
        ({"webhook": {"resources": {"limits": {"memory": "0"}}}}, "memory"),
        ({"operator": {"hostNetwork": True}}, "hostNetwork"),
        ({"operator": {"nodeSelector": {"pool": 1}}}, "pool"),
        ({"operator": {"tolerations": [{"keys": "x"}]}}, "keys"),
        ({"image": {"tag": "latest"}}, "image.tag: must name a version"),
        ({"image": {"digest": "sha256:abc"}}, "digest"),
        ({"image": {"repository": "Stridegate:1"}}, "repository"),
        ({"image": {"pullPolicy": "Never"}}, "pullPolicy"),
        ({"excludedNamespaces": ["stridegate-canary"]}, "excludedNamespaces: must not name stridegate-canary"),
        ({"webhook": {"nodeSelector": {"node pool": "x"}}}, "node pool"),
        ({"webhook": {"nodeSelector": {"pool": "a b"}}}, "a b"),
        ({"webhook": {"nodeSelector": {"pool": "x" * 64}}}, "nodeSelector/pool"),
        ({"webhook": {"configurationAnnotations": {"a/b/c": "x"}}}, "a/b/c"),
        (
            {"operator": {"tolerations": [{"key": "a", "operator": "Exists", "value": "b"}]}},
            r"operator.tolerations\[0\]: must have no value with the operator Exists; got b",
        ),
        (
            {"scanner": {"tolerations": [{"operator": "Exists"}, {"value": "b"}]}},
            r"scanner.tolerations\[1\]: must have a key",
        ),
        ({"scanner": {"paths": ["/proc/1"]}}, "of the profile generic: must not reach /run, /proc.*got /proc/1"),
        ({"scanner": {"profiles": {"generic": {"masked": ["/etc"]}}}}, "masked: must lie below.*got /etc"),
        (
            {"webhook": {"resources": {"requests": {"memory": "1Gi"}}}},
            "webhook.resources: requests.memory must be at most limits.memory, which is 256Mi; got 1Gi",
        ),
        (
            {"scanner": {"reader": {"resources": {"requests": {"cpu": "0.3"}}}}},
            "scanner.reader.resources: requests.cpu must be at most limits.cpu, which is 250m; got 0.3",
        ),
        ({"operator": {"resources": {"limits": {"memory": 134217727}}}}, "operator.resources: requests.memory"),
        ({"priorityClassName": "a..b"}, "priorityClassName"),
        ({"imagePullSecrets": [""]}, "imagePullSecrets/0"),
        ({"networkPolicy": {"apiServerAddresses": ["192.0.2.256/32"]}}, "apiServerAddresses"),
        ({"networkPolicy": {"apiServerAddresses": ["192.0.2.1/33"]}}, "apiServerAddresses"),
        ({"networkPolicy": {"apiServerAddresses": ["2001:db8::1/129"]}}, "apiServerAddresses"),
        ({"monitoring": {"podMonitors": {"interval": "30"}}}, "interval"),
        ({"monitoring": {"alerts": {"runbooks": "wiki"}}}, "runbooks"),
        ({"monitoring": {"dashboards": {"labels": {"grafana_dashboard": 1}}}}, "grafana_dashboard"),
        ({"platform": ["cali"]}, "platform"),
        ({"platform": "calico"}, "platform"),
        ({"excludedNamespaces": ["*"]}, "excludedNamespaces"),
        ({"excludedNamespaces": "calico-system"}, "excludedNamespaces"),
        ({"networkPolicy": {"apiServerPorts": []}}, "apiServerPorts"),
        ({"networkPolicy": {"apiServerAddresses": ["everywhere"]}}, "apiServerAddresses"),
        ({"logLevel": "trace"}, "logLevel"),
        ({"exemptions": {"guard": "on"}}, "guard"),
        ({"exemptions": {"guards": True}}, "guards"),
        ({"crds": {"keep": False}}, "keep"),
    ],
    ids=str,
)
def test_a_bad_value_is_refused_by_name(helm: Helm, values: dict[str, object], said: str) -> None:
    with pytest.raises(Refused, match=said):
        helm.render(values)


@pytest.mark.parametrize(
    "resources",
    [
        {"requests": {"cpu": "1500m", "memory": "0.25G"}, "limits": {"cpu": "1.5", "memory": "256M"}},
        {"requests": {"cpu": 1, "memory": 268435456}, "limits": {"cpu": "1", "memory": "256Mi"}},
        {"requests": {"cpu": "2", "memory": "1Ti"}, "limits": {"memory": "1024Gi"}},
    ],
    ids=str,
)
def test_requests_up_to_the_limits_are_taken(helm: Helm, resources: dict[str, object]) -> None:
    release = helm.render({"webhook": {"resources": resources}})

    (container,) = release.one("Deployment", "stridegate-webhook")["spec"]["template"]["spec"]["containers"]
    assert container["resources"] == resources


def test_every_schema_of_an_object_refuses_what_it_does_not_know() -> None:
    for path, schema in objects(SCHEMA):
        assert schema["additionalProperties"] is False, path


def test_schema_and_values_have_the_same_names() -> None:
    values = load(CHART / "values.yaml")

    # An umbrella chart gives its parts these two.
    assert SCHEMA["properties"].keys() - {"global", "enabled"} == values.keys()
    for name in ("image", "webhook", "operator", "tls", "networkPolicy", "exemptions"):
        assert SCHEMA["properties"][name]["properties"].keys() == values[name].keys()


def test_every_value_says_what_it_is_for() -> None:
    table = (CHART / "README.md").read_text(encoding="utf-8").split("|---|---|---|\n")[1].splitlines()

    for row in table:
        assert len(row.split(" | ")[2]) > 15, row


def test_an_umbrella_chart_can_carry_ours(helm: Helm, tmp_path: Path) -> None:
    umbrella = tmp_path / "platform"
    shutil.copytree(CHART, umbrella / "charts" / "stridegate")
    about = {
        "apiVersion": "v2",
        "name": "platform",
        "version": "1.0.0",
        "dependencies": [{"name": "stridegate", "version": "0.1.0", "condition": "stridegate.enabled"}],
    }
    (umbrella / "Chart.yaml").write_text(yaml.safe_dump(about), encoding="utf-8")

    release = helm.render(
        {"global": {"team": "platform"}, "stridegate": {"enabled": True, "preset": "local"}}, chart=umbrella
    )

    assert release.one("Deployment", "stridegate-webhook")["spec"]["replicas"] == 1
