"""What the webhook tells about its reviews: metrics of all of them, and a log line for each denial, error and shed one."""

from __future__ import annotations

import enum
import logging
import random
from collections.abc import Iterator

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from stridegate.admission.reviews import Request
from stridegate.admission.verdicts import Label, Mutation, Verdict
from stridegate.model.texts import clean
from stridegate.model.vocabulary import Action
from stridegate.webhook.tallies import Distribution, Tally

_log = logging.getLogger(__name__)

# Metric labels are closed sets: nothing in a request makes a series.
_ACTIONS = {each: str(each) for each in Action}
_OPERATIONS = frozenset({"CREATE", "UPDATE", "DELETE", "CONNECT"})
_PROBLEM_RUNES = 240
_LOGGED = {Label.DENIED: logging.INFO, Label.SHED: logging.WARNING, Label.ERROR: logging.ERROR}


class Entry(enum.Enum):
    """The webhook entries by which reviews come, by the first labels of their names in the configurations."""

    MUTATION = "pods.mutate"
    VALIDATION = "pods.validate"
    TEMPLATES = "templates"
    OBJECTS = "objects"
    EXEC = "exec"


_OBJECTS = frozenset({"services", "persistentvolumes"})
_CONNECTIONS = frozenset({"exec", "attach"})


def entry_of(request: Request) -> Entry:
    """Return the entry by which a request for a validation comes."""
    resource = request.resource.resource
    if resource == "pods":
        return Entry.EXEC if request.subResource in _CONNECTIONS else Entry.VALIDATION
    return Entry.OBJECTS if resource in _OBJECTS else Entry.TEMPLATES


def correlation_id() -> str:
    """Return a short name for one answer, to find its log line by."""
    return f"{random.getrandbits(32):08x}"


class Journal(Collector):
    """Counts reviews and writes their log lines; neither holds anything of an object but its name and owner."""

    def __init__(self) -> None:
        self._reviews = Tally(
            "stridegate_admission_reviews",
            "Reviews by the entry they came by, and how they ended.",
            "entry",
            "operation",
            "decision",
            "dry_run",
        )
        self._durations = Distribution(
            "stridegate_admission_duration_seconds", "From the arrival of a review to its answer.", "entry"
        )
        self._queues = Distribution(
            "stridegate_admission_queue_seconds", "From the arrival of a review until it is taken up.", "entry"
        )
        self._findings = Tally(
            "stridegate_admission_findings",
            "Findings by rule, what the policies do about it, and what the request has to do with it.",
            "rule",
            "action",
            "state",
        )
        self._exempted = Tally("stridegate_admission_exempted_findings", "Findings that an exemption took.", "rule")
        self._faults = Tally("stridegate_rule_errors", "Findings of rules that could not judge.", "rule")
        self._patches = Tally("stridegate_patches", "Findings that a patch healed.", "rule", "safety")
        self._conflicts = Tally(
            "stridegate_patch_conflicts", "Patches that were left out for contradicting each other.", "rule"
        )
        self._overwritten = Tally(
            "stridegate_mutation_overwritten", "Violations found again after a patch had healed them.", "rule"
        )

    def collect(self) -> Iterator[Metric]:
        """Yield every metric of reviews."""
        for tally in (
            self._reviews,
            self._findings,
            self._exempted,
            self._faults,
            self._patches,
            self._conflicts,
            self._overwritten,
        ):
            yield tally.family()
        yield self._durations.family()
        yield self._queues.family()

    def waited(self, entry: Entry, seconds: float) -> None:
        """Tell how long a review waited until it was taken up."""
        self._queues.observe(entry.value, seconds)

    def validated(self, entry: Entry, request: Request, verdict: Verdict, seconds: float) -> None:
        """Tell what became of a validation."""
        self._reviewed(entry, request, verdict.label, seconds)
        self._findings.add_all((each.slug, _ACTIONS[each.action], each.state) for each in verdict.counts)
        for tally, slugs in (
            (self._faults, verdict.faults),
            (self._exempted, verdict.exempted),
            (self._overwritten, verdict.overwritten),
        ):
            if slugs:
                tally.add_all((slug,) for slug in slugs)
        if verdict.label in _LOGGED:
            facts = {"owner": clean(str(verdict.workload or "")), "rules": verdict.annotations.get("rules", "")}
            self._write(entry, request, verdict, seconds, facts)

    def mutated(self, entry: Entry, request: Request, mutation: Mutation, seconds: float) -> None:
        """Tell what became of a mutation."""
        self._reviewed(entry, request, mutation.label, seconds)
        self._patches.add_all(mutation.healed)
        self._conflicts.add_all((slug,) for slug in mutation.conflicting)
        if mutation.label in _LOGGED:
            self._write(entry, request, mutation, seconds, {})

    def refused(self, entry: Entry, label: Label, reason: str) -> None:
        """Tell of a call that was answered by HTTP alone, because nothing in it could be read, or nothing can be now."""
        self._reviews.add(entry.value, "unknown", label.value, "false")
        facts = {"entry": entry.value, "decision": label.value, "problem": clean(reason, _PROBLEM_RUNES)}
        _log.log(_LOGGED[label], "call refused", extra=facts)

    def shed(self, path: str, reason: str) -> None:
        """Tell of a call that was turned away unread, because too much is under way."""
        self.refused(Entry.MUTATION if path == "/mutate" else Entry.VALIDATION, Label.SHED, reason)

    def _reviewed(self, entry: Entry, request: Request, label: Label, seconds: float) -> None:
        operation = request.operation if request.operation in _OPERATIONS else "unknown"
        self._reviews.add(entry.value, operation, label.value, "true" if request.dryRun else "false")
        self._durations.observe(entry.value, seconds)

    @staticmethod
    def _write(
        entry: Entry, request: Request, ended: Verdict | Mutation, seconds: float, facts: dict[str, str]
    ) -> None:
        written: dict[str, object] = {
            "entry": entry.value,
            "decision": ended.label.value,
            "correlation": ended.correlation or correlation_id(),
            "uid": clean(request.uid, 64),
            "namespace": clean(request.namespace or ""),
            "ms": round(seconds * 1000, 3),
            **facts,
        }
        if ended.problem:
            written["problem"] = clean(ended.problem, _PROBLEM_RUNES)
        _log.log(_LOGGED[ended.label], "review", extra=written)
