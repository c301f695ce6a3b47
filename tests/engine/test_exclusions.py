"""An exclusion takes from its own policy what it names, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest

from specimens import HERE, laid_over, policy, regime, slugs, view
from stridegate.engine.decide import decide
from stridegate.engine.evaluate import evaluate
from stridegate.engine.examples import JsonMap
from stridegate.model.findings import Decision
from stridegate.model.policies import Exclusion, Policy, Workload
from stridegate.model.vocabulary import Action

PRIVILEGED = laid_over("containers: [{name: app, securityContext: {privileged: true, allowPrivilegeEscalation: null}}]")


def decided(pod: JsonMap, *policies: Policy) -> Decision:
    asked = regime(*policies)
    return decide(asked, evaluate(asked.questions, view(pod)), HERE)


def found_in(decision: Decision) -> set[str]:
    return slugs(each.finding for each in decision.denied + decision.warned + decision.audited)


@pytest.mark.parametrize(
    ("exclusion", "spared"),
    [
        (Exclusion(namespaces=frozenset({"shop"}), reason="x"), True),
        (Exclusion(namespaces=frozenset({"other"}), reason="x"), False),
        (Exclusion(namespaces=frozenset({"shop"}), rules=frozenset({"privileged-container"}), reason="x"), True),
        (Exclusion(namespaces=frozenset({"shop"}), rules=frozenset({"host-pid"}), reason="x"), False),
        (Exclusion(namespaces=frozenset({"shop"}), containers=frozenset({"app"}), reason="x"), True),
        (Exclusion(namespaces=frozenset({"shop"}), containers=frozenset({"ap"}), reason="x"), False),
        (Exclusion(namespaces=frozenset({"shop"}), workload=Workload("Pod", "example"), reason="x"), True),
        (Exclusion(namespaces=frozenset({"shop"}), workload=Workload("Pod", "exampl"), reason="x"), False),
        (Exclusion(namespaces=frozenset({"shop"}), workload=Workload("Job", "example"), reason="x"), False),
    ],
)
def test_an_exclusion_takes_what_it_names_and_no_more(exclusion: Exclusion, spared: bool) -> None:
    found = decided(PRIVILEGED, replace(policy(), exclude=(exclusion,)))

    assert ("privileged-container" not in found_in(found)) is spared


def test_an_exclusion_takes_from_its_own_policy_only() -> None:
    everywhere = Exclusion(namespaces=frozenset({"shop"}), reason="x")

    found = decided(PRIVILEGED, replace(policy("spares"), exclude=(everywhere,)), policy("warns", action=Action.WARN))

    assert not found.denied
    assert {each.policy for each in found.warned} == {"warns"}


def test_a_pod_wide_finding_is_not_excluded_by_container() -> None:
    exclusion = Exclusion(namespaces=frozenset({"shop"}), containers=frozenset({"app", "pod"}), reason="x")

    found = decided(laid_over("hostPID: true"), replace(policy(), exclude=(exclusion,)))

    assert slugs(each.finding for each in found.denied) == {"host-pid"}


def test_a_field_of_a_port_is_excluded_by_its_container() -> None:
    exclusion = Exclusion(namespaces=frozenset({"shop"}), containers=frozenset({"app"}), reason="x")
    pod = laid_over("containers: [{name: app, ports: [{containerPort: 80, hostPort: 80}]}]")

    assert not found_in(decided(pod, replace(policy(), exclude=(exclusion,))))


def test_an_ephemeral_container_is_excluded_by_its_own_name() -> None:
    pod = laid_over("ephemeralContainers: [{name: debugger, image: x, securityContext: {privileged: true}}]")
    exclusion = Exclusion(
        namespaces=frozenset({"shop"}),
        containers=frozenset({"debugger"}),
        rules=frozenset({"privileged-container"}),
        reason="x",
    )

    assert "privileged-container" not in found_in(decided(pod, replace(policy(), exclude=(exclusion,))))


READ_LOGS = Exclusion(
    namespaces=frozenset({"shop"}),
    containers=frozenset({"reader"}),
    rules=frozenset({"host-path-volume"}),
    reason="reads logs",
)


@pytest.mark.parametrize(
    ("mounts", "spared"),
    [
        ({"reader": ["/logs"]}, True),
        ({"reader": ["/a", "/b"], "app": []}, True),
        ({"reader": ["/a"], "app": ["/a"]}, False),
        ({"app": ["/logs"]}, False),
        ({"reader": []}, False),
    ],
    ids=["mounted by it alone", "mounted by it twice", "mounted by another too", "mounted by another", "not mounted"],
)
def test_a_volume_is_excluded_where_every_container_that_mounts_it_is_named(
    mounts: dict[str, list[str]], spared: bool
) -> None:
    pod = laid_over("volumes: [{name: logs, hostPath: {path: /srv/logs}}]")
    spec = cast("JsonMap", pod["spec"])
    spec["containers"] = [
        {"name": name, "volumeMounts": [{"name": "logs", "mountPath": path} for path in paths]}
        for name, paths in mounts.items()
    ]

    found = decided(pod, replace(policy(), exclude=(READ_LOGS,)))

    assert ("host-path-volume" not in found_in(found)) is spared
