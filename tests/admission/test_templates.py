"""What validation makes of workload templates, whose pods are yet to come."""

from __future__ import annotations

import pytest

from reviewing import PRIVILEGED, RESOURCES, Asked, container, embedding, pod, policy, validated
from stridegate.admission.messages import WARNING_RUNES
from stridegate.engine.examples import JsonMap
from stridegate.model.vocabulary import Action, Patching

TEMPLATED = [kind for kind in RESOURCES if kind != "Pod"]


class TestTemplates:
    @pytest.mark.parametrize("kind", TEMPLATED)
    def test_a_template_is_warned_about(self, kind: str) -> None:
        verdict = validated(Asked(kind=kind, object=embedding(kind, PRIVILEGED)))

        assert verdict.allowed
        assert verdict.warnings[0].startswith(f"pods of this {kind} will be denied: privileged-container [E, critical]")

    def test_a_template_whose_pods_would_only_be_warned_about_says_so(self) -> None:
        verdict = validated(
            Asked(kind="Deployment", object=embedding("Deployment", PRIVILEGED)), policy(action=Action.WARN)
        )

        assert verdict.warnings[0].startswith("pods of this Deployment would violate: ")

    @pytest.mark.parametrize("kind", TEMPLATED)
    def test_a_policy_may_deny_templates(self, kind: str) -> None:
        verdict = validated(Asked(kind=kind, object=embedding(kind, PRIVILEGED)), policy(templates=Action.DENY))

        assert not verdict.allowed
        assert verdict.message.startswith(f'Stridegate denied {kind} "web" in "shop"')

    @pytest.mark.parametrize(
        "user",
        [
            "system:serviceaccount:kube-system:deployment-controller",
            "system:serviceaccount:kube-system:cronjob-controller",
            "system:kube-controller-manager",
        ],
    )
    def test_what_a_controller_makes_gets_neither_warning_nor_denial(self, user: str) -> None:
        asked = Asked(kind="ReplicaSet", object=embedding("ReplicaSet", PRIVILEGED), user=user)

        verdict = validated(asked, policy(templates=Action.DENY))

        assert verdict.allowed
        assert verdict.warnings == ()

    def test_an_owner_reference_makes_no_controller(self) -> None:
        document = embedding("ReplicaSet", PRIVILEGED)
        document["metadata"] = {
            "name": "web-1",
            "ownerReferences": [{"kind": "Deployment", "name": "web", "controller": True}],
        }

        verdict = validated(Asked(kind="ReplicaSet", object=document), policy(templates=Action.DENY))

        assert not verdict.allowed

    def test_what_a_patch_will_heal_is_not_warned_about(self) -> None:
        document = embedding("Deployment", pod(container(allowPrivilegeEscalation=None)))

        verdict = validated(Asked(kind="Deployment", object=document), policy(patching=Patching.SAFE))

        assert verdict.warnings == ()

    def test_a_change_of_replicas_alone_is_silent(self) -> None:
        old = embedding("Deployment", PRIVILEGED)
        new = {**old, "spec": {**old["spec"], "replicas": 7}}  # type: ignore[dict-item] # a map

        verdict = validated(Asked(kind="Deployment", operation="UPDATE", object=new, old=old))

        assert verdict.warnings == ()

    def test_an_old_violation_is_silent_while_a_new_one_warns(self) -> None:
        old = embedding("Deployment", pod(container(readOnlyRootFilesystem=None)))
        new = embedding("Deployment", pod(container(readOnlyRootFilesystem=None, procMount="Unmasked")))

        verdict = validated(Asked(kind="Deployment", operation="UPDATE", object=new, old=old))

        assert [line.split(": ")[1].split()[0] for line in verdict.warnings] == ["unmasked-proc-mount"]

    @pytest.mark.parametrize("kind", TEMPLATED)
    @pytest.mark.parametrize("spec", [None, {}, {"template": None}, {"jobTemplate": None}])
    def test_a_workload_without_a_template_has_nothing_to_judge(self, kind: str, spec: JsonMap | None) -> None:
        verdict = validated(Asked(kind=kind, object={"metadata": {"name": "web"}, "spec": spec}))

        assert verdict.allowed
        assert verdict.warnings == ()


def test_every_warning_fits_its_header() -> None:
    names = [f"container-{'x' * 60}-{number}" for number in range(50)]
    document = pod({"containers": [{"name": name, "image": "x:1"} for name in names]})

    verdict = validated(Asked(object=document), policy(action=Action.WARN))

    assert len(verdict.warnings) == 8
    assert all(len(line) <= WARNING_RUNES for line in verdict.warnings)
    assert verdict.warnings[-1].endswith(" more: stridegate check")
