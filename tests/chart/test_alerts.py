"""Alerts: each parses, fires when it has to and not otherwise, and leads to a page that says what to do."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from charts import CHART, Helm, Manifest, Rendered, load
from localkube.places import CHECKOUT
from promtool import Promtool

FILE = CHART / "files" / "alerts.yaml"
RULES: list[Manifest] = [rule for group in load(FILE)["groups"] for rule in group["rules"]]
RUNBOOKS = (CHECKOUT / "docs" / "alerts.md").read_text(encoding="utf-8")
SEVERITIES = ("page", "warn", "info")

# A cluster in which all is well, minute by minute for four hours from time 0 on.
_LONG = 240
HEALTHY = {
    **{f'stridegate_webhook_ready{{pod="webhook-{number}"}}': f"1x{_LONG}" for number in range(3)},
    'stridegate_operator_active{pod="operator-1"}': f"1x{_LONG}",
    'stridegate_operator_active{pod="operator-2"}': f"0x{_LONG}",
    'stridegate_canary_ok{case="good"}': f"1x{_LONG}",
    'stridegate_canary_ok{case="bad"}': f"1x{_LONG}",
    'stridegate_canary_last_run_timestamp_seconds{case="bad"}': f"0+60x{_LONG}",
    'stridegate_ca_bundle_matches{entry="pods.validate.stridegate.dev"}': f"1x{_LONG}",
    'stridegate_certificate_expiry_timestamp_seconds{role="leaf"}': f"2592000x{_LONG}",
    'stridegate_certificate_expiry_timestamp_seconds{role="ca"}': f"31536000x{_LONG}",
    'stridegate_policy_last_sync_timestamp_seconds{pod="webhook-1"}': f"0+60x{_LONG}",
    "stridegate_policies": f"2x{_LONG}",
    "stridegate_policies_broken": f"0x{_LONG}",
    "stridegate_exemption_guard_ok": f"1x{_LONG}",
    "stridegate_report_guard_ok": f"1x{_LONG}",
    "stridegate_exemptions_expiring": f"0x{_LONG}",
    'stridegate_audit_survivors{policy="production"}': f"0x{_LONG}",
    "stridegate_audit_errors_total": f"0x{_LONG}",
    'stridegate_node_reports{state="Fresh"}': f"3x{_LONG}",
    'stridegate_open_reports{state="repeated"}': f"4x{_LONG}",
    'stridegate_open_reports{state="refused"}': f"0x{_LONG}",
    'stridegate_strangers_total{reason="name"}': f"0x{_LONG}",
    'stridegate_rule_errors_total{rule="host-pid"}': f"0x{_LONG}",
    'stridegate_mutation_overwritten_total{rule="host-pid"}': f"0x{_LONG}",
    'stridegate_admission_reviews_total{decision="denied",entry="pods.validate"}': f"0+1x{_LONG}",
    'stridegate_admission_reviews_total{decision="shed",entry="pods.validate"}': f"0x{_LONG}",
    'apiserver_admission_webhook_fail_open_count{name="other.example.com"}': f"0+1x{_LONG}",
}
NOTHING = "_x240"


@dataclass(frozen=True)
class Case:
    """What happens in place of what is well, and the only alerts that fire then, with their severities."""

    says: str
    series: dict[str, str]
    fires: set[tuple[str, str]] = field(default_factory=set)
    minutes: int = 70


def _opened(name: str) -> str:
    return f'apiserver_admission_webhook_fail_open_count{{name="{name}.stridegate.dev",type="admit"}}'


def _slow(below: str) -> dict[str, str]:
    """Every answer took less than so many seconds, and more than the bound before."""
    bounds = ("0.1", "0.25", "0.5", "1", "2.5", "+Inf")
    begins = bounds.index(below)
    return {
        f'apiserver_admission_webhook_admission_duration_seconds_bucket{{name="templates.stridegate.dev",le="{bound}"}}': (
            f"0+{60 if number >= begins else 0}x{_LONG}"
        )
        for number, bound in enumerate(bounds)
    }


def _certificate(role: str, days: float) -> dict[str, str]:
    ends = 70 * 60 + days * 86400
    return {f'stridegate_certificate_expiry_timestamp_seconds{{role="{role}"}}': f"{ends}x{_LONG}"}


CASES = (
    Case("all is well", {}),
    Case("three replicas gone", {f'stridegate_webhook_ready{{pod="webhook-{n}"}}': f"1x60 0x{_LONG}" for n in range(3)},
         {("StridegateWebhookDown", "page")}),
    Case("nobody collects", {f'stridegate_webhook_ready{{pod="webhook-{n}"}}': NOTHING for n in range(3)},
         {("StridegateWebhookDown", "page")}),
    Case("a rollout", {'stridegate_webhook_ready{pod="webhook-1"}': f"1x68 0x{_LONG}"}),
    Case("one left", {f'stridegate_webhook_ready{{pod="webhook-{n}"}}': f"1x55 0x{_LONG}" for n in range(2)},
         {("StridegateNoRedundancy", "warn")}),
    Case("shedding", {'stridegate_admission_reviews_total{decision="shed",entry="pods.validate"}': f"0+2x{_LONG}"},
         {("StridegateShedding", "warn")}),
    Case("a rule that cannot judge", {'stridegate_rule_errors_total{rule="host-pid"}': f"0+2x{_LONG}"},
         {("StridegateRuleErrors", "warn")}),
    Case("a hostile mutator", {'stridegate_mutation_overwritten_total{rule="host-pid"}': f"0+2x{_LONG}"},
         {("StridegateMutationOverwritten", "warn")}),
    Case("no list of policies any more",
         {'stridegate_policy_last_sync_timestamp_seconds{pod="webhook-1"}': f"0+60x40 2400x{_LONG}"},
         {("StridegatePolicyStale", "warn")}),
    Case("strangers", {'stridegate_strangers_total{reason="name"}': f"0+1x{_LONG}"},
         {("StridegateStrangers", "warn")}),
    Case("many denials", {
        'stridegate_admission_reviews_total{decision="denied",entry="pods.validate"}': f"0+1x120 120+60x{_LONG}",
    }, {("StridegateDenySpike", "info")}, 150),
    Case("many more denials where there are few",
         {'stridegate_admission_reviews_total{decision="denied",entry="pods.validate"}': f"0x120 0+1x{_LONG}"}, minutes=150),
    Case("unpatched pods, for the first time", {_opened("pods.mutate"): f"_x65 1x{_LONG}"},
         {("StridegateFailOpen", "warn")}),
    Case("templates without warnings, again", {_opened("templates"): f"5x65 6x{_LONG}"},
         {("StridegateFailOpen", "warn")}),
    Case("pods that were not judged", {_opened("pods.validate"): f"_x65 1x{_LONG}"}, {("StridegateFailOpen", "page")}),
    Case("what was open an hour ago", {_opened("pods.validate"): f"_x20 1x{_LONG}"}),
    Case("refused unasked", {
        'apiserver_admission_webhook_rejection_count{error_type="calling_webhook_error",name="objects.stridegate.dev"}':
            f"_x67 1x{_LONG}",
    }, {("StridegateCallErrors", "page")}),
    Case("refused with reason", {
        'apiserver_admission_webhook_rejection_count{error_type="no_error",name="objects.stridegate.dev"}': f"0+9x{_LONG}",
    }),
    Case("quick answers", _slow("0.25")),
    Case("slow answers", _slow("0.5"), {("StridegateLatency", "warn")}),
    Case("very slow answers", _slow("2.5"), {("StridegateLatency", "warn"), ("StridegateLatency", "page")}),
    Case("no active operator", {'stridegate_operator_active{pod="operator-1"}': f"1x40 0x{_LONG}"},
         {("StridegateOperatorDown", "warn")}),
    Case("a bad pod admitted", {'stridegate_canary_ok{case="bad"}': f"1x60 0x{_LONG}"},
         {("StridegateCanaryFailed", "page")}),
    Case("no dry-run any more", {'stridegate_canary_last_run_timestamp_seconds{case="bad"}': f"0+60x60 3600x{_LONG}"},
         {("StridegateCanaryStale", "page")}),
    Case("a leaf of four days", _certificate("leaf", 4), {("StridegateCertificateExpiring", "warn")}),
    Case("a leaf of hours", _certificate("leaf", 0.5),
         {("StridegateCertificateExpiring", "warn"), ("StridegateCertificateExpiring", "page")}),
    Case("a CA of three weeks", _certificate("ca", 21), {("StridegateCertificateExpiring", "warn")}),
    Case("a CA of one week", _certificate("ca", 7),
         {("StridegateCertificateExpiring", "warn"), ("StridegateCertificateExpiring", "page")}),
    Case("another bundle", {'stridegate_ca_bundle_matches{entry="pods.validate.stridegate.dev"}': f"1x60 0x{_LONG}"},
         {("StridegateCABundleMismatch", "page")}),
    Case("a broken policy", {"stridegate_policies_broken": f"1x{_LONG}"}, {("StridegatePolicyBroken", "warn")}),
    Case("no policy", {"stridegate_policies": f"0x{_LONG}"}, {("StridegateNoPolicy", "warn")}),
    Case("no guard of exemptions", {"stridegate_exemption_guard_ok": f"0x{_LONG}"},
         {("StridegateExemptionGuardMissing", "page")}),
    Case("no guard of reports", {"stridegate_report_guard_ok": f"0x{_LONG}"}, {("StridegateReportGuardMissing", "warn")}),
    Case("an exemption that ends", {"stridegate_exemptions_expiring": f"1x{_LONG}"},
         {("StridegateExemptionExpiring", "info")}),
    Case("a survivor", {'stridegate_audit_survivors{policy="production"}': f"1x{_LONG}"},
         {("StridegateSurvivors", "warn")}),
    Case("audits that fail", {"stridegate_audit_errors_total": f"0x40 0+1x{_LONG}"}, {("StridegateAuditFailing", "warn")}),
    Case("a scanner gone", {'stridegate_node_reports{state="ScannerGone"}': f"1x{_LONG}"},
         {("StridegateReportStale", "warn")}),
    Case("ClusterReports that are refused", {'stridegate_open_reports{state="refused"}': f"2x{_LONG}"},
         {("StridegateOpenReportsBehind", "info")}),
)  # fmt: skip


def test_the_rules_are_rules_of_prometheus(promtool: Promtool) -> None:
    assert not promtool.complaints("check", "rules", FILE)


def test_each_alert_fires_when_it_has_to_and_no_other_does(promtool: Promtool, tmp_path: Path) -> None:
    firing = 'count by (alertname, severity) (ALERTS{alertstate="firing"})'
    tests = [
        {
            "name": case.says,
            "interval": "1m",
            "input_series": [{"series": name, "values": values} for name, values in (HEALTHY | case.series).items()],
            "promql_expr_test": [
                {
                    "expr": firing,
                    "eval_time": f"{case.minutes}m",
                    "exp_samples": [
                        {"labels": f'{{alertname="{name}",severity="{severity}"}}', "value": 1}
                        for name, severity in sorted(case.fires)
                    ],
                }
            ],
        }
        for case in CASES
    ]
    file = tmp_path / "tests.json"
    file.write_text(json.dumps({"rule_files": [str(FILE)], "evaluation_interval": "1m", "tests": tests}))

    assert not promtool.complaints("test", "rules", file)


def test_every_alert_is_seen_to_fire() -> None:
    fired = set[tuple[str, str]]().union(*(case.fires for case in CASES))

    assert {(rule["alert"], rule["labels"]["severity"]) for rule in RULES} == fired


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    headings = re.findall(r"^## (Stridegate\w+)$", RUNBOOKS, re.MULTILINE)

    assert len(set(headings)) == len(headings)
    assert {rule["alert"] for rule in RULES} == set(headings)
    for rule in RULES:
        anchor = f"https://stridegate.dev/docs/alerts.md#{rule['alert'].lower()}"
        assert rule["annotations"]["runbook_url"] == anchor
        assert rule["labels"]["severity"] in SEVERITIES


def test_the_chart_installs_the_same_rules_where_it_is_asked_to(helm: Helm, release: Rendered) -> None:
    rendered = helm.render({"monitoring": {"alerts": {"enabled": True, "labels": {"release": "prometheus"}}}})

    installed = rendered.one("PrometheusRule", "stridegate")
    assert not release.all("PrometheusRule")
    assert installed["spec"] == load(FILE)
    assert installed["metadata"]["labels"]["release"] == "prometheus"


def test_one_replica_is_no_alert_where_one_was_asked_for(helm: Helm) -> None:
    alerts: dict[str, Any] = {"enabled": True, "runbooks": "http://wiki.example/alerts"}
    rendered = helm.render({"preset": "local", "monitoring": {"alerts": alerts}})

    rules = [
        rule for group in rendered.one("PrometheusRule", "stridegate")["spec"]["groups"] for rule in group["rules"]
    ]
    assert [each["alert"] for each in rules] == [
        each["alert"] for each in RULES if each["alert"] != "StridegateNoRedundancy"
    ]
    assert all(each["annotations"]["runbook_url"].startswith("http://wiki.example/alerts#") for each in rules)
