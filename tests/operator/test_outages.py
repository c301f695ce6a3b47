"""The operator while the API server hangs, its storage crashes, or the operator itself stands still: it makes up for all of it."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator

import pytest

from charts import Helm
from crowds import Request, send
from localkube.api_server import METADATA_AUDIT_POLICY, ApiServer
from operated import NAMESPACE, Operated, eventually
from reported import apply, node

pytestmark = pytest.mark.api_server

# One seat, which is the least, and no queue: API Priority and Fairness answers 429 to whatever comes while that is taken.
LEVEL = {
    "apiVersion": "flowcontrol.apiserver.k8s.io/v1",
    "kind": "PriorityLevelConfiguration",
    "metadata": {"name": "narrow"},
    "spec": {
        "type": "Limited",
        "limited": {
            "nominalConcurrencyShares": 0,
            "lendablePercent": 0,
            "borrowingLimitPercent": 0,
            "limitResponse": {"type": "Reject"},
        },
    },
}
SUBJECT = {"kind": "ServiceAccount", "serviceAccount": {"name": "stridegate-operator", "namespace": NAMESPACE}}
ANYTHING = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "clusterScope": True, "namespaces": ["*"]}
SCHEMA = {
    "apiVersion": "flowcontrol.apiserver.k8s.io/v1",
    "kind": "FlowSchema",
    "metadata": {"name": "narrow"},
    "spec": {
        "priorityLevelConfiguration": {"name": "narrow"},
        "matchingPrecedence": 2,
        "rules": [{"subjects": [SUBJECT], "resourceRules": [ANYTHING]}],
    },
}
# Seconds for which a renewal of the Lease lets its holder write, and some more.
LONGER_THAN_THE_LEASE = 14


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operated]:
    """A release whose operator keeps the report of a node."""
    folder = tmp_path_factory.mktemp("outages")
    with ApiServer(state_dir=folder / "api", audit_policy=METADATA_AUDIT_POLICY) as server:
        operated = Operated(server, Helm.built(), folder)
        operated.install()
        apply(server, node("kept"))
        operated.start_operator("first")
        try:
            eventually(lambda: "kept" in reports(operated))
            yield operated
        finally:
            operated.stop()


def reports(release: Operated) -> set[str]:
    """Return the nodes that have a report; none while the API server answers nothing."""
    said = release.server.kubectl("get", "hrep", "-o", "name", "--request-timeout=5s", check=False)
    return {each.partition("/")[2] for each in said.split() if each.startswith("hardeningreport")}


def add(release: Operated, name: str) -> bool:
    """Add a node, and return whether the API server took it."""
    said = release.server.kubectl(
        "create", "-f", "-", "--request-timeout=5s", stdin=json.dumps(node(name)), check=False
    )
    return "created" in said or "already exists" in said


def test_an_operator_outlives_an_api_server_that_hangs(release: Operated) -> None:
    release.server.pause()
    time.sleep(LONGER_THAN_THE_LEASE)
    alive, _ = release.probe("first", "/healthz")
    release.server.resume()

    eventually(lambda: add(release, "after-hanging"))

    assert alive == 200
    eventually(lambda: "after-hanging" in reports(release), seconds=90)


def test_an_operator_outlives_a_storage_that_crashes(release: Operated) -> None:
    release.server.crash_storage()

    eventually(lambda: add(release, "after-crash"))

    eventually(lambda: "after-crash" in reports(release), seconds=90)
    assert "kept" in reports(release)


def test_an_api_server_that_refuses_all_but_one_request_at_a_time_gets_all_of_them_in_the_end(
    release: Operated,
) -> None:
    before = len(release.requests())
    wanted = {f"crowded-{number}" for number in range(40)}
    apply(release.server, LEVEL, SCHEMA)
    send(release.server, [Request("POST", "/api/v1/nodes", node(each)) for each in sorted(wanted)])

    eventually(lambda: wanted <= reports(release), seconds=90)
    release.server.kubectl("delete", "flowschema,prioritylevelconfiguration", "narrow")

    assert any(each["responseStatus"]["code"] == 429 for each in release.requests()[before:])


def test_what_happened_while_an_operator_stood_still_and_watches_were_lost_is_made_up_for(release: Operated) -> None:
    release.processes["first"].tell(signal.SIGSTOP)
    add(release, "come-meanwhile")
    release.server.kubectl("delete", "node", "kept")
    # An API server that starts anew does not know the revisions that watches go on from.
    release.server.stop()
    release.server.start()
    release.processes["first"].tell(signal.SIGCONT)

    eventually(lambda: "come-meanwhile" in (found := reports(release)) and "kept" not in found, seconds=120)


def test_through_all_of_it_the_process_is_the_same_and_no_report_was_lost(release: Operated) -> None:
    removed = {
        each["objectRef"]["name"]
        for each in release.requests()
        if (each["verb"], each.get("objectRef", {}).get("resource")) == ("delete", "hardeningreports")
    }

    assert removed == {"kept"}
    assert release.processes["first"].stop() == 0
