"""Every example of every rule about clusters, and what holds for all of them."""

from __future__ import annotations

from typing import Any

import pytest

from clusters import cluster_of
from stridegate.engine.clusters import judge_cluster
from stridegate.engine.node_catalogue import CLUSTER_RULES
from stridegate.engine.reports import Scan, report
from stridegate.model.clusters.rules import ClusterExample, ClusterRule
from stridegate.model.clusters.views import Cluster, Kind
from stridegate.model.nodes.verdicts import State

EXAMPLES = [
    pytest.param(rule, example, id=f"{rule.slug}-{example.title}")
    for rule in CLUSTER_RULES.values()
    for example in rule.examples
]
# The threat model's list of what is judged of the cluster's objects, and the one rule over all nodes' reports.
SLUGS = (
    "missing-default-deny", "unenforced-network-policy", "public-api-server", "anonymous-role-binding",
    "weakened-flow-control", "missing-object-count-quota", "cluster-admin-binding", "secret-read-grant",
    "wildcard-role", "pod-create-grant", "system-masters-subject", "escalation-verb-grant",
    "persistent-volume-grant", "nodes-proxy-grant", "csr-approval-grant", "webhook-write-grant",
    "token-creation-grant", "pod-exec-grant", "long-lived-client-certificate", "static-service-account-token",
    "expired-bootstrap-token", "missing-pod-security-level", "missing-resource-quota", "missing-limit-range",
    "public-node-address", "open-service-port", "unrestricted-egress", "unsigned-image", "unverified-image-builder",
    "vulnerable-image", "outdated-image", "missing-sbom", "unnecessary-packages", "reachable-instance-metadata",
    "restart-loop", "node-config-skew", "duplicated-super-admin-kubeconfig",
)  # fmt: skip


def test_every_rule_of_the_threat_model_about_clusters_is_there() -> None:
    assert sorted(CLUSTER_RULES) == sorted(SLUGS)


@pytest.mark.parametrize(("rule", "example"), EXAMPLES)
def test_an_example_comes_out_as_it_says(rule: ClusterRule, example: ClusterExample) -> None:
    (finding,) = judge_cluster([rule], cluster_of(example))

    assert finding.verdict.state is example.state, finding.verdict


@pytest.mark.parametrize(("rule", "example"), EXAMPLES)
def test_what_cannot_be_listed_is_never_passed(rule: ClusterRule, example: ClusterExample) -> None:
    """Of every kind that a rule reads, in turn."""
    cluster = cluster_of(example)
    for hidden in cluster.objects:
        less = Cluster(
            objects={kind: objects for kind, objects in cluster.objects.items() if kind is not hidden},
            nodes=cluster.nodes, populated=cluster.populated, restarts=cluster.restarts, now=cluster.now,
        )  # fmt: skip
        (before,), (after,) = judge_cluster([rule], cluster), judge_cluster([rule], less)
        assert after.verdict.state in {before.verdict.state, State.UNKNOWN}


@pytest.mark.parametrize("rule", CLUSTER_RULES.values(), ids=CLUSTER_RULES)
def test_objects_of_any_shape_break_no_rule(rule: ClusterRule) -> None:
    strange: tuple[dict[str, Any], ...] = (
        {},
        {"metadata": None},
        {"metadata": {"name": 5}, "spec": [], "rules": {}, "subjects": [None, 5]},
        {"spec": {"egress": "x"}},
    )

    (finding,) = judge_cluster([rule], Cluster(objects=dict.fromkeys(Kind, strange)))

    assert finding.verdict.state is not State.ERROR


def test_all_findings_make_a_report() -> None:
    findings = judge_cluster(CLUSTER_RULES.values(), Cluster(objects=dict.fromkeys(Kind, ())))

    status = report(Scan(findings=findings, now=0, duration=0, version="0", catalogue="0", generation=1), None)

    assert sum(status["summary"][key] for key in ("pass", "fail", "warn", "error", "notApplicable")) == len(SLUGS)
