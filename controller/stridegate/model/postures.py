"""How a cluster stands: what its policies hold, what its nodes' scans found, and what is exempted. Times are Unix times in seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from stridegate.model.exemptions import Exemption
from stridegate.model.vocabulary import Severity


class Aspect(NamedTuple):
    """A condition of an object (metav1.Condition): `status` is True, False or Unknown."""

    type: str
    status: str
    reason: str
    message: str


class Refusable(NamedTuple):
    """A running workload that a policy would not let back in, and the rules that it breaks."""

    namespace: str
    kind: str
    name: str
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyStanding:
    """A HardeningPolicy as its status tells it; what the operator has not written yet is None."""

    name: str
    profile: str
    action: str
    patching: str
    namespaces: int | None
    would_deny: int | None
    audited: float | None
    worst: tuple[Refusable, ...]
    aspects: tuple[Aspect, ...]

    @property
    def enforcing(self) -> bool:
        """Whether the cluster demonstrably refuses what the policy denies."""
        return any(each.type == "Enforcing" and each.status == "True" for each in self.aspects)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many rules came out how on a node. What is exempted counts there alone; `score` and `coverage` are percents."""

    failed: int
    warned: int
    undecided: int
    passed: int
    not_applicable: int
    exempted: int
    score: int | None
    coverage: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStanding:
    """A HardeningReport without its findings; `node` is empty for the one on the cluster itself, `tally` None before the first scan."""

    name: str
    node: str
    role: str
    profile: str
    scanned: float | None
    tally: Tally | None
    aspects: tuple[Aspect, ...]
    dropped: int

    @property
    def fresh(self) -> Aspect | None:
        """Whether the report still says how the node is; None where the operator has not said."""
        return next((each for each in self.aspects if each.type == "Fresh"), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenRule:
    """A rule that did not pass somewhere: the reports with each state, and how it is mended. What is exempted stands apart."""

    rule: str
    title: str
    severity: Severity
    stride: str
    fix: str
    failing: tuple[str, ...]
    warned: tuple[str, ...]
    undecided: tuple[str, ...]
    exempted: tuple[str, ...]

    @property
    def counts(self) -> bool:
        """Whether it counts anywhere."""
        return bool(self.failing or self.warned or self.undecided)


@dataclass(frozen=True, slots=True, kw_only=True)
class Posture:
    """How a cluster stands at a time. `nodes` is None where the cluster does not know the kind HardeningReport.

    `problems` are objects that could not be read, a sentence each: whatever they say is missing here.
    """

    at: float
    policies: tuple[PolicyStanding, ...]
    nodes: tuple[NodeStanding, ...] | None
    broken: tuple[BrokenRule, ...]
    exemptions: tuple[Exemption, ...]
    problems: tuple[str, ...]
