"""The schema of HardeningPolicy on a real API server: everything it bounds, and what no policy can mean."""

from __future__ import annotations

from typing import Any

import pytest

from hardeningpolicies import COLLECTION, COMPLETE, SCHEMA, Client, policy, rule, tried
from schemas import Bound, bounds, said_by_rules, unbounded

BOUNDS = list(bounds(SCHEMA, COMPLETE))


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
def test_every_bound_of_the_status_is_refused_one_above(client: Client, stored: dict[str, Any], bound: Bound) -> None:
    code, answer = client.ask("PUT", f"{COLLECTION}/chart-complete/status?dryRun=All", bound.broken(stored))

    assert (code, answer["reason"]) == (422, "Invalid")
    assert bound.said in answer["message"]


@pytest.mark.api_server
def test_a_policy_without_a_spec_is_refused(client: Client) -> None:
    code, answer = tried(client, {key: value for key, value in COMPLETE.items() if key != "spec"})

    assert (code, answer["details"]["causes"][0]["field"]) == (422, "spec")


MEANINGLESS: list[tuple[str, dict[str, Any]]] = [
    (
        "the default of unlimited-memory must not be above the ceiling of excessive-memory-limit",
        policy(
            rules={
                "unlimited-memory": {"parameters": {"default": "2Gi"}},
                "excessive-memory-limit": {"parameters": {"ceiling": "1Gi"}},
            }
        ),
    ),
    ("every key must be a label's name", policy(namespaceSelector={"matchLabels": {"a/b/c": "d"}})),
    *(
        (
            "In and NotIn need values, Exists and DoesNotExist have none",
            policy(namespaceSelector={"matchExpressions": [{"key": "tier", **expression}]}),
        )
        for expression in (
            {"operator": "In"},
            {"operator": "NotIn", "values": []},
            {"operator": "Exists", "values": ["production"]},
        )
    ),
    *(
        ("every key must be the slug of a rule, such as privileged-container", policy(rules={slug: {}}))
        for slug in ("*", "Privileged", "a--b", "-a", "a" * 64)
    ),
    *(
        ("must be a number of bytes above zero, such as 256Mi", policy(**rule("unlimited-memory", **parameter)))
        for parameter in (
            {"default": "0"},
            {"default": "0Mi"},
            {"default": "-1"},
            {"ceiling": "512m"},
            {"sizeLimit": "5n"},
            {"default": "much"},
        )
    ),
    *(
        ("no path may lie below another", policy(**rule("writable-root-filesystem", paths=paths)))
        for paths in (["/tmp", "/tmp/cache"], ["/var/cache/nginx", "/run", "/var/cache"])  # noqa: S108
    ),
    *(
        ("must have no . or .. in it", policy(**rule("writable-root-filesystem", **parameter)))
        for parameter in ({"paths": ["/var/../etc"]}, {"paths": ["/."]}, {"sockets": ["/run/.."]})
    ),
    *(
        (
            "must not be part of the system, such as /proc, /etc or /usr",
            policy(**rule("writable-root-filesystem", paths=[path])),
        )
        for path in ("/etc", "/usr/share/nginx", "/proc", "/lib64")
    ),
    *(
        (
            "the names default and canary belong to the built-in policies",
            {**policy(), "metadata": {"name": name}},
        )
        for name in ("default", "canary")
    ),
    (
        "the name must be at most 63 characters, since every denial quotes it",
        {**policy(), "metadata": {"name": "a" * 64}},
    ),
]


@pytest.mark.api_server
@pytest.mark.parametrize(("said", "manifest"), MEANINGLESS, ids=lambda each: each if isinstance(each, str) else "")
def test_what_no_policy_can_mean_is_refused_in_words(client: Client, said: str, manifest: dict[str, Any]) -> None:
    code, answer = tried(client, manifest)

    assert (code, answer["reason"]) == (422, "Invalid")
    assert said in answer["message"]


def test_every_rule_of_the_schema_is_shown_to_refuse_something() -> None:
    assert set(said_by_rules(SCHEMA)) == {said for said, _ in MEANINGLESS}


@pytest.mark.api_server
@pytest.mark.parametrize(
    "spec",
    [
        {"rules": {"not-known-yet": {"action": "deny"}}},
        rule("writable-root-filesystem", paths=["/tmp", "/tmpfiles", "/var/cache/nginx"]),  # noqa: S108
        *(rule("unlimited-memory", default=quantity) for quantity in ("0.5Gi", "129e6", "256M", "134217728")),
        {"podSecurityVersion": "v1.0"},
        {"namespaceSelector": {}},
        {"namespaceSelector": {"matchExpressions": [{"key": "example.com/tier", "operator": "DoesNotExist"}]}},
    ],
    ids=str,
)
def test_what_is_unusual_but_clear_is_accepted(client: Client, spec: dict[str, object]) -> None:
    code, answer = tried(client, policy(**spec))

    assert code == 201, answer


@pytest.mark.api_server
def test_a_field_that_does_not_exist_is_refused(client: Client) -> None:
    code, answer = tried(client, policy(actoin="deny"))

    assert code == 400
    assert 'unknown field "spec.actoin"' in answer["message"]
