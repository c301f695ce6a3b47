"""Exempted reviews: what is let through, what is not, and what people read about it."""

from __future__ import annotations

from typing import Any

import pytest

from leaves import CREATED, DAY, EXPIRES, NOW, exemption, values
from reviewing import Asked, container, embedding, mutated, pod, policy, validated
from stridegate.admission.messages import WARNING_RUNES
from stridegate.admission.verdicts import Label
from stridegate.engine.catalogue import RULES
from stridegate.engine.examples import JsonMap, hardened_container
from stridegate.model.exemptions import Exemption
from stridegate.model.policies import CANARY_NAMESPACE, Workload
from stridegate.model.vocabulary import Action, Patching

WEB = Workload("Deployment", "web")
OWNED: dict[str, Any] = {
    "name": "web-5d4f-x7k2p",
    "generateName": "web-5d4f-",
    "labels": {"pod-template-hash": "5d4f"},
    "ownerReferences": [{"kind": "ReplicaSet", "name": "web-5d4f", "controller": True}],
}
# NET_ADMIN breaks no other rule.
ADMIN = pod(container(capabilities={"drop": ["ALL"], "add": ["NET_ADMIN"]}), **OWNED)
BOTH = pod({"hostPID": True, **container(capabilities={"drop": ["ALL"], "add": ["NET_ADMIN"]})}, **OWNED)


def web(name: str = "web-vpn", *rules: str, **fields: Any) -> Exemption:  # noqa: ANN401 - whatever an exemption has
    return exemption(name, *(rules or ("dangerous-capability",)), **{"workload": WEB, **fields})


def test_an_exempted_pod_is_admitted_and_the_audit_log_says_why() -> None:
    verdict = validated(Asked(object=ADMIN), exemptions=[web(containers=frozenset({"app"}))])

    assert verdict.allowed
    assert verdict.annotations["exempted"] == "dangerous-capability=web-vpn"
    assert "dangerous-capability" not in verdict.annotations["rules"]
    assert verdict.exempted == ("dangerous-capability",)
    assert verdict.warnings == ()


def test_a_denial_counts_what_is_exempted_and_does_not_list_it() -> None:
    verdict = validated(Asked(object=BOTH), exemptions=[web()])

    assert not verdict.allowed
    assert "(policy production): 1 violation, 1 exempted\n" in verdict.message
    assert "host-pid" in verdict.message
    assert "NET_ADMIN" not in verdict.message
    assert "host-pid=deny" in verdict.annotations["rules"]
    assert verdict.annotations["exempted"] == "dangerous-capability=web-vpn"


def test_without_an_exemption_a_denial_counts_none() -> None:
    assert "exempted" not in validated(Asked(object=BOTH)).message


def test_the_fix_of_a_denial_leaves_an_exempted_container_as_it_is() -> None:
    silent: JsonMap = {"securityContext": {"seccompProfile": None}, "initContainers": [{**hardened_container("old")}]}
    exempt = web("old", "missing-seccomp-profile", containers=frozenset({"old"}))

    denied = validated(Asked(object=pod(silent, **OWNED)), exemptions=[exempt]).message
    unexempted = validated(Asked(object=pod(silent, **OWNED))).message

    profile = '"securityContext":{"seccompProfile":{"type":"RuntimeDefault"}}'
    assert f'"containers":[{{"name":"app",{profile}}}]' in denied
    assert f'"template":{{"spec":{{{profile}}}}}' in unexempted


@pytest.mark.parametrize(
    "fields",
    [
        {"namespace": "other"},
        {"workload": Workload("Deployment", "webs")},
        {"containers": frozenset({"other"})},
        {"values": values(capability="SYS_ADMIN")},
        {"revoked": True},
        {"expires": CREATED + 91 * DAY},
        {"expires": NOW},
    ],
    ids=str,
)
def test_what_is_not_covered_is_denied(fields: dict[str, Any]) -> None:
    assert not validated(Asked(object=ADMIN), exemptions=[web(**fields)]).allowed


def test_the_clock_of_the_review_says_whether_an_exemption_has_ended() -> None:
    asked, granted = Asked(object=ADMIN), [web()]

    answers = [validated(asked, exemptions=granted, now=EXPIRES + late).allowed for late in (-1, 0, 1)]

    assert answers == [True, False, False]


@pytest.mark.parametrize("seconds", [-2.0, 0.0, 2.0])
def test_mutation_and_validation_agree_at_every_time(seconds: float) -> None:
    setuid = pod(container(allowPrivilegeEscalation=None), **OWNED)
    granted = [web("setuid", "privilege-escalation")]
    now = EXPIRES + seconds

    mutation = mutated(Asked(object=setuid), exemptions=granted, now=now)
    verdict = validated(Asked(object=setuid), policy(patching=Patching.ALL), exemptions=granted, now=now)

    assert verdict.allowed is (mutation.patch is None)


def test_an_exempted_finding_is_not_patched() -> None:
    setuid = pod(container(allowPrivilegeEscalation=None), **OWNED)

    patching = mutated(Asked(object=setuid))
    exempting = mutated(Asked(object=setuid), exemptions=[web("setuid", "privilege-escalation")])

    assert {slug for slug, _ in patching.healed} == {"privilege-escalation"}
    assert (exempting.label, exempting.patch) == (Label.ALLOWED, None)


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "ReplicationController"])
def test_a_template_is_exempted_by_its_own_workload(kind: str) -> None:
    asked = Asked(object=embedding(kind, ADMIN), kind=kind)
    denying = policy(templates=Action.DENY)

    own = validated(asked, denying, exemptions=[web(workload=Workload(kind, "web"))])
    other = validated(asked, denying, exemptions=[web(workload=Workload("Pod", "web"))])

    assert (own.allowed, other.allowed) == (True, False)


@pytest.mark.parametrize(
    "metadata", [{"name": "", "generateName": "batch-"}, {"name": "batch-x7k2p", "generateName": "batch-"}], ids=str
)
def test_a_bare_pod_with_a_generated_name_is_exempted_in_mutation_as_in_validation(metadata: dict[str, Any]) -> None:
    generated = pod(container(allowPrivilegeEscalation=None), **metadata)
    granted = [web("batch", "privilege-escalation", workload=Workload("Pod", "batch-"))]

    assert mutated(Asked(object=generated), exemptions=granted).patch is None
    assert validated(Asked(object=generated), exemptions=granted).allowed


def test_an_update_is_answerable_for_what_it_introduces_and_is_not_exempted() -> None:
    asked = Asked(object=ADMIN, old=pod({}, **OWNED), operation="UPDATE")

    assert validated(asked, exemptions=[web()]).allowed
    assert not validated(asked).allowed


def test_what_an_expired_exemption_let_in_stays_until_it_is_changed() -> None:
    relabelled = {**ADMIN, "metadata": {**OWNED, "labels": {**OWNED["labels"], "team": "x"}}}
    asked = Asked(object=relabelled, old=ADMIN, operation="UPDATE")

    assert validated(asked, exemptions=[web()], now=EXPIRES + DAY).allowed


def ephemeral(name: str) -> dict[str, Any]:
    return {"ephemeralContainers": [{"name": name, "image": "x", "securityContext": {"privileged": True}}]}


@pytest.mark.parametrize(("containers", "allowed"), [((), False), (("app",), False), (("debugger",), True)])
def test_an_ephemeral_container_is_exempted_only_when_it_is_named(containers: tuple[str, ...], allowed: bool) -> None:
    findings = ("privileged-container", "privilege-escalation", "possible-root-user", "undropped-capabilities")
    more = ("net-raw-capability", "missing-seccomp-profile", "writable-root-filesystem", "mutable-image-tag")
    granted = web("debug", *findings, *more, containers=frozenset(containers))
    old = pod({}, **OWNED)
    new = pod(ephemeral("debugger"), **OWNED)

    verdict = validated(
        Asked(object=new, old=old, operation="UPDATE", subresource="ephemeralcontainers"), exemptions=[granted]
    )

    assert verdict.allowed is allowed


def test_no_exemption_applies_in_the_namespace_that_proves_that_something_is_refused() -> None:
    privileged = pod(container(privileged=True, allowPrivilegeEscalation=None), **OWNED)
    granted = web("canary", "privileged-container", namespace=CANARY_NAMESPACE)

    verdict = validated(Asked(object=privileged, namespace=CANARY_NAMESPACE), exemptions=[granted])

    assert not verdict.allowed


def test_what_is_no_pod_is_exempted_by_its_own_kind_and_name() -> None:
    public: JsonMap = {"metadata": {"name": "web", "namespace": "shop"}, "spec": {"externalIPs": ["192.0.2.1"]}}
    asked = Asked(object=public, kind="Service")
    own = web("public", "service-external-ip", workload=Workload("Service", "web"))
    other = web("public", "service-external-ip", workload=WEB)

    answers = [validated(asked, exemptions=granted).allowed for granted in ([], [own], [other])]

    assert answers == [False, True, False]


def test_what_belongs_to_no_namespace_is_never_exempted() -> None:
    volume: JsonMap = {"metadata": {"name": "data"}, "spec": {"hostPath": {"path": "/etc"}}}
    asked = Asked(object=volume, kind="PersistentVolume", namespace=None)
    granted = web("data", *RULES, namespace="", workload=Workload("PersistentVolume", "data"))

    assert not validated(asked).allowed
    assert not validated(asked, exemptions=[granted]).allowed


def test_what_is_exempted_where_pods_are_only_warned_about_is_not_warned_about() -> None:
    warning = policy(action=Action.WARN)

    assert len(validated(Asked(object=BOTH), warning).warnings) == 2
    assert len(validated(Asked(object=BOTH), warning, exemptions=[web()]).warnings) == 1


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (7 * DAY + 1, None),
        (7 * DAY, "in 7 days"),
        (DAY * 1.5, "in 1 day,"),
        (3600, "within a day"),
        (1, "within a day"),
    ],
)
def test_in_its_last_seven_days_an_exemption_is_warned_about(left: float, said: str | None) -> None:
    verdict = validated(Asked(object=ADMIN), exemptions=[web(owner="team-web")], now=EXPIRES - left)

    if said is None:
        assert verdict.warnings == ()
    else:
        (line,) = verdict.warnings
        assert line.startswith('exemption "web-vpn" ends ')
        assert said in line
        assert line.endswith("at 2027-02-14T08:00:00Z, owner team-web: dangerous-capability")


def test_an_exemption_that_has_a_successor_is_not_warned_about() -> None:
    granted = [web("old"), web("new", expires=EXPIRES + 30 * DAY)]

    assert validated(Asked(object=ADMIN), exemptions=granted, now=EXPIRES - 1).warnings == ()


def test_an_exemption_from_what_is_only_audited_is_not_warned_about() -> None:
    verdict = validated(Asked(object=ADMIN), policy(action=Action.AUDIT), exemptions=[web()], now=EXPIRES - 1)

    assert verdict.warnings == ()


def test_a_warning_about_an_exemption_is_one_line_of_bounded_length() -> None:
    hostile = web(owner="\x1b[31mteam\n\u202e" + "x" * 300)

    (line,) = validated(Asked(object=ADMIN), exemptions=[hostile], now=EXPIRES - 1).warnings

    assert len(line) <= WARNING_RUNES
    assert line.isprintable()


def test_many_exemptions_that_end_share_the_room_of_all_warnings() -> None:
    rules = ["dangerous-capability", "host-pid"]
    granted = [web(f"e{index}", rules[index % 2], expires=EXPIRES + index) for index in range(2)]

    verdict = validated(Asked(object=BOTH), exemptions=granted, now=EXPIRES - 1)

    assert [line.split('"')[1] for line in verdict.warnings] == ["e0", "e1"]


def test_a_denial_sends_no_warnings_about_exemptions() -> None:
    assert validated(Asked(object=BOTH), exemptions=[web()], now=EXPIRES - 1).warnings == ()
