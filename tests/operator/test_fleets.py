"""Some hundred nodes, as many scanners and reports: written once each, and not again. `bench.fleets` has thousands."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from charts import Helm
from crowds import Request, send
from localkube.api_server import METADATA_AUDIT_POLICY, ApiServer
from operated import Operated, eventually
from reported import ACCOUNT, SCANNER_NAMESPACE, node, prepare, scanned, scanner_pod

pytestmark = pytest.mark.api_server

COUNT, GONE = 300, 30
NAMES = [f"node-{number:03}" for number in range(COUNT)]
READY = {"conditions": [{"type": "Ready", "status": "True"}]}
PODS = f"/api/v1/namespaces/{SCANNER_NAMESPACE}/pods"
REPORTS = "/apis/stridegate.dev/v1alpha1/hardeningreports"


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operated]:
    """A release whose operator runs, and the nodes, each scanned by a scanner that is Ready."""
    folder = tmp_path_factory.mktemp("fleet")
    with ApiServer(state_dir=folder / "api", audit_policy=METADATA_AUDIT_POLICY) as server:
        operated = Operated(server, Helm.built(), folder)
        operated.install()
        prepare(server)
        send(server, [Request("POST", "/api/v1/nodes", {**node(each), "status": READY}) for each in NAMES])
        send(server, [Request("POST", PODS, scanner_pod(each)) for each in NAMES])
        operated.start_operator("first")
        try:
            eventually(lambda: len(reports(operated)) == COUNT + 1)
            send(server, [Request("PATCH", f"{PODS}/scanner-{each}/status", {"status": READY}) for each in NAMES])
            send(server, [scan(each) for each in NAMES])
            eventually(lambda: all_fresh(operated, COUNT))
            yield operated
        finally:
            operated.stop()


def scan(name: str) -> Request:
    """Return what the scanner on a node writes; the API server takes it for the one whose token is bound to that node."""
    status = scanned(time.time(), findings=("loose-file",), passed=("tight-file",))
    headers = {
        "Impersonate-User": f"system:serviceaccount:{SCANNER_NAMESPACE}:{ACCOUNT}",
        "Impersonate-Extra-Authentication.kubernetes.io%2Fnode-Name": name,
    }
    return Request("PATCH", f"{REPORTS}/{name}/status", {"status": status}, headers)


def reports(fleet: Operated) -> list[str]:
    return fleet.server.kubectl("get", "hrep", "-o", "name").split()


def all_fresh(fleet: Operated, count: int) -> bool:
    """Whether the operator says that so many reports are fresh."""
    try:
        return f'stridegate_node_reports{{state="Fresh"}} {float(count)}' in fleet.probe("first", "/metrics")[1]
    except OSError:
        return False


def writes(fleet: Operated, since: int = 0) -> Counter[tuple[str, str]]:
    """Return how often the operator wrote what about reports, after so many of its requests."""
    return Counter(
        (each["verb"], "/".join(filter(None, (where["resource"], where.get("subresource")))))
        for each in fleet.requests()[since:]
        if (where := each.get("objectRef", {})).get("resource") in {"hardeningreports", "events"}
        and where.get("name") != "stridegate-cluster"
        and each["verb"] not in {"get", "list", "watch"}
    )


def test_many_nodes_have_a_report_each_that_is_created_once_and_called_fresh_once(fleet: Operated) -> None:
    found = writes(fleet)

    assert found["create", "hardeningreports"] == COUNT
    assert found["patch", "hardeningreports/status"] == COUNT


def test_thousands_of_first_scans_are_told_in_few_events(fleet: Operated) -> None:
    assert writes(fleet)["create", "events"] <= 40


def test_kubelets_that_say_nothing_new_have_nothing_written(fleet: Operated) -> None:
    before = len(fleet.requests())

    told: dict[str, Any] = {"status": {"conditions": [{"type": "Ready", "status": "True", "reason": "again"}]}}
    send(fleet.server, [Request("PATCH", f"/api/v1/nodes/{each}/status", told) for each in NAMES])
    # Longer than from one look at the clock to the next.
    time.sleep(35)

    assert writes(fleet, before) == Counter()


def test_nodes_that_are_gone_take_their_reports_along_and_nothing_else_is_written(fleet: Operated) -> None:
    before = len(fleet.requests())

    send(fleet.server, [Request("DELETE", f"/api/v1/nodes/{each}", {}) for each in NAMES[:GONE]])
    eventually(lambda: len(reports(fleet)) == COUNT - GONE + 1)

    assert writes(fleet, before) == {("delete", "hardeningreports"): GONE}


def test_an_operator_that_starts_again_writes_nothing(fleet: Operated) -> None:
    fleet.processes["first"].stop()
    before = len(fleet.requests())
    fleet.processes["first"].start()

    eventually(lambda: all_fresh(fleet, len(reports(fleet)) - 1))

    assert writes(fleet, before) == Counter()


def test_memory_stays_far_below_the_limit_of_the_pod(fleet: Operated) -> None:
    assert fleet.processes["first"].memory() < 200
