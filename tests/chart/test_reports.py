"""The schema of HardeningReport on a real API server: everything it bounds, what no report can mean, and how a table shows it."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from hardeningpolicies import Client
from hardeningreports import COLLECTION, COMPLETE, SCHEMA, node_report, with_status
from localkube.api_server import ApiServer
from schemas import Bound, bounds, missing, said_by_rules, unbounded

BOUNDS = list(bounds(SCHEMA, COMPLETE))
SUMMARY = COMPLETE["status"]["summary"]


@pytest.fixture(scope="module")
def kept(client: Client) -> Iterator[dict[str, Any]]:
    """The complete report as the server has it."""
    code, made = client.ask("POST", COLLECTION, COMPLETE)
    assert code == 201, made
    code, reported = client.ask("PUT", f"{COLLECTION}/node1/status", {**made, "status": COMPLETE["status"]})
    assert code == 200, reported
    yield reported
    client.ask("DELETE", f"{COLLECTION}/node1")


def tried(client: Client, report: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Ask whether a report would be created."""
    wanted = {**copy.deepcopy(report), "metadata": {"name": "node2"}}
    if wanted.get("spec", {}).get("nodeName") == "node1":
        wanted["spec"]["nodeName"] = "node2"
    return client.ask("POST", f"{COLLECTION}?dryRun=All", wanted)


def reported(client: Client, kept: dict[str, Any], **changed: object) -> tuple[int, dict[str, Any]]:
    """Ask what would become of a status."""
    return client.ask("PUT", f"{COLLECTION}/node1/status?dryRun=All", with_status(kept, **changed))


def test_the_complete_report_has_every_field() -> None:
    assert list(missing(SCHEMA, COMPLETE)) == []


def test_nothing_in_the_schema_can_grow_without_end() -> None:
    found = set(unbounded(SCHEMA["properties"]["spec"])) | set(unbounded(SCHEMA["properties"]["status"]))

    assert found == set()


@pytest.mark.api_server
@pytest.mark.parametrize("bound", [each for each in BOUNDS if each.path[:1] == ("spec",)], ids=str)
def test_every_bound_of_the_spec_is_refused_one_above(client: Client, bound: Bound) -> None:
    code, answer = tried(client, bound.broken(COMPLETE))

    assert (code, answer["reason"]) == (422, "Invalid")
    assert bound.said in answer["message"]


@pytest.mark.api_server
@pytest.mark.parametrize("bound", [each for each in BOUNDS if each.path[:1] == ("status",)], ids=str)
def test_every_bound_of_the_status_is_refused_one_above(client: Client, kept: dict[str, Any], bound: Bound) -> None:
    code, answer = client.ask("PUT", f"{COLLECTION}/node1/status?dryRun=All", bound.broken(kept))

    assert (code, answer["reason"]) == (422, "Invalid")
    assert bound.said in answer["message"]


MEANINGLESS: list[tuple[str, dict[str, Any]]] = [
    ("the name must be that of the node, spec.nodeName", node_report("node3")),
    ("only the report stridegate-cluster has no spec.nodeName", node_report("node2", nodeName=None)),
    ("the profile cluster is that of the report stridegate-cluster alone", node_report("node2", profile="cluster")),
    ("must be an IP address", node_report("node2", controlPlaneAddresses=["control.example"])),
    ("must be from 30s to 24h", node_report("node2", interval="29s")),
    ("must be from 30s to 24h", node_report("node2", interval="24h1s")),
]
UNTRUE: list[tuple[str, dict[str, object]]] = [
    ("the summary must count exactly the findings that are listed and those that were dropped", {"findings": []}),
    ("the summary must count exactly the findings that are listed and those that were dropped", {"dropped": 1}),
    ("the summary must count exactly the rules that are listed as passed", {"passed": []}),
    ("the severities must add up to what fails", {"summary": {**SUMMARY, "high": 1}}),
]
CHANGED = "the node of a report never changes"


@pytest.mark.api_server
@pytest.mark.parametrize(("message", "report"), MEANINGLESS)
def test_a_report_that_cannot_be_meant_is_refused(client: Client, message: str, report: dict[str, Any]) -> None:
    code, answer = tried(client, report)

    assert (code, message in answer["message"]) == (422, True)


@pytest.mark.api_server
@pytest.mark.parametrize(("message", "status"), UNTRUE)
def test_a_status_whose_numbers_contradict_its_lists_is_refused(
    client: Client, kept: dict[str, Any], message: str, status: dict[str, object]
) -> None:
    code, answer = reported(client, kept, **status)

    assert (code, message in answer["message"]) == (422, True)


@pytest.mark.api_server
@pytest.mark.parametrize("node", ["node2", None])
def test_the_node_of_a_report_never_changes(client: Client, kept: dict[str, Any], node: str | None) -> None:
    changed = {**kept, "spec": {key: value for key, value in kept["spec"].items() if key != "nodeName"}}
    if node:
        changed["spec"]["nodeName"] = node

    code, answer = client.ask("PUT", f"{COLLECTION}/node1?dryRun=All", changed)

    assert (code, CHANGED in answer["message"]) == (422, True)


def test_every_rule_of_the_schema_has_a_report_that_it_refuses() -> None:
    refused = {message for message, _ in (*MEANINGLESS, *UNTRUE)} | {CHANGED}

    assert set(said_by_rules(SCHEMA)) == refused


@pytest.mark.api_server
def test_the_report_on_the_cluster_is_about_no_node(client: Client) -> None:
    report = {**node_report("stridegate-cluster", nodeName=None, profile="cluster")}

    code, answer = client.ask("POST", f"{COLLECTION}?dryRun=All", report)

    assert code == 201, answer


@pytest.mark.api_server
def test_a_table_shows_what_the_documentation_shows(api_server: ApiServer, kept: dict[str, Any]) -> None:
    assert kept["metadata"]["name"] == "node1"

    short, wide = (
        api_server.kubectl("get", "hrep", "node1", *option).splitlines()[0].split() for option in ((), ("-o", "wide"))
    )
    (row,) = (line.split() for line in api_server.kubectl("get", "hardeningreports").splitlines()[1:])

    assert short == ["NAME", "PROFILE", "SCORE", "FAIL", "WARN", "ERROR", "FRESH", "AGE"]
    assert wide == [*short, "VERSION", "KERNEL", "RUNTIME"]
    assert row[:-1] == ["node1", "kubeadm", "33", "1", "0", "0", "True"]


@pytest.mark.api_server
@pytest.mark.parametrize("field", ["spec.nodeName=node1", "spec.profile=kubeadm"])
def test_reports_are_found_by_their_node_and_by_how_it_was_installed(
    api_server: ApiServer, kept: dict[str, Any], field: str
) -> None:
    found = api_server.kubectl("get", "hrep", "--field-selector", field, "-o", "name")

    assert found.split() == [f"hardeningreport.stridegate.dev/{kept['metadata']['name']}"]
