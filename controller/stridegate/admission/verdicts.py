"""What validation and mutation find, before it is encoded: everything that the response, the log and the metrics tell."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from stridegate.admission.responses import Refusal
from stridegate.model.findings import Exempted, Ruling
from stridegate.model.policies import Workload
from stridegate.model.vocabulary import Action

# The most of one audit annotation; the API server allows far more, but the audit log keeps each.
_ANNOTATION_BYTES = 1024


class Label(enum.Enum):
    """How a review ended, as audit annotations and metrics name it."""

    ALLOWED = "allowed"
    DENIED = "denied"
    PATCHED = "patched"
    SHED = "shed"
    ERROR = "error"
    IGNORED = "ignored"
    NO_POLICY = "no-policy"


class State(enum.StrEnum):
    """What a request has to do with a finding."""

    INTRODUCED = "introduced"
    WORSENED = "worsened"
    EXISTING = "existing"


class Count(NamedTuple):
    """One finding, as metrics count it."""

    slug: str
    action: Action
    state: State


class Verdict(NamedTuple):
    """What validation found. Whoever makes one has judged: nothing is allowed by default.

    A denial has a message, and no warnings. `overwritten` are the slugs that mutation says it healed, and that are
    violated all the same. `exempted` are the slugs of the findings that exemptions take, one for each, and `faults` those
    of the rules that could not judge.
    `problem` and `correlation` are for the log, where something went wrong.
    """

    allowed: bool
    label: Label
    annotations: Mapping[str, str]
    message: str = ""
    warnings: tuple[str, ...] = ()
    workload: Workload | None = None
    counts: tuple[Count, ...] = ()
    faults: tuple[str, ...] = ()
    exempted: tuple[str, ...] = ()
    overwritten: tuple[str, ...] = ()
    refusal: Refusal = Refusal.FORBIDDEN
    problem: str = ""
    correlation: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """What mutation made: a patch, or none. `healed` and `conflicting` are slugs, healed ones with how safe their patch is."""

    label: Label
    annotations: Mapping[str, str]
    patch: bytes | None = None
    healed: tuple[tuple[str, str], ...] = ()
    conflicting: tuple[str, ...] = ()
    problem: str = ""
    correlation: str = ""


def audit_annotations(
    label: Label, policies: Iterable[str] = (), rulings: Iterable[Ruling] = (), exempted: Iterable[Exempted] = ()
) -> dict[str, str]:
    """Return the audit annotations of a response: fixed keys, and no text of a user's but names of objects."""
    noted = {"decision": label.value}
    if names := _joined(policies):
        noted["policy"] = names
    if rules := _joined(_demands(rulings)):
        noted["rules"] = rules
    if taken := _joined(dict.fromkeys(f"{each.ruling.finding.rule.slug}={each.exemption.name}" for each in exempted)):
        noted["exempted"] = taken
    return noted


def _demands(rulings: Iterable[Ruling]) -> Iterable[str]:
    """Return each rule with what is done about it, once; rulings that say the same mostly stand side by side."""
    demands: dict[str, None] = {}
    rule = action = None
    for ruling in rulings:
        if ruling.finding.question.rule is not rule or ruling.action is not action:
            rule, action = ruling.finding.question.rule, ruling.action
            demands[f"{rule.slug}={action}"] = None
    return demands


def _joined(names: Iterable[str]) -> str:
    """Return names with commas between them; the last that does not fit, and all after it, are an ellipsis."""
    text = ",".join(names)
    if len(text) <= _ANNOTATION_BYTES:
        return text
    return text[: text.rindex(",", 0, _ANNOTATION_BYTES - 4)] + ",…"
