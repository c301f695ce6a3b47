"""Operations always apply, and edits that contradict each other are not made at all."""

from __future__ import annotations

import copy

import pytest

from specimens import HERE, laid_over, patched, policy, regime, slugs, view
from stridegate.engine.amend import amended
from stridegate.engine.catalogue import POD_RULES
from stridegate.engine.examples import JsonMap, hardened_container
from stridegate.engine.harden import annotate, escape, harden, plain, read
from stridegate.engine.mend import mend
from stridegate.model.edits import Append, Assign, Patch, Remove
from stridegate.model.findings import Finding
from stridegate.model.places import Place, Pointer
from stridegate.model.rules import Given, Question, Violation
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Patching, Safety

QUESTION = Question(POD_RULES["privileged-container"], Given())


def place(*pointer: str | int) -> Place:
    return Place(pointer, "pod", ".".join(map(str, pointer)))


def made(*edits: Assign | Append | Remove) -> tuple[Finding, Patch]:
    patch = Patch.fill(*edits, safety=Safety.SAFE)
    return Finding(QUESTION, Violation(edits[0].place, "x", "be y", patch)), patch


def assign(value: str | bool | int, *pointer: str | int) -> Assign:
    return Assign(place(*pointer), value)


def test_missing_and_null_parents_are_made_first() -> None:
    pod: JsonMap = {"spec": {"containers": [{"name": "app", "securityContext": None}]}}

    hardening = harden(view(pod), [made(assign("x", "spec", "containers", 0, "securityContext", "capabilities", "y"))])

    assert [each["path"] for each in hardening.operations] == [
        "/spec/containers/0/securityContext",
        "/spec/containers/0/securityContext/capabilities",
        "/spec/containers/0/securityContext/capabilities/y",
    ]


def test_a_parent_that_two_edits_need_is_made_once() -> None:
    pod: JsonMap = {"spec": {}}

    hardening = harden(
        view(pod), [made(assign(True, "spec", "securityContext", "a")), made(assign(1, "spec", "securityContext", "b"))]
    )

    assert patched(pod, hardening.operations) == {"spec": {"securityContext": {"a": True, "b": 1}}}
    assert len(hardening.operations) == 3


def test_one_value_that_two_findings_want_is_written_once() -> None:
    both = [made(assign(True, "spec", "x")), made(assign(True, "spec", "x"))]

    hardening = harden(view({"spec": {}}), both)

    assert len(hardening.operations) == 1
    assert len(hardening.healed) == 2


def test_one_member_that_two_findings_append_is_appended_once() -> None:
    pod: JsonMap = {"spec": {"volumes": [{"name": "a"}]}}
    both = [made(Append(place("spec", "volumes"), ({"name": "b"},)))] * 2

    hardening = harden(view(pod), both)

    assert patched(pod, hardening.operations) == {"spec": {"volumes": [{"name": "a"}, {"name": "b"}]}}
    assert [volume.name for volume in amended(view(pod), hardening.edits).volumes] == ["a", "b"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (assign("a", "spec", "x"), assign("b", "spec", "x")),
        (assign("a", "spec", "x"), Remove(place("spec", "x"))),
        (assign("a", "spec", "x"), Append(place("spec", "x"), ("b",))),
        (assign("a", "spec", "x"), assign("b", "spec", "x", "y")),
        (Remove(place("spec", "x")), Append(place("spec", "x", "y"), ("b",))),
    ],
)
def test_edits_that_contradict_each_other_are_both_left_out(
    one: Assign | Append | Remove, other: Assign | Append | Remove
) -> None:
    for pair in ([made(one), made(other)], [made(other), made(one)]):
        hardening = harden(view({"spec": {}}), pair)

        assert not hardening.operations
        assert not hardening.healed
        assert len(hardening.conflicting) == 2


def test_a_patch_is_made_whole_or_not_at_all() -> None:
    first = made(assign("a", "spec", "x"), assign("c", "spec", "z"))

    hardening = harden(view({"spec": {}}), [first, made(assign("b", "spec", "x")), made(assign("d", "spec", "w"))])

    assert [each["path"] for each in hardening.operations] == ["/spec/w"]


def test_different_members_of_one_list_do_not_contradict() -> None:
    pod: JsonMap = {"spec": {"volumes": None}}
    volumes = place("spec", "volumes")

    hardening = harden(view(pod), [made(Append(volumes, ({"name": "a"},))), made(Append(volumes, ({"name": "b"},)))])

    assert patched(pod, hardening.operations) == {"spec": {"volumes": [{"name": "a"}, {"name": "b"}]}}


@pytest.mark.parametrize(
    ("pointer", "text"),
    [
        ((), ""),
        (("a", 0, "b"), "/a/0/b"),
        (("a/b", "c~d"), "/a~1b/c~0d"),
        (("~1", "-"), "/~01/-"),
    ],
)
def test_a_pointer_is_escaped(pointer: Pointer, text: str) -> None:
    assert escape(pointer) == text


@pytest.mark.parametrize(
    ("metadata", "count"), [({"name": "x"}, 2), ({"annotations": None}, 2), ({"annotations": {"a": "b"}}, 1)]
)
def test_an_annotation_is_written_beside_those_that_are_there(metadata: JsonMap, count: int) -> None:
    pod: JsonMap = {"metadata": metadata, "spec": {}}

    operations = annotate(view(pod), "stridegate.dev/x", "y")

    annotations = patched(pod, operations)["metadata"]
    assert isinstance(annotations, dict)
    assert annotations["annotations"] == {**dict(view(pod).annotations), "stridegate.dev/x": "y"}
    assert len(operations) == count


def test_a_pod_healed_twice_with_an_injector_between_is_healed_for_good() -> None:
    asked = regime(policy(patching=Patching.ALL))
    pod = laid_over("{securityContext: null, containers: [{name: app, securityContext: null}]}")
    once = patched(pod, mend(asked, view(pod), HERE).operations)
    spec = once["spec"]
    assert isinstance(spec, dict)
    injected = copy.deepcopy(once)
    injected["spec"] = {**spec, "initContainers": [{"name": "proxy", "image": "proxy:1", "restartPolicy": "Always"}]}

    twice = patched(injected, mend(asked, view(injected), HERE).operations)

    assert mend(asked, view(injected), HERE).operations
    assert not mend(asked, view(twice), HERE).operations
    assert _spec(twice)["containers"] == spec["containers"]


def _spec(pod: JsonMap) -> JsonMap:
    spec = pod["spec"]
    assert isinstance(spec, dict)
    return spec


def test_a_pod_that_is_as_it_should_be_gets_no_operation() -> None:
    pod = laid_over("{}")
    _spec(pod)["containers"] = [hardened_container("app"), hardened_container("other")]

    assert not mend(regime(policy(patching=Patching.ALL, override=True)), view(pod), HERE).operations


def test_what_the_api_server_adds_by_itself_brings_no_second_patch() -> None:
    asked = regime(policy(patching=Patching.ALL))
    pod = laid_over(
        "containers: [{name: app, securityContext: null, resources: {limits: {memory: 1Gi}, requests: null}}]"
    )
    once = patched(pod, mend(asked, view(pod), HERE).operations)

    defaulted = copy.deepcopy(once)
    _spec(defaulted).update({"dnsPolicy": "ClusterFirst", "terminationGracePeriodSeconds": 30, "schedulerName": "x"})
    for container in _containers(defaulted):
        container["terminationMessagePath"] = "/dev/termination-log"
        resources = container["resources"]
        assert isinstance(resources, dict)
        resources["requests"] = copy.deepcopy(resources["limits"])

    assert not mend(asked, view(defaulted), HERE).operations


def _containers(pod: JsonMap) -> list[JsonMap]:
    listed = _spec(pod)["containers"]
    assert isinstance(listed, list)
    return [each for each in listed if isinstance(each, dict)]


def test_a_contradiction_is_told_and_the_findings_stay() -> None:
    hardening = harden(view({"spec": {}}), [made(assign("a", "spec", "x")), made(assign("b", "spec", "x"))])

    assert slugs(hardening.conflicting) == {"privileged-container"}


def test_amending_leaves_the_pod_as_it_was() -> None:
    pod = view(laid_over("volumes: [{name: a, emptyDir: {}}]"))

    after = amended(
        pod,
        [
            Append(place("spec", "volumes"), ({"name": "b"},)),
            Assign(place("spec", "containers", 0, "resources", "limits", "memory"), "1Gi"),
            Remove(place("spec", "containers", 0, "securityContext")),
        ],
    )

    assert [volume.name for volume in pod.volumes] == ["a"]
    assert [volume.name for volume in after.volumes] == ["a", "b"]
    assert isinstance(after, PodView)
    assert after.containers[0].shape.securityContext is None
    assert after.containers[0].shape.resources is not None
    assert after.containers[0].shape.resources.limits == {"memory": "1Gi"}


def test_values_are_plain_all_the_way_down() -> None:
    assert plain({"a": {"b": {}}}) == {"a": {"b": {}}}
    assert plain("x") == "x"


@pytest.mark.parametrize(
    ("pointer", "there"),
    [
        ((), True),
        (("containers", 0, "name"), "app"),
        (("containers", 1, "name"), None),
        (("containers", 0, "lifecycle", "preStop"), None),
        (("volumes", 0, "emptyDir", "medium"), "Memory"),
        (("volumes", 0, "emptyDir", "sizeLimit"), None),
        (("hostPID", "x"), None),
    ],
)
def test_a_pointer_is_read_as_far_as_it_leads(pointer: Pointer, there: object) -> None:
    pod = view(laid_over("volumes: [{name: x, emptyDir: {medium: Memory}}]"))

    found = read(pod.shape, pointer)

    assert (found is pod.shape) if there is True else found == there
