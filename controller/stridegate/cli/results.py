"""What a run of `stridegate check` found, as plain data: the one thing that every output format renders.

A `Result` has a `Subject` for every object that was judged, in the order of the sources, with its findings worst first;
the objects that nothing judges; and the problems that kept something from being judged. Nothing here knows a format, a
terminal or a policy: whoever renders needs no other module.

Every text that somebody else wrote has been through the sanitiser already: one line, no control character, no escape
sequence, cut where it is long. What a format itself must escape (HTML, Markdown, XML) is left to it. Lines and columns
count from 1. Times are Unix times in seconds. What there can be ten thousand of are named tuples: they are sent between processes.
"""

from __future__ import annotations

import enum
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from stridegate.model.vocabulary import Action, Severity

# The version of this shape: raised when a field changes its meaning or goes, not when one is added.
SCHEMA_VERSION = 1


class Standing(enum.Enum):
    """How a finding counts.

    DENIED, WARNED and AUDITED are what the policies do about it; of a workload it is what they do to its pods, where that
    is stricter. EXEMPTED and KNOWN findings count for nothing: an exemption in force takes the one, the baseline file
    that the run was given has the other.
    """

    DENIED = "denied"
    WARNED = "warned"
    AUDITED = "audited"
    EXEMPTED = "exempted"
    KNOWN = "known"


class Fixable(enum.Enum):
    """Whether `stridegate fix` can mend it: SAFE in practice breaks nothing, RISKY may stop an application, NO needs a person."""

    SAFE = "safe"
    RISKY = "risky"
    NO = "no"


class Position(NamedTuple):
    """A place in a source. Objects that come from a cluster, and not from a file, have none."""

    line: int
    column: int


class Taken(NamedTuple):
    """The exemption that takes a finding; `expires` is a Unix time."""

    name: str
    namespace: str
    expires: float
    owner: str = ""


class Finding(NamedTuple):
    """One thing that one rule found in an object.

    `place` is in words, such as "containers[web]: securityContext.privileged" (`owner` and `path` are its two parts), and
    `pointer` the same as a JSON pointer (RFC 6901) from the object's root. `at` is where that field stands, or the
    nearest thing above it that is there; `owner_at` is where its owner begins, the container mostly.
    `sentence` says all of it: "<place> is <observed> → must <wanted>"; where the rule could not judge (`error`), why not.

    `action` is what the strictest policy demands, whatever becomes of it; `policy` is its name. `fingerprint` is the same
    for the same finding after lines have moved, containers were reordered, or another run: it is made of the rule, the
    object's kind, namespace and name, the place by names, and the value.
    """

    rule: str
    title: str
    severity: Severity
    stride: str
    standing: Standing
    action: Action
    policy: str
    owner: str
    path: str
    observed: str
    wanted: str
    sentence: str
    pointer: str
    fingerprint: str
    fixable: Fixable
    at: Position | None = None
    owner_at: Position | None = None
    exemption: Taken | None = None
    error: bool = False

    @property
    def place(self) -> str:
        """Where it is, in words."""
        return f"{self.owner}: {self.path}" if self.owner and self.path else self.owner or self.path

    @property
    def counts(self) -> bool:
        """Whether it counts: neither exempted nor known."""
        return self.standing is not Standing.EXEMPTED and self.standing is not Standing.KNOWN


class Subject(NamedTuple):
    """An object that was judged: what it is, where it stands, and what was found in it, worst first.

    `source` is a file as it was named, "standard input", or "cluster". `name` may end in an ellipsis, where the API server is
    to complete it; `namespace` is empty for what belongs to none. `denied` says whether the webhook would refuse the
    object itself (`message` is what it would say) or, of a workload, the pods that it makes. `warnings` are those that
    its author would read.
    """

    source: str
    kind: str
    name: str
    namespace: str
    api_version: str
    at: Position | None
    denied: bool
    findings: tuple[Finding, ...] = ()
    message: str = ""
    warnings: tuple[str, ...] = ()


class Unjudged(NamedTuple):
    """An object that no rule looks at, and why: its kind holds no pod, or it is no object of Kubernetes at all."""

    source: str
    kind: str
    name: str
    namespace: str
    reason: str
    at: Position | None = None


class Problem(NamedTuple):
    """Something that should have been judged and was not, or a policy or exemption that cannot be read: what was wanted, what came."""

    source: str
    sentence: str
    at: Position | None = None

    def __str__(self) -> str:
        place = f"{self.source}:{self.at.line}" if self.at else self.source
        return f"{place}: {self.sentence}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """An exemption that takes something now and soon will not; `expires` is a Unix time, `rules` are what it takes."""

    exemption: Taken
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Everything that a run found.

    `at` is the time that exemptions were held against. `policies` are the names of those that the run judged by, and
    `assumptions` what it had to suppose, such as the labels of a namespace, one sentence each. `ending` are exemptions
    that end within the time that the run was asked to look ahead.
    """

    at: float
    policies: tuple[str, ...]
    subjects: tuple[Subject, ...] = ()
    unjudged: tuple[Unjudged, ...] = ()
    problems: tuple[Problem, ...] = ()
    assumptions: tuple[str, ...] = ()
    ending: tuple[Ending, ...] = ()
    summary: Summary = field(init=False)

    def __post_init__(self) -> None:
        """Count."""
        object.__setattr__(self, "summary", Summary(subjects=self.subjects))


@dataclass(frozen=True, kw_only=True)
class Summary:
    """The numbers of a run. Findings that are exempted or known are in `exempted` and `known` alone."""

    subjects: tuple[Subject, ...] = field(repr=False)

    @property
    def judged(self) -> int:
        """Objects that were judged."""
        return len(self.subjects)

    @cached_property
    def with_findings(self) -> int:
        """Objects with at least one finding that counts."""
        return sum(any(finding.counts for finding in subject.findings) for subject in self.subjects)

    @cached_property
    def denied(self) -> int:
        """Objects that would be refused, or whose pods would."""
        return sum(subject.denied for subject in self.subjects)

    @cached_property
    def severities(self) -> dict[Severity, int]:
        """Findings that count, by severity, worst first; every severity is there."""
        counted = Counter(finding.severity for finding in self._findings if finding.counts)
        return {severity: counted[severity] for severity in sorted(Severity, reverse=True)}

    @cached_property
    def standings(self) -> dict[Standing, int]:
        """All findings, by how they count; every standing is there."""
        counted = Counter(finding.standing for finding in self._findings)
        return {standing: counted[standing] for standing in Standing}

    @cached_property
    def fixables(self) -> dict[Fixable, int]:
        """Findings that count, by whether they can be mended; every answer is there."""
        counted = Counter(finding.fixable for finding in self._findings if finding.counts)
        return {fixable: counted[fixable] for fixable in Fixable}

    @property
    def findings(self) -> int:
        """Findings that count."""
        return sum(self.severities.values())

    @cached_property
    def _findings(self) -> tuple[Finding, ...]:
        return tuple(finding for subject in self.subjects for finding in subject.findings)
