"""Every rule about an object is what its examples say. No rule has code of its own here."""

from __future__ import annotations

import pytest

from object_specimens import NAMES, OBJECT_RULES, SHOWN, found_in, view_of
from stridegate.engine.catalogue import RULES
from stridegate.engine.difference import compare
from stridegate.model.rules import AnyRule, Example

each_example = pytest.mark.parametrize(("rule", "example"), SHOWN, ids=NAMES)


@each_example
def test_an_example_breaks_exactly_the_rules_it_names(rule: AnyRule, example: Example) -> None:
    found = {finding.rule.slug for finding in found_in(rule, example)}

    assert found == {*([rule.slug] if example.verdict == "bad" else []), *example.also}


@each_example
def test_what_stays_as_it_is_has_nothing_to_answer_for(rule: AnyRule, example: Example) -> None:
    found = found_in(rule, example)

    difference = compare(None, found_in(rule, example), None, found)

    assert difference.answerable == []
    assert difference.existing == found


@each_example
def test_a_place_is_read_where_it_points_to(rule: AnyRule, example: Example) -> None:
    for finding in found_in(rule, example):
        assert finding.violation is not None
        assert finding.violation.place.pointer[: len(view_of(rule, example).pointer)] == view_of(rule, example).pointer


def test_no_rule_about_an_object_promises_a_fix() -> None:
    assert all("There is no automatic fix" in (rule.doc or "") for rule in OBJECT_RULES.values())


def test_every_rule_is_about_pods_or_about_one_of_the_objects() -> None:
    assert {rule.subject.__name__ for rule in RULES.values()} == {
        "PodView",
        "ServiceView",
        "PersistentVolumeView",
        "JobView",
        "ConnectionView",
    }
