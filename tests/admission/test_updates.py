"""What validation makes of updates: only what they introduce or worsen counts."""

from __future__ import annotations

import pytest

from reviewing import PRIVILEGED, Asked, container, pod, policy, validated
from stridegate.admission.errors import UnreadableObject
from stridegate.admission.verdicts import State
from stridegate.engine.examples import JsonMap
from stridegate.model.vocabulary import Action, Patching


class TestUpdates:
    @pytest.mark.parametrize(
        "metadata",
        [
            {"labels": {"a": "b"}},
            {"finalizers": []},
            {"deletionTimestamp": "2030-01-01T00:00:00Z"},
            {"ownerReferences": [{"kind": "ReplicaSet", "name": "x", "controller": True}]},
        ],
    )
    def test_metadata_of_a_violating_pod_may_change(self, metadata: JsonMap) -> None:
        new = {**PRIVILEGED, "metadata": {**metadata, "name": "web"}}

        verdict = validated(Asked(operation="UPDATE", object=new, old=PRIVILEGED))

        assert verdict.allowed

    def test_an_image_that_changes_in_a_privileged_pod_is_judged_anew(self) -> None:
        new = pod({"containers": [{"name": "app", "image": "other", "securityContext": {"privileged": True}}]})
        old = pod(container(privileged=True))

        verdict = validated(Asked(operation="UPDATE", object=new, old=old))

        assert not verdict.allowed

    def test_being_deleted_is_no_excuse_for_another_image(self) -> None:
        new = pod(
            {"containers": [{"name": "app", "image": "other", "securityContext": {"privileged": True}}]},
            deletionTimestamp="2030-01-01T00:00:00Z",
        )

        verdict = validated(Asked(operation="UPDATE", object=new, old=pod(container(privileged=True))))

        assert not verdict.allowed

    def test_what_was_there_before_is_counted_and_not_denied(self) -> None:
        new = pod({**container(privileged=True), "tolerations": [{"key": "x"}], "activeDeadlineSeconds": 7})
        new["metadata"] = {"name": "web", "annotations": {"a": "b"}}
        old = pod(container(privileged=True))

        verdict = validated(Asked(operation="UPDATE", object=new, old=old))

        assert verdict.allowed
        assert {count.state for count in verdict.counts} == {State.EXISTING}

    def test_an_update_without_the_old_object_is_denied(self) -> None:
        with pytest.raises(UnreadableObject, match="oldObject"):
            validated(Asked(operation="UPDATE", object=pod(), old=None))

    def test_an_ephemeral_container_that_is_added_is_judged(self) -> None:
        debug: JsonMap = {"name": "debug", "image": "x:1", "securityContext": {"privileged": True}}
        new = pod({"ephemeralContainers": [debug]})

        verdict = validated(Asked(operation="UPDATE", subresource="ephemeralcontainers", object=new, old=pod()))

        assert "ephemeralContainers[debug]: securityContext.privileged" in verdict.message

    def test_a_good_ephemeral_container_beside_an_old_bad_one_is_allowed(self) -> None:
        bad: JsonMap = {"name": "old", "image": "x:1", "securityContext": {"privileged": True}}
        confined: JsonMap = {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        good: JsonMap = {"name": "new", "image": "x:1", "securityContext": confined}
        old, new = pod({"ephemeralContainers": [bad]}), pod({"ephemeralContainers": [bad, good]})

        verdict = validated(Asked(operation="UPDATE", subresource="ephemeralcontainers", object=new, old=old))

        assert verdict.allowed

    def test_a_resize_that_touches_nothing_bad_is_allowed_in_a_violating_pod(self) -> None:
        old = pod(container(privileged=True))
        limits: JsonMap = {"limits": {"memory": "32Mi"}}
        new = pod({"containers": [{"name": "app", "resources": limits, "securityContext": {"privileged": True}}]})

        verdict = validated(Asked(operation="UPDATE", subresource="resize", object=new, old=old))

        assert verdict.allowed


class TestOverwrittenPatches:
    def test_a_healed_violation_that_is_back_is_counted(self) -> None:
        document = pod(
            container(allowPrivilegeEscalation=None),
            annotations={"stridegate.dev/patched": "privilege-escalation,root-user;v0.1.0"},
        )

        verdict = validated(Asked(object=document), policy(action=Action.WARN, patching=Patching.SAFE))

        assert verdict.overwritten == ("privilege-escalation",)

    def test_what_the_webhook_would_not_heal_it_never_healed(self) -> None:
        document = pod(
            container(privileged=True), annotations={"stridegate.dev/patched": "privileged-container;v0.1.0"}
        )

        verdict = validated(Asked(object=document), policy(action=Action.WARN, patching=Patching.ALL))

        assert verdict.overwritten == ()

    @pytest.mark.parametrize("record", ["", ";", "no-such-rule;v9", "🙂" * 500, ",,,;;"])
    def test_what_stands_in_the_annotation_is_only_compared(self, record: str) -> None:
        document = pod(container(privileged=True), annotations={"stridegate.dev/patched": record})

        verdict = validated(Asked(object=document))

        assert verdict.overwritten == ()
        assert not verdict.allowed
