"""Where an exemption holds: in the pod as a whole, in containers, in what containers share, and in patches."""

from __future__ import annotations

from typing import Any

import pytest

from leaves import (
    ASKED,
    container,
    decided,
    exemption,
    let_off,
    standing,
    taken,
)
from specimens import HERE, laid_over, slugs, view
from stridegate.engine.decide import Circumstances, patches
from stridegate.engine.evaluate import evaluate
from stridegate.engine.examples import JsonMap
from stridegate.engine.mend import mend
from stridegate.model.findings import Finding
from stridegate.model.views import PodView


def test_what_is_found_in_the_whole_pod_needs_an_exemption_without_containers() -> None:
    pod = laid_over("hostPID: true")

    by_container = decided(pod, exemption("debug", "host-pid", containers=frozenset({"app", "pod", ""})))
    by_pod = decided(pod, exemption("debug", "host-pid"))

    assert standing(by_container) == {"host-pid"}
    assert not standing(by_pod)


DEBUGGER = laid_over("ephemeralContainers: [{name: debugger, image: x, securityContext: {privileged: true}}]")


@pytest.mark.parametrize(("containers", "covers"), [((), False), (("app",), False), (("debugger",), True)])
def test_an_ephemeral_container_is_covered_only_when_it_is_named(containers: tuple[str, ...], covers: bool) -> None:
    decision = decided(DEBUGGER, exemption("debug", "privileged-container", containers=frozenset(containers)))

    assert ("privileged-container" in taken(decision)) is covers


def mounted_by(*names: str, ephemeral: str = "") -> JsonMap:
    """Return a pod with a volume of the node that some containers mount."""
    pod = laid_over("volumes: [{name: logs, hostPath: {path: /srv/logs}}]")
    mounts: Any = [{"name": "logs", "mountPath": "/logs", "readOnly": True}]
    spec: Any = pod["spec"]
    app = spec["containers"][0]
    spec["containers"] = [{**app, "name": name, "volumeMounts": mounts} for name in names] or [app]
    if ephemeral:
        spec["ephemeralContainers"] = [{"name": ephemeral, "image": "x", "volumeMounts": mounts}]
    return pod


@pytest.mark.parametrize(
    ("pod", "containers", "covers"),
    [
        (mounted_by("reader"), ("reader",), True),
        (mounted_by("reader"), (), True),
        (mounted_by("reader", "app"), ("reader",), False),
        (mounted_by("reader", "app"), ("reader", "app"), True),
        (mounted_by("reader", ephemeral="debugger"), (), False),
        (mounted_by("reader", ephemeral="debugger"), ("reader",), False),
        (mounted_by("reader", ephemeral="debugger"), ("reader", "debugger"), True),
        (mounted_by(), (), True),
        (mounted_by(), ("app",), False),
    ],
)
def test_a_volume_is_exempted_where_every_container_that_mounts_it_is(
    pod: JsonMap, containers: tuple[str, ...], covers: bool
) -> None:
    decision = decided(pod, exemption("logs", "host-path-volume", containers=frozenset(containers)))

    assert ("host-path-volume" in taken(decision)) is covers


def test_two_exemptions_that_each_name_one_container_leave_what_both_mount() -> None:
    reader = exemption("one", "host-path-volume", containers=frozenset({"reader"}))
    app = exemption("two", "host-path-volume", containers=frozenset({"app"}))

    assert "host-path-volume" in standing(decided(mounted_by("reader", "app"), reader, app))


def test_an_exempted_finding_is_not_patched() -> None:
    pod = container("securityContext: {allowPrivilegeEscalation: null}")
    subject = view(pod)
    found = evaluate(ASKED.mending, subject)

    without = patches(ASKED, found, HERE)
    exempted = patches(ASKED, found, let_off([exemption("setuid", "privilege-escalation")], subject))

    assert {finding.rule.slug for finding, _ in without} == {"privilege-escalation"}
    assert exempted == []


def test_a_rule_that_could_not_judge_is_nothing_to_spare() -> None:
    subject = view(container("securityContext: {allowPrivilegeEscalation: null}"))
    question = next(each for each in ASKED.mending if each.rule.slug != "privilege-escalation")
    found = [*evaluate(ASKED.mending, subject), Finding(question, None, error="broken")]

    made = patches(ASKED, found, let_off([exemption("setuid", "privilege-escalation")], subject))

    assert made == []


def test_what_is_exempted_and_has_no_patch_keeps_none_from_others() -> None:
    # A privileged container may escalate whatever it says, so there is nothing to patch.
    unconfined = "securityContext: {privileged: true, allowPrivilegeEscalation: null, readOnlyRootFilesystem: null}"
    subject = view(laid_over(f"containers: [{{name: app, {unconfined}}}]"))
    found = evaluate(ASKED.mending, subject)

    made = patches(ASKED, found, let_off([exemption("debug", "privilege-escalation")], subject))

    assert slugs(finding for finding, _ in made) == {"writable-root-filesystem"}


def profiled(pod: PodView, circumstances: Circumstances) -> list[str]:
    """Return where mending writes the seccomp profile of a pod or its containers."""
    made = mend(ASKED, pod, circumstances).operations
    return [str(each["path"]) for each in made if "seccompProfile" in f"{each['path']} {each.get('value')}"]


def test_what_is_exempted_is_not_patched_through_what_is_not() -> None:
    # One field of the pod would heal both containers.
    unprofiled = "securityContext: {seccompProfile: null}"
    subject = view(laid_over(f"{unprofiled}\ncontainers: [{{name: app, {unprofiled}}}, {{name: other, image: x}}]"))
    granted = exemption("strace", "missing-seccomp-profile", containers=frozenset({"app"}))

    assert profiled(subject, HERE) == ["/spec/securityContext/seccompProfile"]
    # The neighbour alone has one of its own.
    assert profiled(subject, let_off([granted], subject)) == ["/spec/containers/1/securityContext/seccompProfile"]


def test_what_is_exempted_elsewhere_leaves_a_patch_where_it_is() -> None:
    subject = view(
        laid_over(
            "securityContext: {seccompProfile: null}\n"
            "containers: [{name: app, securityContext: {seccompProfile: null, allowPrivilegeEscalation: null}}]"
        )
    )
    granted = exemption("setuid", "privilege-escalation")

    assert profiled(subject, let_off([granted], subject)) == ["/spec/securityContext/seccompProfile"]
