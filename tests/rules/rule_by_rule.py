"""What the examples prove, in one test for the rule that a mutant is of: mutation testing asks it before all others.

The name keeps it out of ordinary runs, where every example is a test of its own.
"""

from __future__ import annotations

import os

from handbook.rule_pages import page
from handbook.sources import DOCS
from rules import test_examples
from stridegate.engine.catalogue import POD_RULES
from stridegate.model.container_views import ContainerKind
from stridegate.model.rules import PodRule

# How mutmut names the mutant it runs, such as stridegate.rules.pods.host_pid.x_check__mutmut_1.
_MUTANT = "MUTANT_UNDER_TEST"


def rules_at_hand() -> list[PodRule]:
    """Return the rule that the mutant is of, or all of them where there is no mutant."""
    module = os.environ.get(_MUTANT, "").rpartition(".")[0].rpartition(".")[2]
    rule = POD_RULES.get(module.replace("_", "-"))
    return [rule] if rule else list(POD_RULES.values())


def test_the_rule_is_what_its_examples_say() -> None:
    for rule in rules_at_hand():
        for example in rule.examples:
            test_examples.test_an_example_breaks_exactly_the_rules_it_names(rule, example)
            for kind in (ContainerKind.INIT, ContainerKind.SIDECAR, ContainerKind.EPHEMERAL):
                test_examples.test_an_example_means_the_same_in_every_list_of_containers(rule, example, kind)
            for kind in ContainerKind:
                test_examples.test_a_patch_heals_what_it_belongs_to(rule, example, kind)
                test_examples.test_a_second_pass_changes_nothing(rule, example, kind)
            test_examples.test_an_example_means_the_same_in_every_kind_that_embeds_a_pod(rule, example)
            test_examples.test_a_patch_fits_every_kind_that_embeds_a_pod(rule, example)
        # Its page has every sentence that it says, and what its patches make of an example.
        assert page(rule) == (DOCS / "rules" / f"{rule.slug}.md").read_text(encoding="utf-8")
