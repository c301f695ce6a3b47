"""Selectors select as Kubernetes' own do."""

from __future__ import annotations

import pytest

from stridegate.model.policies import IMMUTABLE_LABEL, LabelSelector, Operator, Requirement


@pytest.mark.parametrize(
    ("operator", "values", "labels", "met"),
    [
        (Operator.IN, {"a"}, {"tier": "a"}, True),
        (Operator.IN, {"a"}, {"tier": "b"}, False),
        (Operator.IN, {"a"}, {}, False),
        (Operator.NOT_IN, {"a"}, {"tier": "a"}, False),
        (Operator.NOT_IN, {"a"}, {"tier": "b"}, True),
        (Operator.NOT_IN, {"a"}, {}, True),
        (Operator.EXISTS, set(), {"tier": ""}, True),
        (Operator.EXISTS, set(), {}, False),
        (Operator.DOES_NOT_EXIST, set(), {"tier": ""}, False),
        (Operator.DOES_NOT_EXIST, set(), {}, True),
    ],
)
def test_a_requirement_is_met(operator: Operator, values: set[str], labels: dict[str, str], met: bool) -> None:
    assert Requirement("tier", operator, frozenset(values)).matches(labels) is met


def test_a_selector_wants_every_requirement() -> None:
    both = LabelSelector((Requirement("a", Operator.EXISTS), Requirement("b", Operator.EXISTS)))

    assert both.matches({"a": "", "b": ""})
    assert not both.matches({"a": ""})


def test_an_empty_selector_selects_everything() -> None:
    assert LabelSelector().matches({})


def test_only_the_label_that_cannot_be_changed_is_trusted() -> None:
    by_name = Requirement(IMMUTABLE_LABEL, Operator.IN, frozenset({"shop"}))

    assert LabelSelector((by_name,)).trusted
    assert LabelSelector().trusted
    assert not LabelSelector((by_name, Requirement("tier", Operator.EXISTS))).trusted
