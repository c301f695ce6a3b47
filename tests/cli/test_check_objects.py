"""What `stridegate check` says of objects that are Stridegate's own, or that cannot be judged."""

from __future__ import annotations

import pytest
import yaml

from checking import BAD, DEPLOYMENT, checked, exemption, policy
from policy_objects import COMPLETE


def test_policies_and_exemptions_among_the_files_are_checked_themselves() -> None:
    result = checked("-", "--as-of", "2027-01-01", stdin=f"{policy()}---\n{exemption()}---\n{yaml.safe_dump(COMPLETE)}")

    assert [(each["kind"], each["findings"]) for each in result["subjects"]] == [
        ("HardeningPolicy", []),
        ("HardeningExemption", []),
        ("HardeningPolicy", []),
    ]
    assert result["problems"] == []


@pytest.mark.parametrize(
    ("written", "sentence", "line"),
    [
        (policy(profile="strict"), "spec.profile: wanted baseline, restricted or hardened, got 'strict'", 7),
        (
            policy(rules={"host-netwrk": {}}),
            "there is no rule 'host-netwrk'; did you mean host-network?",
            9,
        ),
        (exemption(rules=["zzz"]), "there is no rule 'zzz'; `stridegate rules` lists them", 10),
        (exemption("2026-12-31T00:00:00Z"), "exempts nothing: it is Expired", 7),
        (exemption("2027-12-31T00:00:00Z"), "exempts nothing: it is TooLong", 7),
        (exemption(revoked=True), "exempts nothing: it is Revoked", 10),
        (policy().replace("v1alpha1", "v9"), "apiVersion: wanted stridegate.dev/v1alpha1, got 'stridegate.dev/v9'", 1),
    ],
)
def test_a_mistake_in_one_of_our_own_objects_is_told_with_its_line(written: str, sentence: str, line: int) -> None:
    (problem,) = checked("-", "--as-of", "2027-01-01", stdin=written)["problems"]

    assert problem["sentence"] == sentence
    assert problem["at"]["line"] == line


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        (DEPLOYMENT.replace("apps/v1", "extensions/v1beta1"), "wanted a version of Deployment that Kubernetes serves"),
        (BAD.replace("apiVersion: v1\n", ""), "wanted the apiVersion of a Pod, got nothing"),
        (
            BAD.replace("privileged: true", "privileged: 'true'"),
            "cannot judge this Pod: object: Expected `bool | null`",
        ),
        (BAD.replace("name: web,", "name: 123,"), "metadata.name: wanted a text, got '123'; put it in quotes"),
        (
            BAD.replace("name: web,", "name: 'a-{{ b }}',").replace("name: web\n", "name: a-{{ b }}\n"),
            "render it first",
        ),
    ],
)
def test_what_should_be_judged_and_cannot_is_a_problem(written: str, sentence: str) -> None:
    result = checked("-", stdin=written)

    assert result["subjects"] == []
    assert sentence in result["problems"][0]["sentence"]
