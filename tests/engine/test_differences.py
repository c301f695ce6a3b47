"""An update answers for what it makes worse, and for nothing else."""

from __future__ import annotations

import copy
from typing import cast

import pytest

from pod_steps import child, containers
from specimens import judged, laid_over, slugs, view
from stridegate.engine.difference import Difference, compare, unchanged
from stridegate.engine.examples import JsonMap
from stridegate.model.edits import Json
from stridegate.model.findings import Finding
from stridegate.model.pods import PodTemplate
from stridegate.model.quantities import parse_quantity
from stridegate.model.rules import Given, Parameters, Quantity
from stridegate.model.views import PodView

CEILING = Given(parameters=Parameters(ceiling=Quantity("1Gi", parse_quantity("1Gi"))))
PRIVILEGED = laid_over("containers: [{name: app, image: 'x:1', securityContext: {privileged: true}}]")
DEBUGGER = "{name: debugger, image: 'debug:1', securityContext: {privileged: true}}"


def updated(old: JsonMap, new: JsonMap, given: Given | None = None) -> Difference:
    return compare(view(old), judged(old, given), view(new), judged(new, given))


def template(pod: JsonMap) -> PodTemplate:
    seen = view(pod)
    return PodTemplate(metadata=seen.metadata, spec=seen.shape)


def changed(pod: JsonMap, **fields: Json) -> JsonMap:
    """Return a pod with fields of its first container changed."""
    new = copy.deepcopy(pod)
    containers(new)[0].update(fields)
    return new


def memory(limit: str) -> JsonMap:
    return laid_over(f"containers: [{{name: app, resources: {{limits: {{memory: {limit}}}}}}}]")


@pytest.mark.parametrize(
    "metadata",
    [
        {"labels": {"tier": "x"}},
        {"finalizers": []},
        {"deletionTimestamp": "2026-01-01T00:00:00Z"},
        {"ownerReferences": [{"kind": "ReplicaSet", "name": "x", "controller": True}]},
        {"resourceVersion": "2"},
    ],
)
def test_metadata_alone_costs_nobody_a_denial(metadata: JsonMap) -> None:
    new = copy.deepcopy(PRIVILEGED)
    child(new, "metadata").update(metadata)

    assert unchanged(template(PRIVILEGED), template(new))


def test_fields_that_no_rule_reads_cost_nobody_a_denial() -> None:
    new = copy.deepcopy(PRIVILEGED)
    child(new, "spec")["nodeSelector"] = {"disk": "fast"}
    child(new, "spec")["schedulingGates"] = []

    assert unchanged(template(PRIVILEGED), template(new))


@pytest.mark.parametrize("metadata", [{"name": "example"}, {"name": "example", "annotations": {}}, None])
def test_without_annotations_is_one_thing_however_it_is_written(metadata: Json) -> None:
    old: JsonMap = {**PRIVILEGED, "metadata": {"name": "example", "annotations": None}}
    new: JsonMap = {**PRIVILEGED, "metadata": metadata}

    assert unchanged(template(old), template(new))


def test_an_annotation_is_a_change() -> None:
    new = copy.deepcopy(PRIVILEGED)
    child(new, "metadata")["annotations"] = {"container.apparmor.security.beta.kubernetes.io/app": "unconfined"}

    assert not unchanged(template(PRIVILEGED), template(new))
    assert slugs(updated(PRIVILEGED, new).introduced) == {"unconfined-apparmor"}


def test_another_image_in_a_privileged_container_is_introduced() -> None:
    difference = updated(PRIVILEGED, changed(PRIVILEGED, image="evil:1"))

    assert "privileged-container" in slugs(difference.introduced)


def test_another_image_on_the_way_out_is_judged_all_the_same() -> None:
    new = changed(PRIVILEGED, image="evil:1")
    child(new, "metadata")["deletionTimestamp"] = "2026-01-01T00:00:00Z"

    assert not unchanged(template(PRIVILEGED), template(new))
    assert "privileged-container" in slugs(updated(PRIVILEGED, new).introduced)


def test_another_image_inherits_what_the_whole_pod_has() -> None:
    old = laid_over("{hostPID: true, volumes: [{name: x, hostPath: {path: /run}}]}")

    difference = updated(old, changed(old, image="other:1"))

    assert slugs(difference.introduced) == {
        "container-runtime-socket",
        "host-path-volume",
        "host-pid",
        "sensitive-host-path",
    }


def test_another_image_beside_a_privileged_container_is_not_its_doing() -> None:
    old = laid_over("initContainers: [{name: root, image: 'x:1', securityContext: {privileged: true}}]")
    new = copy.deepcopy(old)
    containers(new)[1]["image"] = "other:1"

    difference = updated(old, new)

    assert "privileged-container" in slugs(difference.existing)
    assert not difference.answerable


def test_another_volume_of_an_image_is_other_code() -> None:
    old = laid_over("{hostPID: true, volumes: [{name: code, image: {reference: 'x:1'}}]}")
    new = laid_over("{hostPID: true, volumes: [{name: code, image: {reference: 'x:2', pullPolicy: Always}}]}")
    same = laid_over("{hostPID: true, volumes: [{name: code, image: {pullPolicy: Always, reference: 'x:1'}}]}")

    assert slugs(updated(old, new).introduced) == {"host-pid"}
    assert not updated(old, same).answerable


def test_an_ephemeral_container_that_is_added_is_judged() -> None:
    new = laid_over(f"ephemeralContainers: [{DEBUGGER}]")

    assert "privileged-container" in slugs(updated(laid_over("{}"), new).introduced)


def test_an_ephemeral_container_needs_no_memory_limit() -> None:
    new = laid_over("ephemeralContainers: [{name: debugger, image: 'debug:1'}]")

    assert "unlimited-memory" not in slugs(updated(laid_over("{}"), new).introduced)


def test_of_two_ephemeral_containers_the_old_bad_one_is_not_held_against_the_new_good_one() -> None:
    good = """{name: good, image: 'x:1', securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true,
        capabilities: {drop: [ALL]}}}"""

    difference = updated(
        laid_over(f"ephemeralContainers: [{DEBUGGER}]"), laid_over(f"ephemeralContainers: [{DEBUGGER}, {good}]")
    )

    assert not difference.answerable
    assert "privileged-container" in slugs(difference.existing)


def test_an_ephemeral_container_in_a_pod_of_the_node_is_judged_by_that_too() -> None:
    old = laid_over("hostPID: true")

    difference = updated(old, laid_over("{hostPID: true, ephemeralContainers: [{name: debugger, image: x}]}"))

    assert "host-pid" in slugs(difference.introduced)


@pytest.mark.parametrize(
    ("old", "new", "introduced", "worsened"),
    [
        ("512Mi", "1Gi", 0, 0),
        ("512Mi", "2Gi", 1, 0),
        ("2Gi", "3Gi", 0, 1),
        ("3Gi", "2Gi", 0, 0),
        ("2Gi", "2Gi", 0, 0),
        ("3Gi", "512Mi", 0, 0),
    ],
)
def test_a_resize_may_lower_and_may_not_rise_above_the_ceiling(
    old: str, new: str, introduced: int, worsened: int
) -> None:
    difference = updated(memory(old), memory(new), CEILING)

    assert (len(difference.introduced), len(difference.worsened)) == (introduced, worsened)


def test_a_violator_that_is_resized_elsewhere_is_left_alone() -> None:
    old, new = memory("2Gi"), memory("2Gi")
    child(child(containers(new)[0], "resources"), "requests")["memory"] = "1Gi"

    assert not updated(old, new, CEILING).answerable


def test_one_more_capability_is_introduced_beside_those_that_are_there() -> None:
    old = laid_over("containers: [{name: app, securityContext: {capabilities: {add: [SYS_TIME]}}}]")
    new = laid_over("containers: [{name: app, securityContext: {capabilities: {add: [SYS_TIME, BPF]}}}]")

    difference = updated(old, new)

    assert [finding.key[3] for finding in difference.introduced] == ["BPF"]
    assert [finding.key[3] for finding in difference.existing] == ["SYS_TIME"]


def test_a_wider_path_is_introduced() -> None:
    old = laid_over("volumes: [{name: x, hostPath: {path: /data/logs}}]")
    new = laid_over("volumes: [{name: x, hostPath: {path: /data}}]")

    assert slugs(updated(old, new).introduced) == {"host-path-volume"}


def test_a_warning_that_becomes_a_failure_is_worse() -> None:
    old, new = memory("512m"), memory("'0'")
    for pod in (old, new):
        child(containers(pod)[0], "resources").pop("requests", None)

    assert slugs(updated(old, new).worsened) == {"unlimited-memory"}
    assert not updated(new, old).answerable


def test_a_container_by_another_name_is_a_new_one() -> None:
    old = laid_over("{}")
    containers(old)[0]["securityContext"] = {"privileged": True}

    assert "privileged-container" in slugs(updated(old, changed(old, name="renamed")).introduced)


def test_a_container_that_moves_in_its_list_is_the_same() -> None:
    old = laid_over("containers: [{name: other, image: x}]")
    new = copy.deepcopy(old)
    cast("list[Json]", child(new, "spec")["containers"]).reverse()

    assert not updated(old, new).answerable


def test_two_containers_of_one_name_are_no_change_by_themselves() -> None:
    pod = laid_over("{}")
    child(pod, "spec")["containers"] = [{"name": "twin", "image": "x:1"}, {"name": "twin", "image": "x:2"}]

    assert not updated(pod, copy.deepcopy(pod)).answerable


def test_an_old_violator_may_be_mended_step_by_step() -> None:
    worse = laid_over("{hostPID: true, hostIPC: true}")

    difference = updated(worse, laid_over("hostPID: true"))

    assert not difference.answerable
    assert slugs(difference.existing) == {"host-pid"}


def test_everything_about_a_first_version_is_introduced() -> None:
    new = view(PRIVILEGED)

    difference = compare(PodView(PodTemplate()), [], new, judged(PRIVILEGED))

    assert difference.answerable == difference.introduced
    assert slugs(difference.answerable) == slugs(judged(PRIVILEGED))


def test_a_port_of_the_node_under_another_protocol_is_introduced() -> None:
    def listening(protocol: str) -> JsonMap:
        port = f"{{name: dns, containerPort: 53, hostPort: 53, hostIP: 192.0.2.1, protocol: {protocol}}}"
        return laid_over(f"containers: [{{name: app, ports: [{port}]}}]")

    assert slugs(updated(listening("TCP"), listening("UDP")).introduced) == {"host-port"}
    assert not updated(listening("null"), listening("TCP")).answerable


def test_a_pod_that_comes_from_nothing_is_introduced() -> None:
    difference = compare(None, [], view(PRIVILEGED), judged(PRIVILEGED))

    assert "privileged-container" in slugs(difference.introduced)
    assert not difference.existing


@pytest.mark.parametrize(("image", "introduced"), [("x:1", False), ("x:2", True)])
def test_what_could_not_be_judged_before_either_is_held_against_other_code_alone(image: str, introduced: bool) -> None:
    new = changed(PRIVILEGED, image=image)
    broken = [Finding(judged(PRIVILEGED)[0].question, None, error="broken")]

    difference = compare(view(PRIVILEGED), broken, view(new), broken)

    assert (difference.introduced, difference.existing) == ((broken, []) if introduced else ([], broken))
