"""Every rule speaks on every way in: nothing that one request would refuse comes in by another."""

from __future__ import annotations

import pytest

from reviewing import RESOURCES, Asked, pod, policy, validated
from specimens import embedded, moved, pod_of, view
from stridegate.admission.verdicts import State
from stridegate.engine.catalogue import POD_RULES
from stridegate.engine.examples import JsonMap, hardened_pod
from stridegate.model.container_views import ContainerKind
from stridegate.model.policies import RuleSetting
from stridegate.model.rules import Example, Given, PodRule
from stridegate.model.settings import Setting
from stridegate.model.vocabulary import Action

BAD = [
    pytest.param(rule, example, id=f"{rule.slug}: {example.title}")
    for rule in POD_RULES.values()
    for example in rule.examples
    if example.verdict == "bad"
]
each_bad_example = pytest.mark.parametrize(("rule", "example"), BAD)
TEMPLATED = [kind for kind in RESOURCES if kind != "Pod"]


def stands(example: Example, *, template: bool, creating: bool) -> bool:
    """Whether an example speaks of pods that stand so."""
    setting = example.setting
    return setting is None or (setting.template, setting.creating) == (template, creating)


def asked(example: Example, document: JsonMap, **more: object) -> Asked:
    setting = example.setting or Setting(namespace="shop")
    return Asked(object=document, namespace=setting.namespace, **more)  # type: ignore[arg-type] # its fields


def spoken_of(rule: PodRule, example: Example, request: Asked) -> bool:
    """Whether the rule denies a request, or warns where it does no more than that, for what the request introduces."""
    given = example.given
    alone = policy(
        action=Action.OFF,
        profile=given.profile,
        pod_security=given.pod_security,
        templates=Action.DENY,
        rules={rule.slug: RuleSetting(action=Action.DENY, parameters=given.parameters)},
    )
    counts = validated(request, alone).counts
    return any(count.action >= Action.WARN and count.state is State.INTRODUCED for count in counts)


def before(rule: PodRule) -> JsonMap:
    """Return a pod that does not break a rule: the hardened one, or where that does, what the rule shows as good."""
    candidates = (hardened_pod(), *(pod_of(example) for example in rule.examples if example.verdict == "good"))
    return next(each for each in candidates if not list(rule.check(view(each), Given())))


@each_bad_example
def test_a_pod_that_is_created_is_judged_by_every_rule(rule: PodRule, example: Example) -> None:
    assert not stands(example, template=False, creating=True) or spoken_of(
        rule, example, asked(example, pod_of(example))
    )


@each_bad_example
def test_a_pod_that_is_changed_is_judged_by_every_rule(rule: PodRule, example: Example) -> None:
    if not stands(example, template=False, creating=False):
        return
    for subresource in ("", "resize", "ephemeralcontainers", "of-tomorrow"):
        request = asked(example, pod_of(example), operation="UPDATE", old=before(rule), subresource=subresource)

        assert spoken_of(rule, example, request), subresource


@each_bad_example
def test_an_ephemeral_container_that_is_added_is_judged_by_every_rule(rule: PodRule, example: Example) -> None:
    spared = ContainerKind.EPHEMERAL in rule.spares and not example.shared
    document = moved(pod_of(example), ContainerKind.EPHEMERAL)
    request = asked(example, document, operation="UPDATE", old=before(rule), subresource="ephemeralcontainers")

    assert not stands(example, template=False, creating=False) or spoken_of(rule, example, request) is not spared


@each_bad_example
@pytest.mark.parametrize("operation", ["CREATE", "UPDATE"])
def test_a_template_is_judged_by_every_rule(rule: PodRule, example: Example, operation: str) -> None:
    if not stands(example, template=True, creating=operation == "CREATE"):
        return
    for kind in TEMPLATED:
        document = embedded(pod_of(example), kind)
        old = embedded(before(rule), kind) if operation == "UPDATE" else None
        request = asked(example, document, kind=kind, operation=operation, old=old)

        assert spoken_of(rule, example, request), kind


def test_a_pod_that_waits_to_be_scheduled_is_judged_as_it_changes() -> None:
    gated: JsonMap = {"schedulingGates": [{"name": "example.com/quota"}]}
    old = pod({**gated, "hostPID": True})
    narrowed = pod({**gated, "hostPID": True, "nodeSelector": {"disk": "fast"}})
    tolerating = pod({**gated, "hostPID": True, "tolerations": [{"operator": "Exists"}]})

    moved_on = validated(Asked(operation="UPDATE", object=narrowed, old=old))
    reaching_out = validated(Asked(operation="UPDATE", object=tolerating, old=old))

    assert moved_on.allowed
    assert not reaching_out.allowed
    assert "control-plane-toleration" in reaching_out.message
    assert "host-pid" not in reaching_out.message
