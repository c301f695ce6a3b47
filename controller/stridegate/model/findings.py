"""What judging a subject yields: findings, and the decision that policies make of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from stridegate.model.exemptions import Exemption
from stridegate.model.rules import AnyQuestion, AnyRule, Violation
from stridegate.model.vocabulary import Action, Outcome

# Rule, owner, path and value: see Finding.key.
FindingKey = tuple[str, str, str, str]


class Finding(NamedTuple):
    """One thing that one rule found, or the fact that it could not judge.

    Either `violation` says what is wrong and where, or `error` says why the rule could not tell.
    """

    question: AnyQuestion
    violation: Violation | None
    error: str | None = None

    @property
    def rule(self) -> AnyRule:
        """The rule that was asked."""
        return self.question.rule

    @property
    def outcome(self) -> Outcome:
        """How the finding counts."""
        return Outcome.ERROR if self.violation is None else self.violation.outcome

    @property
    def key(self) -> FindingKey:
        """What makes this finding the same one in another version of its object: names, never positions."""
        violation = self.violation
        if violation is None:
            return (self.question.rule.slug, "", "", "")
        place = violation.place
        return (self.question.rule.slug, place.owner, place.path, violation.value)

    @property
    def sentence(self) -> str:
        """Where, what is there, and what must be there instead."""
        if self.violation is None:
            return f"could not be evaluated: {self.error}"
        return f"{self.violation.place} is {self.violation.observed} → must {self.violation.wanted}"


class Ruling(NamedTuple):
    """A finding with what is done about it, and the name of the policy that says so.

    `demanded` is what the policy does with such a subject; the action is less where it is only a template, or a mirror pod.
    """

    finding: Finding
    action: Action
    policy: str
    demanded: Action


class Exempted(NamedTuple):
    """What would be done about a finding, and the exemption for which it is not."""

    ruling: Ruling
    exemption: Exemption


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What becomes of a request. There is no default: whoever makes one has judged.

    Rulings stand worst first; the exempted ones are in none of the others. `existing` counts findings that the object
    already had before this request.
    """

    denied: tuple[Ruling, ...]
    warned: tuple[Ruling, ...]
    audited: tuple[Ruling, ...]
    exempted: tuple[Exempted, ...]
    existing: int
    policies: tuple[str, ...]
