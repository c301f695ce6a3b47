"""Judging a cluster: every rule about it asked once, every verdict kept."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass

from stridegate.engine.evaluate import Fault, contained
from stridegate.model.clusters.rules import ClusterRule
from stridegate.model.clusters.views import Cluster
from stridegate.model.nodes.nodes import NotReadable, NotThere
from stridegate.model.nodes.verdicts import State, Verdict

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterFinding:
    """A rule, and its verdict on a cluster."""

    rule: ClusterRule
    verdict: Verdict


def judge_cluster(rules: Iterable[ClusterRule], cluster: Cluster) -> tuple[ClusterFinding, ...]:
    """Return the verdict of every rule. A rule that breaks is an Error, and one that may not read what it needs Unknown."""
    return tuple(ClusterFinding(rule=rule, verdict=_verdict(rule, cluster)) for rule in rules)


def _verdict(rule: ClusterRule, cluster: Cluster) -> Verdict:
    outcome = contained(rule.judge, cluster)
    if not isinstance(outcome, Fault):
        return outcome
    if isinstance(outcome.error, NotReadable):
        return Verdict(state=State.UNKNOWN, observed=str(outcome.error))
    if isinstance(outcome.error, NotThere):
        return Verdict(state=State.NOT_APPLICABLE, observed=str(outcome.error))
    _log.error("rule %s could not judge", rule.slug, exc_info=outcome.error)
    return Verdict(state=State.ERROR, observed="the rule failed; the log has the details")
