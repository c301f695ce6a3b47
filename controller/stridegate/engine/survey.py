"""Judging a node: every rule asked, answers fetched until no rule lacks one, every verdict kept."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from stridegate.engine.evaluate import Fault, contained
from stridegate.model.nodes.answers import RunningContainer
from stridegate.model.nodes.nodes import Circumstances, Node, NotAnswered, NotReadable, NotThere
from stridegate.model.nodes.queries import Containers, Query
from stridegate.model.nodes.rules import ContainerRule, NodeRule
from stridegate.model.nodes.verdicts import Offender, State, Verdict

_log = logging.getLogger(__name__)

ScannedRule = NodeRule | ContainerRule
Answers = Mapping[Query[object], object]
# Finds out what queries ask; what it leaves out counts as broken.
Answering = Callable[[frozenset[Query[object]]], Answers]

# Rules ask for what stands in a file, then for the file that is named there, and so on: a few rounds, never endless.
ROUNDS = 12

# Of the verdicts on containers, the first that any of them has is that of all.
_WORST_FIRST = (State.FAIL, State.ERROR, State.UNKNOWN, State.WARN, State.PASS, State.NOT_APPLICABLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFinding:
    """A rule, and its verdict on a node."""

    rule: ScannedRule
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What a scan found: one finding per rule, in their order, and all that was read for it."""

    findings: tuple[NodeFinding, ...]
    answers: Answers


def survey(rules: Iterable[ScannedRule], answering: Answering, circumstances: Circumstances) -> Survey:
    """Return the verdict of every rule. A rule that breaks, or that never gets its answers, is an Error; nothing is left out."""
    answers: dict[Query[object], object] = {}
    verdicts: dict[str, Verdict] = {}
    waiting = list(rules)
    every = tuple(waiting)
    for _ in range(ROUNDS):
        asked: set[Query[object]] = set()
        still: list[ScannedRule] = []
        node = Node(answers, circumstances)
        for rule in waiting:
            outcome = contained(_verdict, rule, node)
            if isinstance(outcome, Fault) and isinstance(outcome.error, NotAnswered):
                asked |= outcome.error.queries
                still.append(rule)
            else:
                verdicts[rule.slug] = _broken(rule, outcome) if isinstance(outcome, Fault) else outcome
        waiting = still
        if not waiting:
            break
        answers.update(answering(frozenset(asked)))
    verdicts |= {rule.slug: Verdict(state=State.ERROR, observed="asked for more and more") for rule in waiting}
    return Survey(
        findings=tuple(NodeFinding(rule=rule, verdict=verdicts[rule.slug]) for rule in every),
        answers=answers,
    )


def _verdict(rule: ScannedRule, node: Node) -> Verdict:
    try:
        return rule.judge(node) if isinstance(rule, NodeRule) else _of_containers(rule, node)
    except NotThere as missing:
        return Verdict(state=State.NOT_APPLICABLE, observed=str(missing))
    except NotReadable as hidden:
        return Verdict(state=State.UNKNOWN, observed=str(hidden))


def _of_containers(rule: ContainerRule, node: Node) -> Verdict:
    judged = [(container, _of_container(rule, container, node)) for container in node[Containers()]]
    if not judged:
        return Verdict(state=State.NOT_APPLICABLE, observed="no container runs")
    state = next(state for state in _WORST_FIRST if any(verdict.state is state for _, verdict in judged))
    alike = [(container.name, verdict) for container, verdict in judged if verdict.state is state]
    first = alike[0][1]
    if state in {State.PASS, State.NOT_APPLICABLE}:
        return first
    return Verdict(
        state=state,
        observed=first.observed if len(alike) == 1 else f"{len(alike)} of {len(judged)} containers",
        wanted=first.wanted,
        evidence=first.evidence,
        offenders=tuple(Offender(name=name, observed=verdict.observed) for name, verdict in alike),
        note=first.note,
    )


def _of_container(rule: ContainerRule, container: RunningContainer, node: Node) -> Verdict:
    if container.sandboxed:
        return Verdict(state=State.NOT_APPLICABLE, observed="runs in a sandbox with a kernel of its own")
    try:
        return rule.judge(container, node)
    except NotThere as missing:
        return Verdict(state=State.NOT_APPLICABLE, observed=str(missing))
    except NotReadable as hidden:
        return Verdict(state=State.UNKNOWN, observed=str(hidden))


def _broken(rule: ScannedRule, fault: Fault) -> Verdict:
    _log.error("rule %s could not judge", rule.slug, exc_info=fault.error)
    return Verdict(state=State.ERROR, observed="the rule failed; the log has the details")
