"""Judging a pod: every question asked, every answer kept."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from stridegate.model.errors import ModelError
from stridegate.model.findings import Finding
from stridegate.model.rules import Question
from stridegate.model.views import PodView

_log = logging.getLogger(__name__)


def evaluate(questions: Iterable[Question], pod: PodView) -> list[Finding]:
    """Return what the questions find in a pod, in their order. A rule that cannot judge yields an error finding; it never counts as passed."""
    findings: list[Finding] = []
    for question in questions:
        try:
            for violation in question.rule.check(pod, question.given):
                findings.append(Finding(question, violation))  # noqa: PERF401 - what was found before a rule broke is kept
        except ModelError as error:
            findings.append(Finding(question, None, error=str(error)))
        except Exception:  # noqa: BLE001 - logged below
            # The one blanket except of the product: whatever a rule does wrong becomes a finding that denies where its
            # policy denies.
            _log.exception("rule %s could not judge", question.rule.slug)
            findings.append(Finding(question, None, error="the rule failed; the webhook's log has the details"))
    return findings
