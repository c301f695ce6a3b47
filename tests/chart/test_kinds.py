"""The schema of HardeningPolicy on a real API server: everything it bounds, and what no policy can mean."""

from __future__ import annotations

from typing import Any

import pytest

from hardeningpolicies import COLLECTION, COMPLETE, SCHEMA, Client, policy, rule, tried
from schemas import Bound, bounds, missing, said_by_rules, unbounded
from stridegate.engine.catalogue import RULES
from stridegate.kube.policies import PARAMETERS, read_policy

BOUNDS = list(bounds(SCHEMA, COMPLETE))


def test_the_complete_policy_has_every_field() -> None:
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
def test_every_bound_of_the_status_is_refused_one_above(client: Client, stored: dict[str, Any], bound: Bound) -> None:
    code, answer = client.ask("PUT", f"{COLLECTION}/chart-complete/status?dryRun=All", bound.broken(stored))

    assert (code, answer["reason"]) == (422, "Invalid")
    assert bound.said in answer["message"]


@pytest.mark.api_server
def test_a_policy_without_a_spec_is_refused(client: Client) -> None:
    code, answer = tried(client, {key: value for key, value in COMPLETE.items() if key != "spec"})

    assert (code, answer["details"]["causes"][0]["field"]) == (422, "spec")


# A good value of every parameter.
GIVEN: dict[str, object] = {
    written: value for setting in COMPLETE["spec"]["rules"].values() for written, value in setting["parameters"].items()
}

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
        (
            "must be a whole number of bytes above zero and below 1Ei, such as 256Mi or 1.5Gi",
            policy(**rule(slug, **{parameter: quantity})),
        )
        for slug, parameter in (
            ("unlimited-memory", "default"),
            ("excessive-memory-limit", "ceiling"),
            ("writable-root-filesystem", "sizeLimit"),
        )
        for quantity in (
            "0",
            "0Mi",
            "-1",
            "512m",
            "5n",
            "much",
            "1.5",
            "0.1Gi",
            "1e-3",
            "1Ei",
            "1e999",
            "4503599627370497.5",
        )
    ),
    ("this rule takes no parameters", policy(**rule("privileged-container", default="256Mi"))),
    *(
        (message, policy(**rule(slug, **{written: GIVEN[written]})))
        for written, name in PARAMETERS.items()
        for takers in [sorted(slug for slug, each in RULES.items() if name in each.takes)]
        for message in [f"{written} is a parameter of {' and '.join(takers)}"]
        for slug, each in RULES.items()
        if each.takes and name not in each.takes
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
        {"rules": {"not-known-yet": {"action": "deny", "parameters": {"default": "256Mi"}}}},
        rule("writable-root-filesystem", paths=["/tmp", "/tmpfiles", "/var/cache/nginx"]),  # noqa: S108
        *(
            rule("unlimited-memory", default=quantity)
            for quantity in ("0.5Gi", "1.5Ti", "1.1k", "129e6", "256M", "134217728", "+1Gi", "1023Pi")
        ),
        {"podSecurityVersion": "v1.0"},
        {"namespaceSelector": {}},
        {"namespaceSelector": {"matchExpressions": [{"key": "example.com/tier", "operator": "DoesNotExist"}]}},
    ],
    ids=str,
)
def test_what_is_unusual_but_clear_is_accepted(client: Client, spec: dict[str, object]) -> None:
    code, answer = tried(client, policy(**spec))

    assert code == 201, answer


QUANTITIES = (
    *(
        "1",
        "1.",
        ".5Gi",
        "1.0",
        "1.5",
        "0.1Gi",
        "1.1Ki",
        "1.1k",
        "1e3",
        "1E3",
        "1.5e1",
        "1e-1",
        "1e1000",
        "1e0001",
        "+5",
        "1k",
    ),
    *("0x10", "1_000", " 1", "1 ", "\u0661", "1.000000000000000000000001Gi", "1023.999999999Pi", "9007199254740993"),
    *("1000m", "8Ei", "9223372036854775808", "9999999999999999999.5", "1e18", "1152921504606846975", "Infinity", "1Mb"),
)
BORDERLINE: list[dict[str, Any]] = [
    *(rule("unlimited-memory", default=each) for each in QUANTITIES),
    *(
        rule("writable-root-filesystem", paths=[each])
        for each in ("/a", "/a/", "//a", "/a b", "/a:b", "/...", "/a/..b", "/")
    ),
    *(rule("container-runtime-socket", sockets=[each]) for each in ("/*", "/a/*/b", "/a//b", "a", "/a:b", "/a\n")),
    *(rule(slug, **{written: value}) for slug in RULES for written, value in GIVEN.items()),
    *(
        {"exclude": [{"namespaces": ["a"], "reason": each}]}
        for each in (" " * 10, "\u3000" * 10, "\u00a0" * 10, ". " * 5, "\x1c" * 10)
    ),
    *(
        {"namespaceSelector": {"matchLabels": {key: value}}}
        for key in (
            "a",
            "a/b",
            "A",
            "a..b/c",
            f"{'a' * 253}/b",
            f"{'a' * 254}/b",
            f"{'a' * 300}/b",
            "a" * 63,
            "a" * 64,
            "a\n",
            "",
        )
        for value in ("", "x", "x" * 63, "-", "x\n", "\u00e9")
    ),
    *(
        {"namespaceSelector": {"matchExpressions": [{"key": key, "operator": "Exists"}]}}
        for key in ("a", f"{'a' * 253}/b", f"{'a' * 254}/b", "a" * 64, "a\n")
    ),
    *({"podSecurityVersion": each} for each in ("v1.0", "v1.99", "v1.100", "v1.01", "latest", "v1.1\n", "")),
    *({"rulesVersion": each} for each in ("v0.0", "v9999.9999", "v0.01", "v1", "v0.1\n", "")),
    {"exclude": [], "rules": {}, "namespaceSelector": {}},
    {"rules": {"unlimited-memory": {"parameters": {}}}, "exclude": None},
]


@pytest.mark.api_server
def test_whatever_the_schema_accepts_can_be_read(client: Client) -> None:
    answers = [tried(client, policy(**spec)) for spec in BORDERLINE]

    accepted = [answer for code, answer in answers if code == 201]
    assert 0 < len(accepted) < len(BORDERLINE)
    for answer in accepted:
        read_policy(answer, RULES)


@pytest.mark.api_server
def test_a_field_that_does_not_exist_is_refused(client: Client) -> None:
    code, answer = tried(client, policy(actoin="deny"))

    assert code == 400
    assert 'unknown field "spec.actoin"' in answer["message"]
