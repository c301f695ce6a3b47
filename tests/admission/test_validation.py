"""What validation makes of pods, and of requests that carry none."""

from __future__ import annotations

import pytest

from leaves import NOW
from reviewing import PRIVILEGED, Asked, container, pod, policy, rulebook, validated
from stridegate.admission.errors import CannotJudge, UnknownSubject
from stridegate.admission.reviews import read_review
from stridegate.admission.validation import validate
from stridegate.admission.verdicts import Label
from stridegate.engine.examples import JsonMap
from stridegate.model.policies import Exclusion, RuleSetting
from stridegate.model.vocabulary import Action, Profile

MIRROR: JsonMap = {"annotations": {"kubernetes.io/config.mirror": "c0ffee"}}


NODE = {"user": "system:node:node1", "groups": ("system:nodes", "system:authenticated")}


def slugs_of(message: str) -> list[str]:
    """Return the slugs that a denial lists, in its order."""
    return [line.split()[1] for line in message.splitlines() if line[:1].isdigit()]


class TestPods:
    def test_a_hardened_pod_is_allowed_without_a_word(self) -> None:
        verdict = validated(Asked(object=pod()))

        assert verdict.allowed
        assert (verdict.label, verdict.warnings, verdict.message) == (Label.ALLOWED, (), "")

    def test_a_privileged_pod_is_denied_with_every_violation_worst_first(self) -> None:
        verdict = validated(Asked(object=PRIVILEGED))

        assert not verdict.allowed
        assert slugs_of(verdict.message) == ["privileged-container", "privilege-escalation"]

    def test_where_policies_only_warn_it_is_allowed_with_warnings(self) -> None:
        verdict = validated(Asked(object=PRIVILEGED), policy(action=Action.WARN))

        assert verdict.allowed
        assert [line.split()[0] for line in verdict.warnings] == ["privileged-container", "privilege-escalation"]

    def test_where_policies_only_audit_nobody_is_told_but_the_audit_log(self) -> None:
        verdict = validated(Asked(object=PRIVILEGED), policy(action=Action.AUDIT))

        assert verdict.allowed
        assert verdict.warnings == ()
        audited = verdict.annotations["rules"].split(",")
        assert audited[:2] == ["privileged-container=audit", "privilege-escalation=audit"]

    def test_where_no_policy_speaks_the_built_in_one_audits(self) -> None:
        verdict = validate(read_review(Asked(object=PRIVILEGED).body()), rulebook(), now=NOW)

        assert verdict.allowed
        assert verdict.label is Label.NO_POLICY
        assert verdict.annotations["decision"] == "no-policy"
        assert verdict.annotations["policy"] == "default"
        assert verdict.annotations["rules"].split(",")[0] == "privileged-container=audit"
        assert "privilege-escalation" not in verdict.annotations["rules"]

    def test_an_advisory_rule_is_only_audited_until_a_policy_names_it(self) -> None:
        request = Asked(object=pod())

        unnamed = validated(request)
        named = validated(request, policy(rules={"undigested-image": RuleSetting(action=Action.DENY)}))

        assert "undigested-image=audit" in unnamed.annotations["rules"].split(",")
        assert slugs_of(named.message) == ["undigested-image"]

    def test_the_strictest_of_two_policies_wins(self) -> None:
        verdict = validated(
            Asked(object=PRIVILEGED),
            policy("mild", action=Action.WARN),
            policy("strict", action=Action.DENY, profile=Profile.BASELINE),
        )

        assert not verdict.allowed
        assert slugs_of(verdict.message) == ["privileged-container"]
        assert "(policy strict)" in verdict.message

    def test_a_denial_brings_no_warnings(self) -> None:
        verdict = validated(Asked(object=PRIVILEGED), policy("mild", action=Action.WARN), policy("strict"))

        assert not verdict.allowed
        assert verdict.warnings == ()

    def test_what_a_policy_excludes_it_does_not_judge(self) -> None:
        excluded = Exclusion(namespaces=frozenset({"shop"}), reason="test", containers=frozenset({"app"}))

        verdict = validated(Asked(object=PRIVILEGED), policy(exclude=(excluded,)))

        assert verdict.allowed

    def test_the_namespace_is_the_requests_never_the_objects(self) -> None:
        excluded = Exclusion(namespaces=frozenset({"trusted"}), reason="test")
        document = pod(container(privileged=True), namespace="trusted")

        verdict = validated(Asked(object=document, namespace="shop"), policy(exclude=(excluded,)))

        assert not verdict.allowed
        assert '"shop"' in verdict.message

    @pytest.mark.parametrize(
        "shape",
        [
            {},
            {"spec": None},
            {"metadata": None, "spec": {}},
            {"metadata": {}, "spec": {"containers": None}},
            {"metadata": {}, "spec": {"containers": [{}]}},
            {"metadata": {}, "spec": {"containers": [{"securityContext": {"capabilities": {}}, "resources": None}]}},
        ],
    )
    def test_what_is_missing_counts_as_absent_and_breaks_nothing(self, shape: JsonMap) -> None:
        verdict = validated(Asked(object=shape))

        assert verdict.faults == ()

    def test_a_name_that_is_yet_to_be_made_up_is_shown_by_its_beginning(self) -> None:
        document = pod(container(privileged=True))
        document["metadata"] = {"generateName": "web-"}

        verdict = validated(Asked(object=document, name=""))

        assert 'pod "web-…"' in verdict.message

    def test_an_enum_value_of_the_next_minor_fails(self) -> None:
        document = pod({"securityContext": {"seccompProfile": {"type": "StricterThanEver"}}})

        verdict = validated(Asked(object=document))

        assert not verdict.allowed

    def test_a_volume_source_of_the_next_minor_fails(self) -> None:
        document = pod({"volumes": [{"name": "data", "quantumStorage": {}}]})

        verdict = validated(Asked(object=document))

        assert slugs_of(verdict.message) == ["unlisted-volume-type"]

    def test_a_volume_without_a_source_is_an_empty_one(self) -> None:
        verdict = validated(Asked(object=pod({"volumes": [{"name": "data"}]})))

        assert verdict.allowed

    @pytest.mark.parametrize("name", ["a/b", "a~b", "~1", "/", "~0~1/"])
    def test_names_with_signs_of_pointers_are_judged_like_others(self, name: str) -> None:
        document = pod({"containers": [{"name": name, "image": "x:1", "securityContext": {"privileged": True}}]})

        verdict = validated(Asked(object=document))

        assert f"containers[{name}]: securityContext.privileged is true" in verdict.message

    def test_containers_of_one_name_in_two_lists_are_both_judged(self) -> None:
        twin: JsonMap = {"name": "app", "image": "x:1", "securityContext": {"privileged": True}}
        document = pod({"initContainers": [twin]})

        verdict = validated(Asked(object=document))

        assert "initContainers[app]: securityContext.privileged" in verdict.message


class TestOtherRequests:
    @pytest.mark.parametrize("subresource", ["status", "binding", "eviction", "log", "proxy", "portforward"])
    @pytest.mark.parametrize("operation", ["CREATE", "UPDATE", "CONNECT"])
    def test_subresources_that_carry_no_pod_are_allowed_by_name(self, subresource: str, operation: str) -> None:
        verdict = validated(Asked(operation=operation, subresource=subresource, object={"x": 1}, object_kind="Binding"))

        assert verdict.allowed
        assert verdict.label is Label.IGNORED

    def test_a_subresource_that_nobody_knows_is_judged_like_an_update(self) -> None:
        new = pod({"containers": [{"name": "app", "image": "other", "securityContext": {"privileged": True}}]})

        verdict = validated(Asked(operation="UPDATE", subresource="teleport", object=new, old=pod()))

        assert not verdict.allowed

    @pytest.mark.parametrize("operation", ["CREATE", "UPDATE", "CONNECT"])
    @pytest.mark.parametrize(
        ("subresource", "kind"),
        [("exec", "PodAttachOptions"), ("attach", "Pod"), ("teleport", "PodExecOptions"), ("", "PodExecOptions")],
    )
    def test_what_would_look_like_a_harmless_pod_is_not_taken_for_one(
        self, operation: str, subresource: str, kind: str
    ) -> None:
        asked = Asked(operation=operation, subresource=subresource, object={"stdin": True}, object_kind=kind)

        with pytest.raises(UnknownSubject, match=kind):
            validated(asked)

    def test_a_deletion_introduces_nothing(self) -> None:
        verdict = validated(Asked(operation="DELETE", old=PRIVILEGED))

        assert verdict.allowed
        assert verdict.label is Label.IGNORED

    @pytest.mark.parametrize("kind", ["Widget", "Secret", ""])
    @pytest.mark.parametrize("operation", ["CREATE", "UPDATE", "DELETE", "CONNECT", ""])
    def test_a_kind_that_nobody_knows_cannot_be_judged(self, kind: str, operation: str) -> None:
        with pytest.raises(CannotJudge, match="cannot judge"):
            validated(Asked(kind=kind, operation=operation, object=pod(), old=pod()))

    def test_a_scale_of_a_deployment_cannot_be_judged(self) -> None:
        with pytest.raises(UnknownSubject, match="Scale"):
            validated(Asked(kind="Deployment", subresource="scale", object_kind="Scale", operation="UPDATE", object={}))

    @pytest.mark.parametrize("operation", ["", "PATCH", "create"])
    def test_an_operation_that_nobody_knows_cannot_be_judged(self, operation: str) -> None:
        with pytest.raises(UnknownSubject):
            validated(Asked(operation=operation, object=pod(), old=pod()))


class TestMirrorPods:
    def test_the_mirror_of_a_static_pod_is_warned_about_only(self) -> None:
        document = pod({**container(privileged=True), "nodeName": "node1"}, **MIRROR)

        verdict = validated(Asked(object=document, **NODE))  # type: ignore[arg-type] # two of its fields

        assert verdict.allowed
        assert verdict.warnings

    @pytest.mark.parametrize(
        ("metadata", "node", "asker"),
        [
            (MIRROR, "node1", {}),
            (MIRROR, "node2", NODE),
            (MIRROR, None, NODE),
            ({}, "node1", NODE),
            (MIRROR, "node1", {"user": "system:node:node1"}),
        ],
        ids=["a person", "another node's", "no node", "no annotation", "not of the nodes' group"],
    )
    def test_anything_less_is_an_ordinary_pod(self, metadata: JsonMap, node: str | None, asker: JsonMap) -> None:
        document = pod({**container(privileged=True), "nodeName": node}, **metadata)

        verdict = validated(Asked(object=document, **asker))  # type: ignore[arg-type] # two of its fields

        assert not verdict.allowed
