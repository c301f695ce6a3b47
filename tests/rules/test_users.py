"""Users: who says true or false where, and what a patch may say for them."""

from __future__ import annotations

import pytest

from specimens import HERE, judged, laid_over, patched, policy, regime, slugs, view
from stridegate.engine.examples import JsonMap, hardened_container
from stridegate.engine.harden import Hardening
from stridegate.engine.mend import mend
from stridegate.model.rules import Given
from stridegate.model.vocabulary import Patching

USERS = {"root-user", "possible-root-user"}


def places(pod: JsonMap, slug: str) -> list[str]:
    return [finding.key[1] for finding in judged(pod) if finding.rule.slug == slug]


def mended(pod: JsonMap, patching: Patching) -> Hardening:
    return mend(regime(policy(patching=patching, override=True)), view(pod), HERE)


def test_an_init_container_that_is_root_under_a_pod_that_is_not() -> None:
    pod = laid_over("securityContext: {runAsUser: 1000}")
    spec = pod["spec"]
    assert isinstance(spec, dict)
    init = hardened_container("chown")
    init["securityContext"] = {**_map(init["securityContext"]), "runAsUser": 0}
    spec["initContainers"] = [init]

    assert places(pod, "root-user") == ["initContainers[chown]"]


def _map(value: object) -> JsonMap:
    assert isinstance(value, dict)
    return value


def test_a_container_that_says_false_under_a_pod_that_says_true() -> None:
    pod = laid_over("containers: [{name: app, securityContext: {runAsNonRoot: false}}]")

    assert places(pod, "possible-root-user") == ["containers[app]"]


def test_a_pod_that_says_false_above_a_container_that_says_true() -> None:
    pod = laid_over(
        "{securityContext: {runAsNonRoot: false}, containers: [{name: app, securityContext: {runAsNonRoot: true}}]}"
    )

    assert places(pod, "possible-root-user") == ["pod"]


def test_a_root_user_that_every_container_overrides_fails_and_says_so() -> None:
    pod = laid_over("{securityContext: {runAsUser: 0}, containers: [{name: app, securityContext: {runAsUser: 1000}}]}")

    sentences = [finding.sentence for finding in judged(pod) if finding.rule.slug == "root-user"]

    assert sentences == [
        "pod: securityContext.runAsUser is 0 (a default that every container overrides) → must be absent or above 0"
    ]


def test_a_root_user_names_the_containers_that_run_by_it() -> None:
    pod = laid_over("securityContext: {runAsUser: 0}")

    (sentence,) = [finding.sentence for finding in judged(pod) if finding.rule.slug == "root-user"]

    assert "(app runs as root by it)" in sentence


@pytest.mark.parametrize(
    ("users", "minor", "found"),
    [
        ("hostUsers: false", 34, USERS),
        ("hostUsers: false", 35, set()),
        ("hostUsers: true", 35, USERS),
        ("hostUsers: null", 35, USERS),
    ],
)
def test_only_an_explicit_user_namespace_relieves_and_only_since_it_does(
    users: str, minor: int, found: set[str]
) -> None:
    pod = laid_over(f"{{{users}, securityContext: {{runAsNonRoot: null, runAsUser: 0}}}}")

    assert slugs(judged(pod, Given(pod_security=minor))) & USERS == found


def test_a_number_above_zero_alone_fails_but_the_fix_is_safe() -> None:
    pod = laid_over("securityContext: {runAsNonRoot: null, runAsUser: 1000}")

    operations = mended(pod, Patching.SAFE).operations

    assert "possible-root-user" in slugs(judged(pod))
    assert operations == [{"op": "add", "path": "/spec/securityContext/runAsNonRoot", "value": True}]


def test_without_a_number_the_fix_is_risky() -> None:
    pod = laid_over("securityContext: {runAsNonRoot: null}")

    assert not mended(pod, Patching.SAFE).operations
    assert mended(pod, Patching.ALL).operations


@pytest.mark.parametrize(
    "spec",
    [
        "{securityContext: {runAsNonRoot: null, runAsUser: 0}}",
        "{securityContext: {runAsNonRoot: null}, containers: [{name: app, securityContext: {runAsUser: 0}}]}",
        "{securityContext: {runAsNonRoot: false}}",
        "containers: [{name: app, securityContext: {runAsNonRoot: false}}]",
    ],
)
def test_who_means_to_be_root_is_not_contradicted(spec: str) -> None:
    assert not mended(laid_over(spec), Patching.ALL).operations


def test_a_user_is_never_invented() -> None:
    pod = laid_over("{securityContext: null, containers: [{name: app, securityContext: null}]}")

    after = patched(pod, mended(pod, Patching.ALL).operations)

    assert "runAsUser" not in str(after)
