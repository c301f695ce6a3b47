"""The catalogue proves its rules as it finds them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stridegate.engine.catalogue import POD_RULES, RULES, prove
from stridegate.model.errors import BadCatalogue
from stridegate.model.references import CisDocker, CisKubernetes, PodSecurity
from stridegate.model.rules import bad, good
from stridegate.model.vocabulary import Profile

RULE = POD_RULES["privileged-container"]


def test_every_rule_of_the_standards_is_of_a_level() -> None:
    for rule in RULES.values():
        assert rule.standard == (rule.profile in {Profile.BASELINE, Profile.RESTRICTED}), rule


def test_every_rule_says_which_threats_it_answers_and_where_it_comes_from() -> None:
    for rule in RULES.values():
        assert rule.stride, rule
        assert rule.letters == "".join(letter for letter in "STRIDE" if letter in rule.letters)
        assert rule.references or rule.profile >= Profile.HARDENED


def test_a_rule_names_no_rule_that_is_not_there() -> None:
    stranger = replace(RULE, examples=(bad("x", "{}", also=("no-such-rule",)), good("y", "{}")))

    with pytest.raises(BadCatalogue, match="no-such-rule"):
        prove([stranger])


def test_a_slug_is_taken_once() -> None:
    with pytest.raises(BadCatalogue, match="declared twice"):
        prove([RULE, RULE])


def test_a_rule_takes_only_parameters_that_policies_have() -> None:
    with pytest.raises(BadCatalogue, match="colour"):
        prove([replace(RULE, takes=frozenset({"colour"}))])


@pytest.mark.parametrize("part", ["Threat", "Check", "Fix"])
def test_a_docstring_has_all_three_parts(part: str) -> None:
    with pytest.raises(BadCatalogue, match=part):
        replace(RULE, doc=(RULE.doc or "").replace(f"{part}: ", "Moreover "))


def test_a_rule_without_a_bad_example_is_no_rule() -> None:
    with pytest.raises(BadCatalogue, match="example"):
        replace(RULE, examples=(good("fine", "{}"),))


def test_the_worst_rules_come_first() -> None:
    severities = [rule.severity for rule in RULES.values()]

    assert severities == sorted(severities, reverse=True)


def test_references_name_both_numberings() -> None:
    assert str(CisDocker("5.5", before_1_6="5.4")) == "CIS Docker 5.5 (5.4 before 1.6)"
    assert str(CisKubernetes("5.2.9", before_1_12="5.2.10")) == "CIS Kubernetes 5.2.9 (5.2.10 before 1.12)"
    assert str(CisKubernetes(None, before_1_12="5.2.9")) == "CIS Kubernetes 5.2.9 (before 1.12)"
    assert str(PodSecurity("privileged")) == "Pod Security Standards, privileged"
