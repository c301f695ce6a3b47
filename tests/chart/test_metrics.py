"""Metrics: what alerts, the dashboard and the documentation name is what the processes tell."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from charts import CHART, Helm, Rendered, load
from enforcement import configuration, created
from exposed import Exposed, exposed, names_in
from localkube.api_server import ApiServer
from localkube.places import CHECKOUT
from processes import AUTHORITY
from promtool import Promtool
from replicas import eventually
from traffic import pod as traffic_pod

DASHBOARD = json.loads((CHART / "files" / "dashboard.json").read_text(encoding="utf-8"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


@pytest.fixture(scope="module")
def metrics(tmp_path_factory: pytest.TempPathFactory) -> list[Exposed]:
    return list(exposed(tmp_path_factory.mktemp("exposed")))


def expressions() -> Iterator[str]:
    """Every expression of the alerts and of the dashboard."""
    for group in load(CHART / "files" / "alerts.yaml")["groups"]:
        yield from (rule["expr"] for rule in group["rules"])
    for panel in PANELS:
        yield from (target["expr"] for target in panel["targets"])
    yield DASHBOARD["templating"]["list"][1]["definition"]


def test_whatever_is_asked_for_is_told(metrics: list[Exposed]) -> None:
    told = {series for each in metrics for series in each.series}
    asked = {name for each in expressions() for name in names_in(each) if name.startswith("stridegate_")}

    assert asked <= told


def test_the_documentation_has_every_metric_and_no_other(metrics: list[Exposed]) -> None:
    text = (CHECKOUT / "docs" / "metrics.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(stridegate_\w+)` \| (\w+) \| ([a-z, ]+) \|", text, re.MULTILINE)

    told: dict[str, tuple[str, str]] = {}
    for each in metrics:
        name = next(each.series) if each.type == "counter" else each.name
        known = told.get(name, ("", ""))[1]
        told[name] = ("info" if name.endswith("_info") else each.type, f"{known}, {each.process}".removeprefix(", "))
    assert {name: (type_, processes) for name, type_, processes in rows} == told


def test_no_page_speaks_of_a_metric_that_nobody_tells(metrics: list[Exposed]) -> None:
    told = {name for each in metrics for name in (each.name, *each.series)}
    pages = [CHECKOUT / "README.md", *(CHECKOUT / "docs").glob("*.md"), *(CHECKOUT / "docs" / "guides").glob("*.md")]

    for page in pages:
        named = {each for each in names_in(page.read_text(encoding="utf-8")) if each.startswith("stridegate_")}
        assert named <= told, page


def test_names_follow_the_conventions_of_prometheus(metrics: list[Exposed]) -> None:
    for each in metrics:
        assert re.fullmatch(r"stridegate_[a-z]+(_[a-z]+)*", each.name), each
        assert not each.name.endswith(("_count", "_sum", "_bucket", "_ms", "_milliseconds", "_minutes")), each
        # The parser has taken this off counters; nothing else may have it.
        assert not each.name.endswith("_total"), each
        assert each.meaning, each


def test_every_expression_of_the_dashboard_is_one_of_prometheus(promtool: Promtool, tmp_path: Path) -> None:
    asked = {target["expr"] for panel in PANELS for target in panel["targets"]}
    rules = [
        {"record": f"panel:{number}", "expr": each.replace("$__rate_interval", "5m").replace("$cluster", ".*")}
        for number, each in enumerate(sorted(asked))
    ]
    file = tmp_path / "dashboard.json"
    file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}), encoding="utf-8")

    assert not promtool.complaints("check", "rules", file)


def test_the_dashboard_fits_its_grid_and_shows_something_everywhere() -> None:
    numbers = [panel["id"] for panel in DASHBOARD["panels"]]

    assert len(set(numbers)) == len(numbers)
    for panel in PANELS:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        assert panel["targets"], panel["title"]
        for target in panel["targets"]:
            assert '{cluster=~"$cluster"' in target["expr"], panel["title"]


def test_the_chart_installs_the_dashboard_for_grafanas_sidecar(helm: Helm, release: Rendered) -> None:
    rendered = helm.render({"monitoring": {"dashboards": {"enabled": True}}})

    installed = rendered.one("ConfigMap", "stridegate-dashboard")
    assert "stridegate-dashboard" not in {each["metadata"]["name"] for each in release.all("ConfigMap")}
    assert json.loads(installed["data"]["stridegate.json"]) == DASHBOARD
    assert installed["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert installed["metadata"]["annotations"] == {"grafana_folder": "Stridegate"}


@pytest.mark.parametrize("scanned", [True, False])
def test_the_chart_has_every_process_collected(helm: Helm, scanned: bool) -> None:
    rendered = helm.render({"scanner": {"enabled": scanned}, "monitoring": {"podMonitors": {"enabled": True}}})

    monitor = rendered.one("PodMonitor", "stridegate")["spec"]
    kinds = ("Deployment", "DaemonSet")
    serving = [
        each
        for kind in kinds
        for each in rendered.all(kind)
        if monitor["selector"]["matchLabels"].items() <= each["spec"]["template"]["metadata"]["labels"].items()
        and {"name": "http", "containerPort": 9090} in each["spec"]["template"]["spec"]["containers"][0]["ports"]
    ]
    assert [each for kind in kinds for each in rendered.all(kind)] == serving
    assert {each["metadata"]["namespace"] for each in serving} == set(monitor["namespaceSelector"]["matchNames"])
    assert monitor["podMetricsEndpoints"] == [{"port": "http", "path": "/metrics", "interval": "30s"}]


@pytest.mark.api_server
def test_the_api_server_tells_what_is_asked_of_it(api_server: ApiServer) -> None:
    names = {"metrics-tests": "Fail", "metrics-tests-open": "Ignore"}
    for name, policy in names.items():
        created(api_server, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"{name}-shop"}})
        unreachable = configuration(
            "Validating", "/validate", policy, name=name, shop=f"{name}-shop", authority=AUTHORITY
        )
        unreachable["webhooks"][0]["name"] = f"{policy.lower()}.stridegate.dev"
        created(api_server, unreachable)

    def told() -> str:
        for name in names:
            api_server.kubectl(
                *("-n", f"{name}-shop", "create", "--dry-run=server", "-f", "-"),
                stdin=json.dumps(traffic_pod()),
                check=False,
            )
        return api_server.kubectl("get", "--raw", "/metrics")

    eventually(lambda: 'webhook_fail_open_count{name="ignore.stridegate.dev"' in told())
    lines = told().splitlines()
    api_server.kubectl("delete", "validatingwebhookconfiguration", *names)

    asked = {name for each in expressions() for name in names_in(each) if name.startswith("apiserver_")}
    assert asked == {name for name in asked if any(line.startswith(name + "{") for line in lines)}
    rejected = next(
        line
        for line in lines
        if line.startswith("apiserver_admission_webhook_rejection_count{") and "fail.stridegate.dev" in line
    )
    assert 'error_type="calling_webhook_error"' in rejected
