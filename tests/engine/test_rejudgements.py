"""A report in which some rules are judged anew."""

from __future__ import annotations

from typing import Any

import pytest

from stridegate.engine.clusters import judge_cluster
from stridegate.engine.node_catalogue import CLUSTER_RULES, ENTRIES
from stridegate.engine.rejudgements import rejudged
from stridegate.engine.reports import Scan, report
from stridegate.kube.cluster_objects import with_secrets
from stridegate.model.clusters.views import Cluster, Kind

NOW = 1_800_000_000.0
RULE = CLUSTER_RULES["static-service-account-token"]
TOKEN: dict[str, Any] = {
    "metadata": {"name": "ci", "namespace": "shop"},
    "type": "kubernetes.io/service-account-token",
    "data": {"token": "c2VjcmV0"},
}


def written() -> dict[str, Any]:
    """Return what the operator writes, who reads no Secret."""
    objects: dict[Kind, list[dict[str, Any]]] = {kind: [] for kind in Kind if kind is not Kind.SECRET}
    findings = judge_cluster(CLUSTER_RULES.values(), Cluster(objects=objects, now=NOW))
    return dict(report(Scan(findings=findings, now=NOW, duration=0, version="0", catalogue="0", generation=1), None))


@pytest.mark.parametrize(("secrets", "state"), [([TOKEN], "Fail"), ([], "Pass")])
def test_what_was_unknown_is_known_to_whoever_may_read_secrets(secrets: list[dict[str, Any]], state: str) -> None:
    before = written()

    after: Any = rejudged(before, judge_cluster([RULE], with_secrets(secrets, NOW)), ENTRIES)

    found = {each["rule"]: each["state"] for each in after["findings"]} | dict.fromkeys(after["passed"], "Pass")
    assert found[RULE.slug] == state
    assert after["summary"]["error"] == before["summary"]["error"] - 1
    assert after["summary"]["fail"] == before["summary"]["fail"] + (state == "Fail")
    assert len(after["findings"]) == sum(after["summary"][key] for key in ("fail", "warn", "error", "exempted"))
    assert len(after["passed"]) == after["summary"]["pass"]


def test_no_secret_shows_in_what_is_judged() -> None:
    seen = with_secrets([TOKEN], NOW)

    assert "c2VjcmV0" not in str(seen)


@pytest.mark.parametrize("status", [{}, {"summary": 5}, {"summary": {}, "scannedAt": "never"}])
def test_a_report_that_cannot_be_read_stays_as_it_is(status: dict[str, Any]) -> None:
    assert rejudged(status, judge_cluster([RULE], with_secrets([], NOW)), ENTRIES) == status
