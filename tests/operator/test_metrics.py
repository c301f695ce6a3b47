"""What the operator tells Prometheus."""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import replace

import msgspec
from prometheus_client import generate_latest

from stridegate.engine.clusters import judge_cluster
from stridegate.engine.node_catalogue import CLUSTER_RULES
from stridegate.kube.known_reports import ListedReport, Reduction
from stridegate.model.clusters.views import Cluster, Restarts
from stridegate.operator.audits import Audit, Audited, State
from stridegate.operator.canaries import Canary, Case
from stridegate.operator.certificates import State as Rotation
from stridegate.operator.installation import Change, Health, Role
from stridegate.operator.metrics import Metrics

NOW = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
AUDIT = Audit(
    at=NOW,
    policies={"p": Audited(at=NOW, would_deny=3, survivors=1, worst=())},
    pods={State.JUDGED: 5, State.MIRROR: 1},
    findings={"host-pid": 2},
    mirrored={("kube-system", "host-network"): 1},
    uses={},
)
TOO_MANY = Restarts(name="shop/web/app", times=9)
REPORT = Reduction()(
    msgspec.convert(
        {
            "metadata": {"name": "node1"},
            "status": {
                "scannedAt": "2027-01-15T08:00:00Z",
                "findings": [{"rule": "loose-file", "state": "Fail", "severity": "high"}],
                "passed": ["tight-file"],
                "conditions": [{"type": "Fresh", "status": "True", "reason": "Fresh"}],
            },
        },
        ListedReport,
    )
)


def test_every_metric_is_told() -> None:
    metrics = Metrics("abc", lambda: 7)
    expiry = NOW + dt.timedelta(days=1)
    matching = {"pods.validate.stridegate.dev": True, "pods.mutate.stridegate.dev": False}

    metrics.note_health(
        Health(
            state=Rotation.STEADY, unarmed=None, trial=False, drift=None, certificate=None, matching=matching,
            authority_expiry=expiry, leaf_expiry=None,
        )
    )  # fmt: skip
    metrics.tell_active(lambda: True)
    metrics.excluded_namespaces.set(3)
    metrics.note_change(Change(what="a leaf", made=Role.LEAF))
    metrics.note_change(Change(what="a list"))
    metrics.note_guard("stridegate-exemptions", guards=False)
    metrics.note_report_guard("stridegate-reports", guards=True)
    metrics.note_cluster(judge_cluster(CLUSTER_RULES.values(), Cluster(objects={}, restarts=(TOO_MANY,))))
    metrics.note_reports([REPORT], 1_800_000_060.0)
    metrics.note_exemptions({"Active": 3, "Expired": 1}, [time.time() + days * 86400 for days in (1, 6.9, 8)])
    metrics.note_canary(Canary(at=NOW, problems={Case.GOOD: None, Case.BAD: "admitted"}))
    metrics.note_audit(AUDIT, 2.5)

    told = generate_latest(metrics.registry).decode().splitlines()
    series = dict(line.rsplit(" ", 1) for line in told if line[0] != "#" and ('"unknown"' not in line))
    created = {name for name in series if "_created" in name}
    assert {name: float(value) for name, value in series.items() if name not in created} == {
        'stridegate_build_info{catalogue="abc",version="0.1.0"}': 1,
        "stridegate_log_lines_dropped_total": 7,
        "stridegate_policies": 0,
        "stridegate_policies_broken": 0,
        "stridegate_excluded_namespaces": 3,
        "stridegate_operator_active": 1,
        "stridegate_event_loop_lag_seconds": 0,
        'stridegate_exemption_guard_ok{name="stridegate-exemptions"}': 0,
        'stridegate_report_guard_ok{name="stridegate-reports"}': 1,
        'stridegate_node_reports{state="Fresh"}': 1,
        'stridegate_cluster_findings{result="fail",rule="restart-loop",severity="low"}': 1,
        'stridegate_node_findings{result="fail",rule="loose-file",severity="high"}': 1,
        "stridegate_node_report_age_seconds": 60,
        "stridegate_exemptions_expiring": 2,
        'stridegate_exemptions{state="Active"}': 3,
        'stridegate_exemptions{state="Expired"}': 1,
        'stridegate_exemptions{state="Revoked"}': 0,
        'stridegate_exemptions{state="TooLong"}': 0,
        'stridegate_exemptions{state="UnknownRule"}': 0,
        'stridegate_exemptions{state="Invalid"}': 0,
        'stridegate_certificate_expiry_timestamp_seconds{role="ca"}': expiry.timestamp(),
        'stridegate_certificate_rotations_total{result="success",role="leaf"}': 1,
        'stridegate_ca_bundle_matches{entry="pods.validate.stridegate.dev"}': 1,
        'stridegate_ca_bundle_matches{entry="pods.mutate.stridegate.dev"}': 0,
        'stridegate_canary_ok{case="good"}': 1,
        'stridegate_canary_ok{case="bad"}': 0,
        'stridegate_canary_last_run_timestamp_seconds{case="good"}': NOW.timestamp(),
        'stridegate_canary_last_run_timestamp_seconds{case="bad"}': NOW.timestamp(),
        'stridegate_audit_pods{state="judged"}': 5,
        'stridegate_audit_pods{state="mirror"}': 1,
        'stridegate_audit_pods{state="waiting"}': 0,
        'stridegate_audit_pods{state="unscoped"}': 0,
        'stridegate_audit_pods{state="unknown-namespace"}': 0,
        'stridegate_audit_pods{state="unreadable"}': 0,
        'stridegate_audit_would_deny{policy="p"}': 3,
        'stridegate_audit_survivors{policy="p"}': 1,
        'stridegate_audit_findings{rule="host-pid"}': 2,
        'stridegate_audit_mirror_findings{namespace="kube-system",rule="host-network"}': 1,
        "stridegate_audit_duration_seconds": 2.5,
        "stridegate_audit_last_success_timestamp_seconds": NOW.timestamp(),
        "stridegate_audit_errors_total": 0,
    }


def test_an_audit_leaves_nothing_of_the_one_before() -> None:
    metrics = Metrics("abc")
    metrics.note_audit(AUDIT, 2.5)

    metrics.note_audit(replace(AUDIT, policies={}, findings={}, mirrored={}), 2.5)

    told = generate_latest(metrics.registry).decode()
    assert "would_deny{" not in told
    assert "findings{" not in told


def series(metrics: Metrics, name: str) -> dict[str, float]:
    """Return the series of one metric."""
    lines = generate_latest(metrics.registry).decode().splitlines()
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if line.startswith(name + "{")}


def test_reports_that_name_rules_that_nobody_knows_make_a_bounded_number_of_series() -> None:
    metrics = Metrics("abc")
    invented = [
        msgspec.convert(
            {
                "metadata": {"name": f"node{node}"},
                "status": {
                    "findings": [
                        {"rule": f"rule-{node}-{number}", "state": "Fail", "severity": "high"} for number in range(200)
                    ],
                    "conditions": [{"type": "Fresh", "status": "False", "reason": f"Because{node}"}],
                },
            },
            ListedReport,
        )
        for node in range(20)
    ]
    reduction = Reduction()

    metrics.note_reports([REPORT, *(reduction(each) for each in invented)], 1_800_000_060.0)

    findings = series(metrics, "stridegate_node_findings")
    assert len(findings) == 1001
    assert findings['stridegate_node_findings{result="fail",rule="overflow",severity="high"}'] == 3001
    assert len(series(metrics, "stridegate_node_reports")) == 17


def test_static_pods_in_many_namespaces_make_a_bounded_number_of_series() -> None:
    metrics = Metrics("abc")
    mirrored = {(f"shop-{number}", "host-network"): 1 for number in range(10_000)}

    metrics.note_audit(replace(AUDIT, mirrored={**mirrored, ("kube-system", "host-network"): 9}), 2.5)

    told = series(metrics, "stridegate_audit_mirror_findings")
    assert len(told) == 501
    assert told['stridegate_audit_mirror_findings{namespace="kube-system",rule="host-network"}'] == 9
    assert told['stridegate_audit_mirror_findings{namespace="overflow",rule="host-network"}'] == 9501


def test_a_replica_that_stands_by_again_says_nothing_of_what_it_saw_while_it_was_active() -> None:
    metrics = Metrics("abc")
    fresh = generate_latest(metrics.registry)
    metrics.note_canary(Canary(at=NOW, problems={Case.GOOD: None, Case.BAD: "admitted"}))
    metrics.note_health(
        Health(
            state=Rotation.STEADY, unarmed=None, trial=False, drift=None, certificate=None, matching={"pods": False},
            authority_expiry=NOW, leaf_expiry=NOW,
        )
    )  # fmt: skip

    metrics.forget_canary()
    metrics.forget_health()

    assert generate_latest(metrics.registry) == fresh


def test_a_replica_that_does_not_look_at_the_guard_says_nothing_of_it() -> None:
    metrics = Metrics("abc")
    fresh = generate_latest(metrics.registry)
    metrics.note_guard("stridegate-exemptions", guards=False)

    metrics.forget_guard()

    assert b"stridegate_exemption_guard_ok{" not in fresh
    assert generate_latest(metrics.registry) == fresh
