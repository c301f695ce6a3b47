"""An exemption that names values takes what has them, in every spelling, and nothing else."""

from __future__ import annotations

from fractions import Fraction

import pytest

from leaves import (
    CAPABILITY,
    container,
    decided,
    exemption,
    let_off,
    standing,
    taken,
    values,
)
from specimens import laid_over, policy, regime, view
from stridegate.engine.catalogue import POD_RULES
from stridegate.engine.evaluate import evaluate
from stridegate.engine.examples import JsonMap
from stridegate.model.exemptions import ExemptedValue
from stridegate.model.rules import Given, Parameters, PodRule, Quantity, Question
from stridegate.model.vocabulary import ValueKind


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


def test_of_several_amounts_of_memory_the_largest_holds() -> None:
    ceiling = Given(parameters=Parameters(ceiling=Quantity("8Gi", Fraction(2**33))))
    named = (*values(memory="9Gi"), *values(memory="16Gi"), *values(memory="10Gi"))
    pod = container("resources: {limits: {memory: 12Gi}}")

    decision = decided(
        pod, exemption("batch", "excessive-memory-limit", values=named), asked=regime(policy(given=ceiling))
    )

    assert "excessive-memory-limit" in taken(decision)


def test_a_rule_without_values_is_exempted_by_no_value() -> None:
    pod = laid_over("hostPID: true")

    decision = decided(pod, exemption("debug", "host-pid", values=values(path="/", capability="ALL", port="1")))

    assert standing(decision) == {"host-pid"}


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
