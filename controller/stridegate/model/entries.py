"""What every rule of the catalogue has in common, whatever it judges: its name, its weight, what it answers and where it comes from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from stridegate.model.errors import BadCatalogue
from stridegate.model.references import Reference
from stridegate.model.vocabulary import Severity, Stride


@dataclass(frozen=True, kw_only=True)
class CatalogueEntry(ABC):
    """A rule as lists, explanations and reports show it.

    `threats` are the threats of the threat model that it answers. `since` is the version of Stridegate that first had it.
    """

    slug: str
    severity: Severity
    stride: frozenset[Stride]
    references: tuple[Reference, ...]
    threats: frozenset[str] = frozenset()
    since: str = "v0.1"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.slug})"

    @property
    @abstractmethod
    def title(self) -> str:
        """One sentence that says what is wrong."""

    @property
    @abstractmethod
    def paragraphs(self) -> Mapping[str, str]:
        """Why it matters, what is checked and how to mend it, under `Threat`, `Check` and `Fix`."""

    @cached_property
    def letters(self) -> str:
        """The rule's STRIDE letters, in the acronym's order."""
        return "".join(kind.value for kind in Stride if kind in self.stride)

    @cached_property
    def label(self) -> str:
        """What messages call the rule: its slug, letters and severity."""
        return f"{self.slug} [{self.letters}, {self.severity}]"


# The most characters of a fix: what a finding in a report has room for.
LONGEST_FIX = 160


@dataclass(frozen=True, kw_only=True, repr=False)
class ReportedRule(CatalogueEntry):
    """What rules share that judge no request, but nodes, running containers and clusters: their findings stand in reports.

    `wrong` is one sentence that says what is wrong, `threat` what that lets somebody do, `wants` the condition under
    which the rule passes (it completes "must …"), `fix` the setting or command that mends it, in at most 160 characters.
    """

    wrong: str
    threat: str
    wants: str
    fix: str

    def __post_init__(self) -> None:
        """Raise BadCatalogue where the declaration lacks what everything derived from it needs."""
        if len(self.fix) > LONGEST_FIX:
            raise BadCatalogue(self.slug, f"its fix has {len(self.fix)} characters, and {LONGEST_FIX} fit")
        if not all((self.wrong, self.threat, self.wants, self.fix)):
            raise BadCatalogue(self.slug, "wants words for what is wrong, the threat, what it wants and the fix")

    @property
    def title(self) -> str:
        """One sentence that says what is wrong."""
        return self.wrong

    @property
    def paragraphs(self) -> Mapping[str, str]:
        """Why it matters, when it passes and how to mend it."""
        return {"Threat": self.threat, "Check": f"Must {self.wants}.", "Fix": self.fix}
