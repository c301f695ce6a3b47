"""The structs that are decoded fast are the model's dataclasses in another form."""

from __future__ import annotations

import dataclasses
import json

import msgspec
import pytest

from specimens import broken_by, pod_of, questions, setting_of
from stridegate.engine.catalogue import POD_RULES
from stridegate.engine.evaluate import evaluate
from stridegate.kube.shapes import shape_of
from stridegate.model.pods import PodTemplate
from stridegate.model.rules import Example, PodRule
from stridegate.model.views import PodView

EXAMPLES = [
    pytest.param(rule, example, id=f"{rule.slug}: {example.title}")
    for rule in POD_RULES.values()
    for example in rule.examples
]


def plain(value: object) -> object:
    """Return a dataclass or a struct as maps and lists."""
    if isinstance(value, msgspec.Struct):
        return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
    if dataclasses.is_dataclass(value):
        return {each.name: plain(getattr(value, each.name)) for each in dataclasses.fields(value)}
    if isinstance(value, tuple):
        return [plain(each) for each in value]
    return value


@pytest.mark.parametrize(("rule", "example"), EXAMPLES)
def test_a_pod_reads_the_same_in_both_forms(rule: PodRule, example: Example) -> None:
    body = json.dumps(pod_of(example)).encode()

    slow = msgspec.json.decode(body, type=PodTemplate)
    fast = msgspec.json.decode(body, type=shape_of(PodTemplate))

    assert plain(fast) == plain(slow), rule


@pytest.mark.parametrize(("rule", "example"), EXAMPLES)
def test_a_pod_is_judged_the_same_in_both_forms(rule: PodRule, example: Example) -> None:
    body = json.dumps(pod_of(example)).encode()
    asked = questions(example.given, named=broken_by(rule, example))

    slow = evaluate(asked, PodView(msgspec.json.decode(body, type=PodTemplate), (), setting_of(example)))
    fast = evaluate(asked, PodView(msgspec.json.decode(body, type=shape_of(PodTemplate)), (), setting_of(example)))

    assert [(each.key, each.sentence) for each in fast] == [(each.key, each.sentence) for each in slow]


def test_every_shape_of_the_model_has_the_fields_of_its_dataclass() -> None:
    made = shape_of(PodTemplate)

    assert issubclass(made, msgspec.Struct)
    assert made.__struct_fields__ == tuple(each.name for each in dataclasses.fields(PodTemplate))


def test_structs_compare_by_their_fields() -> None:
    body = json.dumps({"spec": {"containers": [{"name": "app", "securityContext": {"privileged": True}}]}}).encode()
    shape = shape_of(PodTemplate)

    one, other = msgspec.json.decode(body, type=shape), msgspec.json.decode(body, type=shape)

    assert one == other
