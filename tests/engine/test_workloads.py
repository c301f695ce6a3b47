"""The workload that people know a pod by."""

from __future__ import annotations

import pytest

from stridegate.engine.workloads import workload_of
from stridegate.model.pods import ObjectMeta, OwnerReference
from stridegate.model.policies import Workload


def owned(*owners: tuple[str, str, bool | None], labels: dict[str, str] | None = None) -> Workload:
    references = tuple(OwnerReference(kind=kind, name=name, controller=controller) for kind, name, controller in owners)
    return workload_of(ObjectMeta(name="web-5d4f-x", labels=labels, ownerReferences=references))


@pytest.mark.parametrize(
    ("metadata", "workload"),
    [
        (ObjectMeta(name="web"), Workload("Pod", "web")),
        (ObjectMeta(generateName="web-"), Workload("Pod", "web-")),
        (ObjectMeta(), Workload("Pod", "")),
        (ObjectMeta(name="web", ownerReferences=()), Workload("Pod", "web")),
    ],
)
def test_a_bare_pod_is_its_own_workload(metadata: ObjectMeta, workload: Workload) -> None:
    assert workload_of(metadata) == workload


def test_a_replica_set_with_the_pods_hash_is_a_deployments() -> None:
    assert owned(("ReplicaSet", "web-5d4f", True), labels={"pod-template-hash": "5d4f"}) == Workload(
        "Deployment", "web"
    )


@pytest.mark.parametrize("labels", [None, {}, {"pod-template-hash": ""}, {"pod-template-hash": "other"}])
def test_a_replica_set_without_it_is_itself(labels: dict[str, str] | None) -> None:
    assert owned(("ReplicaSet", "web-5d4f", True), labels=labels) == Workload("ReplicaSet", "web-5d4f")


def test_a_job_with_a_number_is_a_cron_jobs() -> None:
    assert owned(("Job", "backup-28391040", True)) == Workload("CronJob", "backup")


@pytest.mark.parametrize("name", ["backup", "backup-", "backup-x1", "-1"])
def test_a_job_without_one_is_itself(name: str) -> None:
    assert owned(("Job", name, True)) == Workload("Job", name)


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet", "Node", "Rollout"])
def test_any_other_controller_is_taken_as_it_is(kind: str) -> None:
    assert owned((kind, "x", True)) == Workload(kind, "x")


@pytest.mark.parametrize("controller", [False, None])
def test_an_owner_that_is_no_controller_does_not_count(controller: bool | None) -> None:
    assert owned(("StatefulSet", "x", controller)) == Workload("Pod", "web-5d4f-x")


def test_of_two_owners_the_controller_counts() -> None:
    assert owned(("StatefulSet", "x", False), ("DaemonSet", "y", True)) == Workload("DaemonSet", "y")


def test_an_owner_without_a_name_does_not_count() -> None:
    assert owned(("StatefulSet", "", True)) == Workload("Pod", "web-5d4f-x")


def test_a_workload_is_written_by_kind_and_name() -> None:
    assert str(Workload("Deployment", "web")) == "Deployment 'web'"
    assert str(Workload("Pod", "")) == "Pod"
