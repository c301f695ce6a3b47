"""The schema of HardeningExemption on a real API server: everything it bounds, what no exemption can mean, and what never changes."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hardeningexemptions import COLLECTION, COMPLETE, FOR_NODES, SCHEMA, exemption, tried
from hardeningpolicies import Client
from localkube.api_server import ApiServer
from schemas import Bound, bounds, missing, said_by_rules, unbounded

COMPLETES = (COMPLETE, FOR_NODES)
# A second key of a value, made up to break its bound, would be refused as unknown: that each has one has its own test.
BOUNDS = {
    str(bound): (bound, complete)
    for complete in COMPLETES
    for bound in bounds(SCHEMA, complete)
    if str(bound) != "spec.values.0-maxProperties"
}
NEVER_CHANGES = "an exemption never changes, but that revoked can become true; create another one instead"
STAYS_REVOKED = "what was revoked stays revoked; create another exemption instead"


@pytest.fixture
def kept(client: Client) -> Iterator[dict[str, Any]]:
    """The complete object as the server has it, not revoked yet."""
    code, made = client.ask("POST", COLLECTION, COMPLETE)
    assert code == 201, made
    yield made
    client.ask("DELETE", f"{COLLECTION}/chart-complete")


def changed(client: Client, kept: dict[str, Any], **spec: object) -> tuple[int, dict[str, Any]]:
    """Ask what would become of a change of some fields; None takes a field away."""
    wanted = copy.deepcopy(kept)
    wanted["spec"] = {key: value for key, value in {**kept["spec"], **spec}.items() if value is not None}
    return client.ask("PUT", f"{COLLECTION}/chart-complete?dryRun=All", wanted)


def test_the_complete_exemptions_have_every_field() -> None:
    assert list(missing(SCHEMA, *COMPLETES)) == []


def test_nothing_in_the_schema_can_grow_without_end() -> None:
    found = set(unbounded(SCHEMA["properties"]["spec"])) | set(unbounded(SCHEMA["properties"]["status"]))

    assert found == set()


@pytest.mark.api_server
@pytest.mark.parametrize("complete", COMPLETES, ids=["workload", "nodes"])
def test_a_complete_exemption_is_accepted(client: Client, complete: dict[str, Any]) -> None:
    code, answer = tried(client, {**complete, "status": {}})

    assert code == 201, answer


@pytest.mark.api_server
@pytest.mark.parametrize("name", [name for name, (bound, _) in BOUNDS.items() if bound.path[:1] == ("spec",)])
def test_every_bound_of_the_spec_is_refused_one_above(client: Client, name: str) -> None:
    bound, complete = BOUNDS[name]

    code, answer = tried(client, bound.broken({**complete, "status": {}}))

    assert (code, answer["reason"]) == (422, "Invalid")
    assert bound.said in answer["message"]


@pytest.mark.api_server
@pytest.mark.parametrize("bound", [each for each, _ in BOUNDS.values() if each.path[:1] == ("status",)], ids=str)
def test_every_bound_of_the_status_is_refused_one_above(client: Client, kept: dict[str, Any], bound: Bound) -> None:
    reported = bound.broken({**kept, "status": COMPLETE["status"]})

    code, answer = client.ask("PUT", f"{COLLECTION}/chart-complete/status?dryRun=All", reported)

    assert (code, answer["reason"]) == (422, "Invalid")
    assert bound.said in answer["message"]


MEANINGLESS: list[tuple[str, dict[str, Any]]] = [
    *(
        ("either a workload or a nodeSelector must be named, and not both", exemption(**spec))
        for spec in ({"workload": None}, {"nodeSelector": {"a": "b"}})
    ),
    ("nodes have no containers to name", exemption(workload=None, nodeSelector={"a": "b"}, containers=["app"])),
    ("a digest is a value of nodes, not of a workload", exemption(values=[{"digest": "sha256:0123"}])),
    ("every key must be a label's name", exemption(workload=None, nodeSelector={"a/b/c": "d"})),
    *(
        (
            "must be a whole number of bytes above zero and below 1Ei, such as 256Mi or 1.5Gi",
            exemption(values=[{"memory": quantity}]),
        )
        for quantity in ("0", "-1", "512m", "much", "1.5", "1Ei")
    ),
    (
        "the name must be at most 63 characters, since warnings quote it",
        {**exemption(), "metadata": {"name": "a" * 64}},
    ),
]


@pytest.mark.api_server
@pytest.mark.parametrize(("said", "manifest"), MEANINGLESS, ids=lambda each: each if isinstance(each, str) else "")
def test_what_no_exemption_can_mean_is_refused_in_words(client: Client, said: str, manifest: dict[str, Any]) -> None:
    code, answer = tried(client, manifest)

    assert (code, answer["reason"]) == (422, "Invalid")
    assert said in answer["message"]


def test_every_rule_of_the_schema_is_shown_to_refuse_something() -> None:
    assert set(said_by_rules(SCHEMA)) == {said for said, _ in MEANINGLESS} | {NEVER_CHANGES, STAYS_REVOKED}


@pytest.mark.api_server
@pytest.mark.parametrize("rules", [["*"], ["dangerous-*"], ["Dangerous-capability"], [""], []], ids=str)
def test_a_wildcard_among_the_rules_is_refused(client: Client, rules: list[str]) -> None:
    code, answer = tried(client, exemption(rules=rules))

    assert (code, answer["reason"]) == (422, "Invalid")


@pytest.mark.api_server
@pytest.mark.parametrize("value", [{}, {"capability": "NET_ADMIN", "path": "/srv"}], ids=str)
def test_each_value_has_one_key(client: Client, value: dict[str, object]) -> None:
    code, answer = tried(client, exemption(values=[value]))

    assert (code, answer["reason"]) == (422, "Invalid")


@pytest.mark.api_server
@pytest.mark.parametrize(
    "expires", ["tomorrow", "2027-01-31", "2027-01-31 00:00:00Z", "2027-02-31T00:00:00Z", "2027-01-31T00:00:00"]
)
def test_what_is_no_time_is_no_end(client: Client, expires: str) -> None:
    code, answer = tried(client, exemption(expires=expires))

    assert (code, answer["reason"]) == (422, "Invalid")


@pytest.mark.api_server
@pytest.mark.parametrize(
    "spec",
    [
        {"workload": {"kind": "Pod", "name": "batch-"}},
        {"expires": "2027-01-31T01:00:00+01:00"},
        {"values": [{"capability": "cap_net_admin"}, {"path": "C:\\data"}, {"path": r"\\.\pipe\engine"}]},
        {"rules": ["not-known-yet"]},
    ],
    ids=str,
)
def test_what_is_unusual_but_clear_is_accepted(client: Client, spec: dict[str, object]) -> None:
    code, answer = tried(client, exemption(**spec))

    assert code == 201, answer


@pytest.mark.api_server
def test_a_field_that_does_not_exist_is_refused(client: Client) -> None:
    code, answer = tried(client, exemption(container=["app"]))

    assert code == 400
    assert 'unknown field "spec.container"' in answer["message"]


@pytest.mark.api_server
@pytest.mark.parametrize(
    "spec",
    [
        {"rules": ["host-port"]},
        {"rules": ["dangerous-capability", "host-port"]},
        {"workload": {"kind": "Deployment", "name": "other"}},
        {"workload": None, "nodeSelector": {"a": "b"}, "containers": None},
        {"containers": None},
        {"containers": ["vpn", "app"]},
        {"values": None},
        {"values": [{"capability": "SYS_ADMIN"}]},
        {"reason": "another reason altogether"},
        {"expires": "2027-01-31T00:00:01Z"},
        {"grantedBy": "bob"},
        {"ticket": None},
        {"owner": "team-other"},
    ],
    ids=str,
)
def test_a_stored_exemption_never_changes(client: Client, kept: dict[str, Any], spec: dict[str, object]) -> None:
    code, answer = changed(client, kept, **spec)

    assert (code, answer["reason"]) == (422, "Invalid")
    assert NEVER_CHANGES in answer["message"]


@pytest.mark.api_server
def test_an_exemption_is_revoked_once_and_for_all(client: Client, kept: dict[str, Any]) -> None:
    revoking, revoked = client.ask(
        "PUT", f"{COLLECTION}/chart-complete", {**kept, "spec": {**kept["spec"], "revoked": True}}
    )

    answers = [changed(client, revoked, revoked=value) for value in (False, None)]

    assert revoking == 200
    for code, answer in answers:
        assert code == 422
        assert STAYS_REVOKED in answer["message"]


@pytest.mark.api_server
def test_writing_the_spec_cannot_change_the_status(client: Client, kept: dict[str, Any]) -> None:
    _, answer = client.ask("PUT", f"{COLLECTION}/chart-complete?dryRun=All", {**kept, "status": COMPLETE["status"]})

    assert "status" not in answer


@pytest.mark.api_server
def test_kubectl_shows_who_granted_what_until_when_and_whether_it_is_used(
    client: Client, kept: dict[str, Any], api_server: ApiServer
) -> None:
    client.ask("PUT", f"{COLLECTION}/chart-complete/status", {**kept, "status": COMPLETE["status"]})

    header, line = api_server.kubectl("get", "hex", "chart-complete").strip().splitlines()

    assert header.split() == ["NAME", "WORKLOAD", "WHO", "EXPIRES", "USED", "ACTIVE", "AGE"]
    # Whether it is used is not known yet.
    assert line.split()[:-1] == ["chart-complete", "web", "alice", "2027-01-31T00:00:00Z", "True"]


@pytest.mark.api_server
@pytest.mark.usefixtures("kept")
def test_exemptions_are_found_under_security_and_never_under_all(api_server: ApiServer, tmp_path: Path) -> None:
    # What kubectl discovered before the kind was there knows no such category.
    fresh = ("-o", "name", f"--cache-dir={tmp_path}")

    assert "hardeningexemption.stridegate.dev/chart-complete" in api_server.kubectl("get", "security", *fresh)
    assert "chart-complete" not in api_server.kubectl("get", "all", *fresh)
