"""What becomes of ClusterReports when the kind, or somebody else who writes them, is not as it should be."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import time
from collections.abc import Iterator
from typing import Any, cast

import pytest
from prometheus_client import generate_latest

from charts import KINDS
from hardeningreports import node_report
from localkube.api_server import METADATA_AUDIT_POLICY, ApiServer
from openreports import kind, open_reports, serve, unserve
from operated import eventually
from reported import apply, scanned
from standing_by import Leases
from stridegate.kube.cluster import Cluster
from stridegate.kube.open_reports import open_name
from stridegate.kube.reader import find_way_in, reading
from stridegate.operator.leases import Leadership
from stridegate.operator.metrics import Metrics
from stridegate.operator.node_reports import Ledgers
from stridegate.operator.open_reports import OpenReports

pytestmark = pytest.mark.api_server

NAME = open_name("node1")


class Replica:
    """The active replica, as far as it repeats reports; it lists what is there at every look unless it is told otherwise."""

    def __init__(self, server: ApiServer, listing: float = 0.0) -> None:
        self._server = server
        self._metrics = Metrics("abc")
        self._ledgers = Ledgers()
        self._leadership = Leadership(cast("Cluster", Leases()), "home", "first", time.monotonic)
        cluster = Cluster.connect(server.kubeconfig)
        self._repeating = OpenReports(cluster, self._leadership, self._ledgers, self._metrics, listing)

    def look(self) -> dict[str, int]:
        """Look once at the reports that there are; return how many came to what."""
        asyncio.run(self._look())
        wanted = 'stridegate_open_reports{state="'
        lines = [each for each in generate_latest(self._metrics.registry).decode().splitlines() if wanted in each]
        counts = {each.split('"')[1]: int(float(each.split()[-1])) for each in lines}
        return {state: count for state, count in counts.items() if count}

    async def _look(self) -> None:
        async with reading(find_way_in(self._server.kubeconfig)) as reader:
            await self._ledgers.reports.fill(reader)
            self._leadership.renew(dt.datetime.now(dt.UTC))
            await self._repeating.look(reader)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    folder = tmp_path_factory.mktemp("open-report-faults")
    with ApiServer(state_dir=folder / "api", audit_policy=METADATA_AUDIT_POLICY) as server:
        server.kubectl("apply", "--server-side", "-f", str(KINDS))
        server.kubectl("wait", "--for=condition=Established", "crd", "--all")
        yield server


@pytest.fixture
def reported(server: ApiServer) -> Iterator[ApiServer]:
    """The server with a report on one node, and the kind as it is."""
    unserve(server)
    serve(server)
    report(server, "node1")
    yield server
    server.kubectl("delete", "hardeningreports", "--all")


def report(server: ApiServer, name: str) -> None:
    """Make a report on a node, and let it be scanned."""
    apply(server, node_report(name))
    status = {"status": scanned(time.time(), findings=("loose-file",), passed=("tight-file",))}
    server.kubectl("patch", "hrep", name, "--subresource=status", "--type=merge", "-p", json.dumps(status))


def other_kind(**schema: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return the kind with something else in its schema."""
    changed = kind()
    changed["spec"]["versions"][0]["schema"]["openAPIV3Schema"] |= schema
    return changed


def forbid_deletion(server: ApiServer) -> None:
    """Let the API server refuse to delete ClusterReports, and wait until it does."""
    rule = {"apiGroups": ["openreports.io"], "apiVersions": ["*"], "operations": ["DELETE"], "resources": ["*"]}
    apply(
        server,
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": "keep-reports"},
            "spec": {
                "matchConstraints": {"resourceRules": [rule]},
                "validations": [{"expression": "false", "message": "reports are kept"}],
            },
        },
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": "keep-reports"},
            "spec": {"policyName": "keep-reports", "validationActions": ["Deny"]},
        },
    )
    tried = ("delete", "creps", NAME, "--dry-run=server")
    eventually(lambda: "reports are kept" in server.kubectl(*tried, check=False))


def asked(server: ApiServer, verb: str) -> int:
    """Return how often anybody asked for something of ClusterReports."""
    events = map(json.loads, server.audit_log.read_text().splitlines())
    return sum(
        each["verb"] == verb and each.get("objectRef", {}).get("resource") == "clusterreports" for each in events
    )


def test_what_somebody_changed_is_put_right(reported: ApiServer) -> None:
    replica = Replica(reported)
    replica.look()
    before = open_reports(reported)[NAME]

    reported.kubectl("patch", "creps", NAME, "--type=merge", "-p", json.dumps({"results": [], "summary": {"fail": 0}}))
    counts = replica.look()
    after = open_reports(reported)[NAME]

    assert counts == {"repeated": 1}
    assert (after["results"], after["summary"]) == (before["results"], before["summary"])


def test_what_somebody_deleted_is_made_again(reported: ApiServer) -> None:
    replica = Replica(reported)
    replica.look()

    reported.kubectl("delete", "creps", NAME)
    replica.look()

    assert NAME in open_reports(reported)


def test_what_somebody_annotated_is_left_as_it_is(reported: ApiServer) -> None:
    replica = Replica(reported)
    replica.look()
    reported.kubectl("annotate", "creps", NAME, "example.com/seen=yes")
    before = asked(reported, "patch")

    assert replica.look() == {"repeated": 1}
    assert asked(reported, "patch") == before


def test_a_copy_under_another_name_is_not_ours_to_delete(reported: ApiServer) -> None:
    replica = Replica(reported)
    replica.look()
    kept = open_reports(reported)[NAME]
    kept["metadata"] = {"name": "kept-for-the-auditor", "labels": kept["metadata"]["labels"]}
    apply(reported, kept)

    replica.look()

    assert open_reports(reported).keys() == {NAME, "kept-for-the-auditor"}


def test_what_was_made_meanwhile_by_another_replica_of_ours_is_taken_over(reported: ApiServer) -> None:
    slow = Replica(reported, listing=600)
    reported.kubectl("delete", "hrep", "node1")
    slow.look()
    report(reported, "node1")
    Replica(reported).look()

    first, second = slow.look(), slow.look()

    assert (first, second) == ({}, {"repeated": 1})
    assert NAME in open_reports(reported)


def test_a_report_that_was_made_anew_owns_what_repeats_it(reported: ApiServer) -> None:
    replica = Replica(reported)
    replica.look()
    reported.kubectl("delete", "hrep", "node1")
    report(reported, "node1")

    replica.look()

    uid = json.loads(reported.kubectl("get", "hrep", "node1", "-o", "json"))["metadata"]["uid"]
    assert [each["uid"] for each in open_reports(reported)[NAME]["metadata"]["ownerReferences"]] == [uid]


def test_what_is_not_stored_as_it_was_sent_is_said_and_written_again(
    reported: ApiServer, caplog: pytest.LogCaptureFixture
) -> None:
    older = other_kind()
    del older["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["results"]
    unserve(reported)
    serve(reported, older)
    replica = Replica(reported)

    first = replica.look()
    serve(reported)
    second = replica.look()

    assert (first, second) == ({"altered": 1}, {"repeated": 1})
    assert f"ClusterReport {NAME}: wanted summary and results kept as they were sent, got others" in caplog.text
    assert len(open_reports(reported)[NAME]["results"]) == 2


def test_a_kind_that_refuses_what_it_is_sent_is_asked_for_a_few_at_a_time(
    reported: ApiServer, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(2, 8):
        report(reported, f"node{number}")
    unserve(reported)
    serve(reported, other_kind(required=["scopeSelector"]))
    replica = Replica(reported, listing=600)

    first, second = replica.look(), replica.look()

    assert (first, second) == ({"refused": 5}, {"refused": 7})
    assert caplog.text.count("cannot be repeated as a ClusterReport") == 1
    assert "scopeSelector: Required value" in caplog.text


def test_what_may_not_be_deleted_is_said_and_holds_nothing_up(
    reported: ApiServer, caplog: pytest.LogCaptureFixture
) -> None:
    replica = Replica(reported)
    replica.look()
    forbid_deletion(reported)
    reported.kubectl("delete", "hrep", "node1")
    report(reported, "node2")

    counts = replica.look()
    reported.kubectl("delete", "validatingadmissionpolicy,validatingadmissionpolicybinding", "keep-reports")

    assert counts == {"repeated": 1}
    assert f"ClusterReport {NAME}, whose report is gone, cannot be deleted" in caplog.text


def test_a_kind_of_another_version_is_not_ours_to_write(reported: ApiServer, caplog: pytest.LogCaptureFixture) -> None:
    newer = kind()
    newer["spec"]["versions"][0]["name"] = "v1beta1"
    unserve(reported)
    serve(reported, newer)

    assert Replica(reported).look() == {"unserved": 1}
    assert "are not served by this cluster yet" in caplog.text


def test_a_kind_that_goes_and_comes_back_is_written_again(reported: ApiServer) -> None:
    replica = Replica(reported)
    replica.look()

    unserve(reported)
    away = replica.look()
    serve(reported)
    back = replica.look()

    assert (away, back) == ({"unserved": 1}, {"repeated": 1})
    assert NAME in open_reports(reported)


def test_a_kind_that_goes_unnoticed_is_found_gone_as_it_is_written(reported: ApiServer) -> None:
    replica = Replica(reported, listing=600)
    replica.look()
    unserve(reported)
    report(reported, "node2")

    replica.look()

    assert replica.look() == {"unserved": 2}
