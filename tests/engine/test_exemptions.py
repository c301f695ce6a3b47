"""An exemption takes the findings that it names, for as long as it lasts, and no others."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from leaves import CREATED, DAY, EXPIRES, NOW, exemption, let_off, values
from specimens import HERE, THERE, laid_over, policy, regime, slugs, view
from stridegate.engine.catalogue import POD_RULES
from stridegate.engine.decide import Circumstances, decide, patches
from stridegate.engine.evaluate import evaluate
from stridegate.engine.examples import JsonMap
from stridegate.engine.exemptions import compile_exemptions
from stridegate.engine.mend import mend
from stridegate.engine.policies import Regime
from stridegate.engine.workloads import known_as
from stridegate.model.exemptions import LONGEST_LIFE, ExemptedValue, Exemption
from stridegate.model.findings import Decision, Finding
from stridegate.model.pods import ObjectMeta
from stridegate.model.policies import Workload
from stridegate.model.rules import Given, Parameters, PodRule, Quantity, Question
from stridegate.model.vocabulary import Action, ValueKind

ASKED = regime(policy())


def decided(
    pod: JsonMap,
    *exemptions: Exemption,
    now: float = NOW,
    asked: Regime = ASKED,
    where: Circumstances = HERE,
    named: tuple[Workload, ...] = (),
) -> Decision:
    subject = view(pod)
    circumstances = let_off(exemptions, subject, now=now, circumstances=where, known_as=named)
    return decide(asked, evaluate(asked.questions, subject), circumstances)


def taken(decision: Decision) -> set[str]:
    return slugs(each.ruling.finding for each in decision.exempted)


def standing(decision: Decision) -> set[str]:
    return slugs(each.finding for each in decision.denied + decision.warned + decision.audited)


def container(written: str, more: str = "") -> JsonMap:
    return laid_over(f"containers: [{{name: app, {written}}}]\n{more}")


NET_ADMIN = container("securityContext: {capabilities: {add: [NET_ADMIN]}}", "hostPID: true")
CAPABILITY = "dangerous-capability"


def test_an_exemption_takes_the_rule_it_names_and_leaves_the_others() -> None:
    decision = decided(NET_ADMIN, exemption("web-vpn", CAPABILITY))

    assert taken(decision) == {CAPABILITY}
    assert standing(decision) == {"host-pid"}


def test_a_decision_tells_who_exempted_what_until_when_and_what_would_have_become_of_it() -> None:
    granted = exemption("web-vpn", CAPABILITY, owner="team-web")

    (exempted,) = decided(NET_ADMIN, granted).exempted

    assert exempted.exemption == granted
    assert (exempted.ruling.action, exempted.ruling.policy) == (Action.DENY, "production")
    assert exempted.ruling.finding.rule.slug == CAPABILITY


def spelled(value: object) -> str:
    """Return a case's name, which must not depend on the order that a set happens to have."""
    fields = value.items() if isinstance(value, dict) else ()
    sets = {key: sorted(each) for key, each in fields if isinstance(each, frozenset)}
    return str({**value, **sets} if isinstance(value, dict) else value)


@pytest.mark.parametrize(
    ("fields", "covers"),
    [
        ({}, True),
        ({"namespace": "other"}, False),
        ({"workload": Workload("Pod", "exampl")}, False),
        ({"workload": Workload("Pod", "example-2")}, False),
        ({"workload": Workload("Deployment", "example")}, False),
        ({"workload": None, "node_selector": {"a": "b"}}, False),
        ({"containers": frozenset({"app"})}, True),
        ({"containers": frozenset({"app", "other"})}, True),
        ({"containers": frozenset({"ap"})}, False),
        ({"containers": frozenset({"App"})}, False),
        ({"values": values(capability="NET_ADMIN")}, True),
        ({"values": values(capability="SYS_ADMIN")}, False),
        ({"values": values(capability="ALL")}, False),
        ({"values": values(image="NET_ADMIN")}, False),
        ({"values": values(digest="NET_ADMIN")}, False),
        ({"values": values(capability="SYS_ADMIN", path="/srv")}, False),
        ({"containers": frozenset({"app"}), "values": values(capability="NET_ADMIN")}, True),
        ({"containers": frozenset({"ap"}), "values": values(capability="NET_ADMIN")}, False),
        ({"revoked": True}, False),
    ],
    ids=spelled,
)
def test_another_namespace_workload_container_or_value_is_not_covered(fields: dict[str, Any], covers: bool) -> None:
    decision = decided(NET_ADMIN, exemption("web-vpn", CAPABILITY, **fields))

    assert (CAPABILITY in taken(decision)) is covers
    assert (CAPABILITY in standing(decision)) is not covers


@pytest.mark.parametrize(
    ("now", "covers"), [(EXPIRES - 1, True), (EXPIRES - 0.001, True), (EXPIRES, False), (EXPIRES + 1, False)]
)
def test_an_exemption_ends_in_the_second_that_it_says(now: float, covers: bool) -> None:
    decision = decided(NET_ADMIN, exemption("web-vpn", CAPABILITY), now=now)

    assert (CAPABILITY in taken(decision)) is covers


def test_an_exemption_that_was_stored_with_too_long_a_life_exempts_nothing() -> None:
    stored = exemption("web-vpn", CAPABILITY, expires=CREATED + LONGEST_LIFE + 1)

    assert not decided(NET_ADMIN, stored).exempted


def test_a_rule_that_nobody_knows_has_no_effect() -> None:
    decision = decided(NET_ADMIN, exemption("web-vpn", "zeppelin"))

    assert not decision.exempted
    assert standing(decision) == {CAPABILITY, "host-pid"}


def test_a_wildcard_is_a_rule_that_nobody_knows() -> None:
    assert not decided(NET_ADMIN, exemption("web-vpn", "*", "dangerous-*")).exempted


@pytest.mark.parametrize(
    ("pod", "rule", "value", "covers"),
    [
        *(
            (container(f"securityContext: {{capabilities: {{add: ['{added}']}}}}"), CAPABILITY, {"capability": named}, covers)
            for added in ("NET_ADMIN", "CAP_NET_ADMIN", "net_admin", " NET_ADMIN ")
            for named, covers in (("NET_ADMIN", True), ("cap_net_admin", True), ("NET_ADMINS", False), ("ADMIN", False))
        ),
        (
            container("securityContext: {capabilities: {add: [NET_RAW]}}"),
            "net-raw-capability",
            {"capability": "CAP_NET_RAW"},
            True,
        ),
        *(
            (laid_over(f"volumes: [{{name: x, hostPath: {{path: {there}}}}}]"), "host-path-volume", {"path": named}, covers)
            for there, named, covers in (
                ("/srv/logs", "/srv/logs", True),
                ("/srv//logs/", "/srv/./logs", True),
                ("/var/run/x", "/run/x", True),
                ("/srv/logs", "/srv", False),
                ("/srv", "/srv/logs", False),
                ("/srv/logs", "/", False),
                ("/", "/", True),
                ("/", "/srv/..", True),
                ("/proc/1/cwd", "/", False),
                ("/", "/proc/1/cwd", False),
                ("/proc/1/cwd", "/proc/1/cwd", False),
                ("srv/logs", "/srv/logs", False),
                ("'C:\\data'", "c:/data", True),
            )
        ),
        (laid_over("volumes: [{name: x, hostPath: {path: /dev/kvm}}]"), "host-device", {"path": "/dev/kvm"}, True),
        (laid_over("volumes: [{name: x, hostPath: {path: /etc/x}}]"), "sensitive-host-path", {"path": "/etc/x"}, True),
        (
            laid_over("volumes: [{name: x, hostPath: {path: /var/run/docker.sock}}]"),
            "container-runtime-socket",
            {"path": "/var/run/docker.sock"},
            True,
        ),
        *(
            (container("ports: [{containerPort: 53, hostPort: 53, protocol: UDP}]"), rule, {"port": named}, covers)
            for rule in ("host-port", "host-port-on-every-address")
            for named, covers in (("53", True), ("5", False), ("530", False))
        ),
        *(
            (container(f"image: '{runs}'"), "mutable-image-tag", {"image": named}, covers)
            for runs, named, covers in (
                ("nginx:latest", "docker.io/library/nginx:latest", True),
                ("nginx:latest", "nginx", False),
                ("nginx", "index.docker.io/library/nginx", True),
                ("registry.example/web:latest", "registry.example/web:latest", True),
                ("registry.example.evil/web:latest", "registry.example/web:latest", False),
                ("registry.example/Web:latest", "registry.example/web:latest", False),
                ("registry.example/Web:latest", "registry.example/Web:latest", True),
            )
        ),
    ],
)  # fmt: skip
def test_a_value_is_compared_in_every_spelling(pod: JsonMap, rule: str, value: dict[str, str], covers: bool) -> None:
    decision = decided(pod, exemption("web-vpn", rule, values=values(**value)))

    assert (rule in taken(decision)) is covers


@pytest.mark.parametrize(
    ("limit", "covers"), [("9Gi", True), ("16Gi", True), ("17179869185", False), ("17Gi", False), ("much", False)]
)
def test_memory_is_exempted_up_to_what_is_named(limit: str, covers: bool) -> None:
    ceiling = Given(parameters=Parameters(ceiling=Quantity("8Gi", Fraction(2**33))))
    asked = regime(policy(given=ceiling))
    pod = container(f"resources: {{limits: {{memory: {limit}}}}}")

    decision = decided(pod, exemption("batch", "excessive-memory-limit", values=values(memory="16Gi")), asked=asked)

    assert ("excessive-memory-limit" in taken(decision)) is covers


def test_a_rule_without_values_is_exempted_by_no_value() -> None:
    pod = laid_over("hostPID: true")

    decision = decided(pod, exemption("debug", "host-pid", values=values(path="/", capability="ALL", port="1")))

    assert standing(decision) == {"host-pid"}


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


def test_two_exemptions_are_never_wider_than_each_of_them() -> None:
    pod = container(
        "securityContext: {privileged: true, allowPrivilegeEscalation: null, capabilities: {add: [NET_ADMIN, SYS_TIME]}}"
    )
    by_rule = exemption("one", CAPABILITY, values=values(capability="NET_ADMIN"))
    by_container = exemption("two", "privileged-container", containers=frozenset({"other"}))

    decision = decided(pod, by_rule, by_container)

    assert [each.ruling.finding.violation and each.ruling.finding.violation.value for each in decision.exempted] == [
        "NET_ADMIN"
    ]
    assert {CAPABILITY, "privileged-container"} <= standing(decision)


def test_two_exemptions_that_each_name_one_container_leave_what_both_mount() -> None:
    reader = exemption("one", "host-path-volume", containers=frozenset({"reader"}))
    app = exemption("two", "host-path-volume", containers=frozenset({"app"}))

    assert "host-path-volume" in standing(decided(mounted_by("reader", "app"), reader, app))


def test_of_several_exemptions_the_one_that_ends_last_is_told() -> None:
    exemptions = [
        exemption("b-last", CAPABILITY, expires=EXPIRES + DAY),
        exemption("c-last", CAPABILITY, expires=EXPIRES + DAY),
        exemption("a-first", CAPABILITY),
    ]

    told = [decided(NET_ADMIN, *order).exempted[0].exemption.name for order in (exemptions, exemptions[::-1])]

    assert told == ["b-last", "b-last"]


def test_what_the_old_one_no_longer_covers_its_successor_does() -> None:
    old, new = exemption("old", CAPABILITY), exemption("new", CAPABILITY, expires=EXPIRES + DAY)

    (exempted,) = decided(NET_ADMIN, old, new, now=EXPIRES).exempted

    assert exempted.exemption.name == "new"


def test_a_rule_that_could_not_judge_is_never_exempted() -> None:
    subject = view(NET_ADMIN)
    broken = [Finding(question, None, error="broken") for question in ASKED.questions]

    decision = decide(ASKED, broken, let_off([exemption("all", *POD_RULES)], subject))

    assert not decision.exempted
    assert len(decision.denied) == len(broken)


def test_a_template_is_exempted_as_the_workload_that_it_is_in() -> None:
    deployment = exemption("web-vpn", CAPABILITY, workload=Workload("Deployment", "example"))
    asked = regime(policy(templates=Action.DENY))

    decision = decided(NET_ADMIN, deployment, asked=asked, where=THERE)

    assert taken(decision) == {CAPABILITY}


@pytest.mark.parametrize(
    ("metadata", "names"),
    [
        (ObjectMeta(generateName="batch-"), ["batch-"]),
        (ObjectMeta(name="batch-x7k2p", generateName="batch-"), ["batch-x7k2p", "batch-"]),
        (ObjectMeta(name="batch"), ["batch"]),
    ],
)
def test_a_bare_pod_goes_by_its_name_and_by_what_it_begins_with(metadata: ObjectMeta, names: list[str]) -> None:
    workload = Workload("Pod", metadata.name or metadata.generateName or "")

    assert [each.name for each in known_as(workload, metadata)] == names


def test_a_pod_that_is_owned_goes_by_its_owner_alone() -> None:
    owner = Workload("Deployment", "web")

    assert known_as(owner, ObjectMeta(name="web-5d4f-x7k2p", generateName="web-5d4f-")) == (owner,)


def test_an_exemption_of_either_name_lets_a_generated_pod_off() -> None:
    names = (Workload("Pod", "example"), Workload("Pod", "exam"))

    for name in names:
        assert taken(decided(NET_ADMIN, exemption("batch", CAPABILITY, workload=name), named=names)) == {CAPABILITY}


def test_an_exempted_finding_is_not_patched() -> None:
    pod = container("securityContext: {allowPrivilegeEscalation: null}")
    subject = view(pod)
    found = evaluate(ASKED.mending, subject)

    without = patches(ASKED, found, HERE)
    exempted = patches(ASKED, found, let_off([exemption("setuid", "privilege-escalation")], subject))

    assert {finding.rule.slug for finding, _ in without} == {"privilege-escalation"}
    assert exempted == []


def test_what_is_exempted_is_not_patched_through_what_is_not() -> None:
    # One field of the pod would heal both containers.
    unprofiled = "securityContext: {seccompProfile: null}"
    subject = view(laid_over(f"{unprofiled}\ncontainers: [{{name: app, {unprofiled}}}, {{name: other, image: x}}]"))
    granted = exemption("strace", "missing-seccomp-profile", containers=frozenset({"app"}))

    def profiled(circumstances: Circumstances) -> list[str]:
        made = mend(ASKED, subject, circumstances).operations
        return [str(each["path"]) for each in made if "seccompProfile" in f"{each['path']} {each.get('value')}"]

    assert profiled(HERE) == ["/spec/securityContext/seccompProfile"]
    # The neighbour alone has one of its own.
    assert profiled(let_off([granted], subject)) == ["/spec/containers/1/securityContext/seccompProfile"]


def test_exemptions_that_can_never_be_in_force_are_not_kept() -> None:
    never = [
        exemption("revoked", CAPABILITY, revoked=True),
        exemption("long", CAPABILITY, expires=CREATED + LONGEST_LIFE + 1),
        exemption("born dead", CAPABILITY, expires=CREATED),
        exemption("nodes", CAPABILITY, workload=None, node_selector={"a": "b"}),
    ]

    assert compile_exemptions(never) == {}


VALUED = [rule for rule in POD_RULES.values() if rule.value is not None]


@pytest.mark.parametrize("rule", VALUED, ids=lambda rule: rule.slug)
def test_what_a_rule_with_values_finds_can_be_exempted_by_value(rule: PodRule) -> None:
    exempted = 0
    for example in (each for each in rule.examples if each.verdict == "bad"):
        pod = laid_over(example.spec, example.annotations)
        subject = view(pod)
        for found in evaluate([Question(rule, example.given)], subject):
            assert found.violation is not None
            assert rule.value is not None
            text = (
                str(found.violation.rank) if rule.value is ValueKind.MEMORY else found.violation.value.partition("/")[0]
            )
            named = ExemptedValue(rule.value, text if rule.value is ValueKind.PORT else found.violation.value or text)
            granted = let_off([exemption("by value", rule.slug, values=(named,))], subject).leave
            exempted += granted is not None and granted.exemption(found) is not None

    assert exempted
