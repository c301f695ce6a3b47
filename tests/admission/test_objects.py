"""What validation makes of requests that are no pods: Services, PersistentVolumes, Jobs, exec and attach, and kinds of the chart's choice."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from leaves import NOW
from reviewing import PRIVILEGED, Asked, embedding, pod, policy, rulebook, validated
from stridegate.admission.errors import BadEmbedder, CannotJudge, UnknownSubject
from stridegate.admission.kinds import Embedder, kinds_with, read_embedder
from stridegate.admission.policy_set import PolicySet, compiled, empty_policy_set
from stridegate.admission.reviews import read_review
from stridegate.admission.subjects import scope_of
from stridegate.admission.validation import validate
from stridegate.admission.verdicts import Label, Verdict
from stridegate.engine.catalogue import RULES
from stridegate.engine.examples import JsonMap
from stridegate.model.policies import Exclusion, LabelSelector, Operator, Policy, Requirement, RuleSetting, Workload
from stridegate.model.rules import Parameters
from stridegate.model.vocabulary import Action, Profile

SHOP = LabelSelector((Requirement("kubernetes.io/metadata.name", Operator.IN, frozenset({"shop"})),))


def naming(*slugs: str, action: Action = Action.DENY, parameters: Parameters | None = None, **more: Any) -> Policy:  # noqa: ANN401 - whatever a policy has
    """Return a policy that names some rules."""
    setting = RuleSetting(action=action, parameters=parameters or Parameters())
    return policy(profile=Profile.BASELINE, rules=dict.fromkeys(slugs, setting), **more)


def service(**spec: Any) -> JsonMap:  # noqa: ANN401 - whatever a Service has
    return {"metadata": {"name": "web", "namespace": "shop"}, "spec": {"ports": [{"port": 80}], **spec}}


def volume(**spec: Any) -> JsonMap:  # noqa: ANN401 - whatever a volume has
    return {"metadata": {"name": "disk"}, "spec": {"capacity": {"storage": "1Gi"}, **spec}}


NODE_PATH = Asked(kind="PersistentVolume", name="disk", namespace=None, object=volume(hostPath={"path": "/run"}))


class TestServices:
    def test_an_external_address_is_denied_under_its_own_name(self) -> None:
        verdict = validated(Asked(kind="Service", object=service(externalIPs=["203.0.113.7"])))

        assert not verdict.allowed
        assert verdict.message == (
            'Stridegate denied Service "web" in "shop" (policy production): 1 violation\n'
            "1. service-external-ip [S, high] service: externalIPs is 203.0.113.7 → must hold no address that the "
            "request adds\n"
            "no automatic fix: 1 · exempt: stridegate exemption create -n shop --rule service-external-ip "
            "--workload Service/web · help: stridegate explain <slug>"
        )

    def test_an_update_answers_for_the_addresses_that_it_adds(self) -> None:
        old, new = service(externalIPs=["203.0.113.7"]), service(externalIPs=["203.0.113.7", "198.51.100.9"])

        verdict = validated(Asked(kind="Service", operation="UPDATE", object=new, old=old))

        assert "externalIPs is 198.51.100.9" in verdict.message
        assert "203.0.113.7" not in verdict.message

    @pytest.mark.parametrize(
        "new",
        [
            service(externalIPs=["203.0.113.7"]),
            service(externalIPs=["203.0.113.7"], selector={"app": "other"}),
            service(externalIPs=[]),
            service(),
        ],
    )
    def test_keeping_or_removing_an_address_passes(self, new: JsonMap) -> None:
        old = service(externalIPs=["203.0.113.7"])

        verdict = validated(Asked(kind="Service", operation="UPDATE", object=new, old=old))

        assert verdict.allowed

    def test_an_open_load_balancer_is_audited_until_a_policy_names_it(self) -> None:
        asked = Asked(kind="Service", object=service(type="LoadBalancer"))

        unnamed, named = validated(asked), validated(asked, naming("open-load-balancer"))

        assert unnamed.annotations["rules"] == "open-load-balancer=audit"
        assert not named.allowed
        assert named.message.startswith('Stridegate denied Service "web" in "shop"')

    def test_a_warning_is_about_the_service_itself(self) -> None:
        verdict = validated(
            Asked(kind="Service", object=service(type="LoadBalancer")), naming("open-load-balancer", action=Action.WARN)
        )

        assert verdict.allowed
        assert [line.split(" ")[0] for line in verdict.warnings] == ["open-load-balancer"]

    def test_a_policy_may_exclude_a_service_by_name(self) -> None:
        excluded = Exclusion(
            namespaces=frozenset({"shop"}), reason="the edge", workload=Workload("Service", "web"), rules=frozenset()
        )

        verdict = validated(
            Asked(kind="Service", object=service(externalIPs=["203.0.113.7"])), policy(exclude=(excluded,))
        )

        assert verdict.allowed

    @pytest.mark.parametrize("spec", [None, {}, {"externalIPs": None, "type": None}])
    def test_what_is_missing_counts_as_absent(self, spec: JsonMap | None) -> None:
        verdict = validated(Asked(kind="Service", object={"metadata": None, "spec": spec}))

        assert verdict.allowed

    @pytest.mark.parametrize("spec", ["none", {"externalIPs": "203.0.113.7"}, {"externalIPs": [1]}, []])
    def test_what_is_no_service_cannot_be_judged(self, spec: Any) -> None:  # noqa: ANN401 - any JSON
        with pytest.raises(CannotJudge, match="this Service"):
            validated(Asked(kind="Service", object={"spec": spec}))

    def test_an_update_without_the_old_service_cannot_be_judged(self) -> None:
        with pytest.raises(CannotJudge, match="oldObject"):
            validated(Asked(kind="Service", operation="UPDATE", object=service()))


class TestPersistentVolumes:
    @pytest.mark.parametrize("source", [{"hostPath": {"path": "/data"}}, {"local": {"path": "/mnt/disk"}}])
    def test_a_path_of_a_node_is_denied(self, source: JsonMap) -> None:
        verdict = validated(replace(NODE_PATH, object=volume(**source)))

        assert not verdict.allowed
        assert verdict.message.startswith(
            'Stridegate denied PersistentVolume "disk" (policy production): 1 violation\n'
        )

    def test_it_is_told_what_the_path_leads_to(self) -> None:
        verdict = validated(NODE_PATH)

        assert "volume: hostPath is /run, which reaches /run/docker.sock → must be storage" in verdict.message

    def test_what_a_driver_provides_passes(self) -> None:
        verdict = validated(replace(NODE_PATH, object=volume(csi={"driver": "storage.example"})))

        assert verdict.allowed

    def test_a_change_that_leaves_the_path_alone_passes(self) -> None:
        bound = volume(hostPath={"path": "/run"}, claimRef={"name": "data"})

        verdict = validated(replace(NODE_PATH, operation="UPDATE", object=bound, old=NODE_PATH.object))

        assert verdict.allowed

    def test_a_policy_that_selects_namespaces_says_nothing_about_it(self) -> None:
        verdict = validated(NODE_PATH, policy(selector=SHOP))

        assert verdict.allowed
        assert verdict.label is Label.NO_POLICY
        assert verdict.annotations["policy"] == "default"

    @pytest.mark.parametrize("operator", [Operator.NOT_IN, Operator.DOES_NOT_EXIST])
    def test_a_selector_that_no_label_meets_as_well_selects_namespaces(self, operator: Operator) -> None:
        selector = LabelSelector((Requirement("tier", operator, frozenset({"test"})),))

        verdict = validated(NODE_PATH, policy(selector=selector))

        assert verdict.allowed

    def test_only_the_policies_that_select_everything_are_asked(self) -> None:
        verdict = validated(NODE_PATH, policy("all", action=Action.WARN), policy("shop", selector=SHOP))

        assert verdict.allowed
        assert verdict.annotations["policy"] == "all"
        assert [line.split(" ")[0] for line in verdict.warnings] == ["host-path-persistent-volume"]

    def test_no_exclusion_covers_it_since_it_is_in_no_namespace(self) -> None:
        excluded = Exclusion(namespaces=frozenset({"shop", "default"}), reason="test")

        verdict = validated(NODE_PATH, policy(exclude=(excluded,)))

        assert not verdict.allowed

    def test_it_belongs_to_no_namespace_whatever_a_review_says(self) -> None:
        request = read_review(replace(NODE_PATH, namespace="shop").body())

        assert scope_of(request) is None

    def test_the_policy_of_the_canary_never_judges_it(self) -> None:
        known: PolicySet = empty_policy_set(RULES)

        found = known.rulebook(None)

        assert found is not None
        assert (found.regime.policies, found.selected) == (("default",), False)

    def test_what_belongs_to_no_namespace_is_known_without_any(self) -> None:
        known = empty_policy_set(RULES).with_policies([compiled(policy("all"), RULES)])

        found = known.rulebook(None)

        assert found is not None
        assert found.regime.policies == ("all",)
        assert known.rulebook("") is None


class TestJobs:
    RETRIED = "unbounded-job-retries"

    @staticmethod
    def job(kind: str, limit: int | None, document: JsonMap | None = None) -> JsonMap:
        found: Any = embedding(kind, document or pod())
        spec = found["spec"]["jobTemplate"]["spec"] if kind == "CronJob" else found["spec"]
        spec["backoffLimit"] = limit
        return {**found}

    @pytest.mark.parametrize("kind", ["Job", "CronJob"])
    def test_its_retries_are_judged_beside_the_pods_it_will_make(self, kind: str) -> None:
        asked = Asked(kind=kind, object=self.job(kind, 9, PRIVILEGED))

        verdict = validated(asked, naming(self.RETRIED, "privileged-container", templates=Action.DENY))

        assert not verdict.allowed
        assert verdict.message.startswith(f'Stridegate denied {kind} "web" in "shop" (policy production): 2 violations')
        assert f"{self.RETRIED} [D, low] job: backoffLimit is 9 → must be at most 5" in verdict.message

    @pytest.mark.parametrize("kind", ["Job", "CronJob"])
    def test_a_template_is_denied_only_where_the_policy_denies_templates(self, kind: str) -> None:
        verdict = validated(Asked(kind=kind, object=self.job(kind, None, PRIVILEGED)), naming(self.RETRIED))

        assert verdict.allowed
        assert [line.split(" [")[0] for line in verdict.warnings] == [
            f"pods of this {kind} will be denied: privileged-container",
            self.RETRIED,
        ]

    def test_a_job_that_a_cron_job_makes_is_not_warned_about(self) -> None:
        asked = Asked(
            kind="Job",
            object=self.job("Job", 9),
            user="system:serviceaccount:kube-system:cronjob-controller",
        )

        verdict = validated(asked, naming(self.RETRIED, templates=Action.DENY))

        assert verdict.allowed
        assert verdict.warnings == ()

    def test_an_update_that_leaves_the_limit_alone_passes(self) -> None:
        old, new = self.job("CronJob", 9), self.job("CronJob", 9, pod({"priorityClassName": "other"}))

        verdict = validated(
            Asked(kind="CronJob", operation="UPDATE", object=new, old=old), naming(self.RETRIED, templates=Action.DENY)
        )

        assert verdict.allowed
        assert [count.state.value for count in verdict.counts if count.slug == self.RETRIED] == ["existing"]

    def test_a_cron_job_whose_suspension_alone_changes_is_not_looked_at(self) -> None:
        old: Any = self.job("CronJob", 9)
        new = {**old, "spec": {**old["spec"], "suspend": True}}

        verdict = validated(Asked(kind="CronJob", operation="UPDATE", object=new, old=old), naming(self.RETRIED))

        assert verdict.counts == ()

    @pytest.mark.parametrize("document", [{"spec": None}, {"spec": {}}, {"spec": {"jobTemplate": None}}])
    def test_a_cron_job_without_a_template_has_no_limit_either(self, document: JsonMap) -> None:
        verdict = validated(Asked(kind="CronJob", object=document), naming(self.RETRIED))

        assert [line.split(" [")[0] for line in verdict.warnings] == [self.RETRIED]


class TestConnections:
    GUARDED = naming(
        "exec-into-privileged-pod", parameters=Parameters(namespaces=("shop",), groups=("keepers", "system:masters"))
    )

    @staticmethod
    def connect(subresource: str, *groups: str, **more: Any) -> Asked:  # noqa: ANN401 - whatever a request has
        kind = "PodExecOptions" if subresource == "exec" else "PodAttachOptions"
        options: JsonMap = {"apiVersion": "v1", "kind": kind, "stdin": True, "container": "app", "command": ["sh"]}
        return Asked(
            operation="CONNECT", subresource=subresource, object=options, object_kind=kind, groups=groups, **more
        )

    @pytest.mark.parametrize(("subresource", "noun"), [("exec", "exec into pod"), ("attach", "attach to pod")])
    def test_who_is_in_none_of_the_groups_is_kept_out_of_a_guarded_namespace(self, subresource: str, noun: str) -> None:
        verdict = validated(self.connect(subresource, "developers"), self.GUARDED)

        assert not verdict.allowed
        assert verdict.message == (
            f'Stridegate denied {noun} "web" in "shop" (policy production): 1 violation\n'
            "1. exec-into-privileged-pod [RE, high] user: groups is [developers] → must include one of [keepers, "
            "system:masters]\n"
            "no automatic fix: 1 · exempt: stridegate exemption create -n shop --rule exec-into-privileged-pod "
            "--workload pod/web · help: stridegate explain <slug>"
        )

    @pytest.mark.parametrize("subresource", ["exec", "attach"])
    def test_a_member_gets_in(self, subresource: str) -> None:
        verdict = validated(self.connect(subresource, "developers", "keepers"), self.GUARDED)

        assert verdict.allowed
        assert verdict.warnings == ()

    def test_where_no_namespace_is_named_nothing_is_guarded(self) -> None:
        verdict = validated(self.connect("exec", "developers"), naming("exec-into-privileged-pod"))

        assert verdict.allowed

    def test_the_namespace_is_the_requests(self) -> None:
        asked = self.connect("exec", "developers", namespace="elsewhere")

        verdict = validate(read_review(asked.body()), rulebook(self.GUARDED), now=NOW)

        assert verdict.allowed

    def test_a_policy_may_exclude_a_pod_by_name(self) -> None:
        excluded = Exclusion(namespaces=frozenset({"shop"}), reason="a shell", workload=Workload("Pod", "web"))

        verdict = validated(self.connect("exec", "developers"), replace(self.GUARDED, exclude=(excluded,)))

        assert verdict.allowed


class TestFurtherKinds:
    ROLLOUT = Embedder(
        group="argoproj.io", version="v1alpha1", resource="rollouts", kind="Rollout", path=("spec", "template")
    )

    def judged(self, document: JsonMap, *, kind: str = "Rollout", embedder: Embedder = ROLLOUT) -> Verdict:
        asked = Asked(kind=kind, object=document).document()
        asked["request"]["resource"] = {
            "group": embedder.group,
            "version": embedder.version,
            "resource": embedder.resource,
        }
        asked["request"]["kind"] = {"group": embedder.group, "version": embedder.version, "kind": kind}
        return validate(
            read_review(json.dumps(asked).encode()),
            rulebook(policy(templates=Action.DENY)),
            kinds_with([embedder]),
            now=NOW,
        )

    def test_a_template_is_judged_where_it_is_said_to_be(self) -> None:
        verdict = self.judged(embedding("Deployment", PRIVILEGED))

        assert not verdict.allowed
        assert verdict.message.startswith('Stridegate denied Rollout "web" in "shop"')

    def test_a_template_may_stand_anywhere(self) -> None:
        embedder = replace(self.ROLLOUT, path=("workers", "spec", "spec", "template"))
        document: JsonMap = {
            "metadata": {"name": "web"},
            "workers": {"spec": {"spec": {"template": {"spec": PRIVILEGED["spec"]}}}},
        }

        verdict = self.judged(document, embedder=embedder)

        assert not verdict.allowed

    @pytest.mark.parametrize("document", [{}, {"spec": None}, {"spec": {"workloadRef": {"kind": "Deployment"}}}])
    def test_one_without_a_template_has_nothing_to_judge(self, document: JsonMap) -> None:
        verdict = self.judged(document)

        assert verdict.allowed

    def test_another_kind_under_that_resource_cannot_be_judged(self) -> None:
        with pytest.raises(UnknownSubject):
            self.judged(embedding("Deployment", PRIVILEGED), kind="Scale")

    def test_where_nobody_names_it_it_cannot_be_judged(self) -> None:
        with pytest.raises(UnknownSubject):
            validated(Asked(kind="Rollout", object=embedding("Deployment", PRIVILEGED)))

    def test_what_is_judged_already_cannot_be_named_again(self) -> None:
        again = replace(self.ROLLOUT, group="", version="v1", resource="pods")

        with pytest.raises(BadEmbedder, match="/v1/pods"):
            kinds_with([again])

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "rollouts",
            "argoproj.io/rollouts=Rollout:spec.template",
            "argoproj.io/v1alpha1/rollouts=Rollout",
            "argoproj.io/v1alpha1/rollouts=Rollout:",
            "argoproj.io/v1alpha1/rollouts=Rollout:spec..template",
            "argoproj.io/v1alpha1/rollouts=Rollout:spec.template\n",
            "argoproj.io/v1alpha1/*=Rollout:spec.template",
        ],
    )
    def test_what_names_no_kind_and_path_is_refused(self, text: str) -> None:
        with pytest.raises(BadEmbedder, match="GROUP/VERSION/RESOURCE=KIND:PATH"):
            read_embedder(text)
