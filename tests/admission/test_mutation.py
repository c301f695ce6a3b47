"""What mutation does to a pod, and when it leaves it alone."""

from __future__ import annotations

from typing import cast

import pytest

from reviewing import PRIVILEGED, RESOURCES, Asked, container, embedding, mutated, patched, pod, policy, validated
from stridegate.admission.errors import CannotJudge
from stridegate.admission.verdicts import Label
from stridegate.engine.examples import JsonMap
from stridegate.model.vocabulary import Action, Patching

CARELESS = pod(container(allowPrivilegeEscalation=None, capabilities=None, readOnlyRootFilesystem=None))


def noted_in(document: JsonMap) -> dict[str, str]:
    """Return the annotations of a pod."""
    return cast("dict[str, dict[str, str]]", document["metadata"])["annotations"]


def test_a_careless_pod_is_healed_so_that_validation_allows_it() -> None:
    mutation = mutated(Asked(object=CARELESS))

    healed = patched(CARELESS, mutation)

    assert mutation.label is Label.PATCHED
    assert validated(Asked(object=healed)).allowed


def test_what_was_healed_is_written_down_once() -> None:
    healed = patched(CARELESS, mutated(Asked(object=CARELESS)))

    record = noted_in(healed)["stridegate.dev/patched"]

    assert record == ("net-raw-capability,privilege-escalation,undropped-capabilities,writable-root-filesystem;v0.1.0")


def test_a_second_pass_makes_no_patch() -> None:
    healed = patched(CARELESS, mutated(Asked(object=CARELESS)))

    again = mutated(Asked(object=healed))

    assert again.patch is None


def test_what_an_injector_adds_in_between_is_healed_and_the_record_stays() -> None:
    healed = patched(CARELESS, mutated(Asked(object=CARELESS)))
    record = noted_in(healed)
    cast("dict[str, list[JsonMap]]", healed["spec"])["containers"].append({"name": "sidecar", "image": "x:1"})

    again = patched(healed, mutated(Asked(object=healed)))

    assert noted_in(again) == record
    assert '"sidecar"' not in validated(Asked(object=again)).message


def test_what_an_injected_container_needed_is_added_to_the_record() -> None:
    healed = patched(CARELESS, mutated(Asked(object=CARELESS)))
    spec = cast("dict[str, list[JsonMap]]", healed["spec"])
    spec["containers"].append({"name": "sidecar", "image": "x", "resources": {"limits": {"memory": "1Mi"}}})
    noted_in(healed)["stridegate.dev/patched"] = "privilege-escalation;v0.1.0"

    again = patched(healed, mutated(Asked(object=healed)))

    assert noted_in(again)["stridegate.dev/patched"].split(";")[0].split(",") == [
        "net-raw-capability",
        "privilege-escalation",
        "undropped-capabilities",
        "writable-root-filesystem",
    ]


@pytest.mark.parametrize("forged", ["", "all-is-well;v9", "privilege-escalation", "🙂;;;", "x" * 100_000])
def test_a_forged_record_does_not_keep_the_real_one_out(forged: str) -> None:
    document = pod(container(allowPrivilegeEscalation=None), annotations={"stridegate.dev/patched": forged})

    healed = patched(document, mutated(Asked(object=document)))

    assert noted_in(healed)["stridegate.dev/patched"] == "privilege-escalation;v0.1.0"
    assert mutated(Asked(object=healed)).patch is None


def test_the_audit_log_gets_the_digest_of_the_patch() -> None:
    mutation = mutated(Asked(object=pod(container(allowPrivilegeEscalation=None))))

    slugs, version, digest = mutation.annotations["patched"].split(";")

    assert (slugs, version) == ("privilege-escalation", "v0.1.0")
    assert digest.startswith("sha256:")
    assert mutation.annotations["policy"] == "production"


def test_a_pod_without_annotations_and_one_with_some_are_both_patched() -> None:
    plain = pod(container(allowPrivilegeEscalation=None))
    annotated = pod(container(allowPrivilegeEscalation=None), annotations={"a": "b"})

    records = [noted_in(patched(each, mutated(Asked(object=each)))) for each in (plain, annotated)]

    assert [sorted(each) for each in records] == [["stridegate.dev/patched"], ["a", "stridegate.dev/patched"]]


def test_a_pod_without_metadata_gets_a_patch_that_applies() -> None:
    document: JsonMap = {"spec": CARELESS["spec"]}

    healed = patched(document, mutated(Asked(object=document)))

    assert "metadata" not in healed


@pytest.mark.parametrize("shape", [{}, {"spec": None}, {"metadata": None}, {"metadata": {}, "spec": {}}])
def test_a_pod_with_nothing_in_it_is_left_alone_or_patched_so_that_it_applies(shape: JsonMap) -> None:
    patched(shape, mutated(Asked(object=shape)))


@pytest.mark.parametrize("patching", [Patching.NONE])
def test_a_policy_without_patching_makes_no_patch(patching: Patching) -> None:
    assert mutated(Asked(object=CARELESS), policy(patching=patching)).patch is None


def test_a_policy_that_only_audits_makes_no_patch() -> None:
    assert mutated(Asked(object=CARELESS), policy(action=Action.AUDIT, patching=Patching.ALL)).patch is None


@pytest.mark.parametrize("operation", ["UPDATE", "DELETE", "CONNECT", ""])
def test_only_creations_are_patched(operation: str) -> None:
    mutation = mutated(Asked(operation=operation, object=CARELESS, old=CARELESS))

    assert mutation.patch is None
    assert mutation.label is Label.IGNORED


@pytest.mark.parametrize("kind", [kind for kind in RESOURCES if kind != "Pod"])
def test_templates_stay_as_they_were_written(kind: str) -> None:
    assert mutated(Asked(kind=kind, object=embedding(kind, CARELESS))).patch is None


def test_a_subresource_is_not_patched() -> None:
    assert mutated(Asked(subresource="ephemeralcontainers", object=CARELESS)).patch is None


def test_the_mirror_of_a_static_pod_is_not_patched() -> None:
    document = pod(
        {**container(allowPrivilegeEscalation=None), "nodeName": "node1"},
        annotations={"kubernetes.io/config.mirror": "c0ffee"},
    )

    mutation = mutated(Asked(object=document, user="system:node:node1", groups=("system:nodes",)))

    assert mutation.patch is None


def test_a_privileged_container_keeps_its_escalation() -> None:
    mutation = mutated(Asked(object=PRIVILEGED))

    assert mutation.patch is None


def test_what_cannot_be_read_is_an_error_and_no_patch() -> None:
    with pytest.raises(CannotJudge):
        mutated(Asked(object={"spec": {"containers": "app"}}))
