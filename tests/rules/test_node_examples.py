"""Every rule about nodes and running containers is what its examples say. No rule has code of its own here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from hosts import again_without, surveyed
from stridegate.engine.node_catalogue import CONTAINER_RULES, NODE_RULES
from stridegate.engine.survey import ScannedRule
from stridegate.model.nodes.queries import Containers, KubeletConfigz, KubeletPods
from stridegate.model.nodes.rules import NodeExample
from stridegate.model.nodes.verdicts import State


def _as_node_examples() -> Iterable[tuple[ScannedRule, NodeExample]]:
    for rule in NODE_RULES.values():
        yield from ((rule, example) for example in rule.examples)
    for container_rule in CONTAINER_RULES.values():
        for each in container_rule.examples:
            answers = {Containers(): (each.container,), **each.answers}
            yield container_rule, NodeExample(title=each.title, state=each.state, answers=answers)


# What the kubelet serves comes before files and processes, and these decide where it serves nothing.
PREFERRED = (KubeletConfigz, KubeletPods)
SHOWN = list(_as_node_examples())
each_example = pytest.mark.parametrize(
    ("rule", "example"), SHOWN, ids=[f"{rule.slug}: {example.title}" for rule, example in SHOWN]
)


@each_example
def test_an_example_has_its_verdict(rule: ScannedRule, example: NodeExample, tmp_path: Path) -> None:
    verdict = surveyed(example, [rule], tmp_path).findings[0].verdict

    assert verdict.state is example.state, verdict


@each_example
def test_a_verdict_says_what_was_seen_and_where(rule: ScannedRule, example: NodeExample, tmp_path: Path) -> None:
    verdict = surveyed(example, [rule], tmp_path).findings[0].verdict

    assert verdict.observed
    assert verdict.evidence or verdict.state in {State.NOT_APPLICABLE, State.UNKNOWN}, verdict


@each_example
def test_what_cannot_be_read_never_passes(rule: ScannedRule, example: NodeExample, tmp_path: Path) -> None:
    found = surveyed(example, [rule], tmp_path)

    verdicts = {
        hidden: again_without(found, [rule], hidden, example.circumstances).findings[0].verdict
        for hidden in found.answers
        if not isinstance(hidden, PREFERRED)
    }

    passed = [f"without {hidden}: {verdict}" for hidden, verdict in verdicts.items() if verdict.state is State.PASS]
    assert not passed
    broken = [f"without {hidden}: {verdict}" for hidden, verdict in verdicts.items() if verdict.state is State.ERROR]
    assert not broken


def test_titles_of_examples_are_unique_within_a_rule() -> None:
    names = Counter((rule.slug, example.title) for rule, example in SHOWN)

    assert not [name for name, number in names.items() if number > 1]
