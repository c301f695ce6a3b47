"""Mending what stands in one source: judged as `check` judges it, corrected, written back, and judged again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from stridegate.admission.judgements import Judgement
from stridegate.admission.verdicts import Label
from stridegate.cli.fixes.editors import same
from stridegate.cli.fixes.errors import Unwritable
from stridegate.cli.fixes.rewriting import rewrite
from stridegate.cli.fixes.values import amended
from stridegate.cli.judging.findings import fingerprint
from stridegate.cli.judging.requests import Judged, creation
from stridegate.cli.judging.subjects import Judge, Object
from stridegate.cli.manifests.documents import Document, Reading, read_text
from stridegate.cli.manifests.sources import Source
from stridegate.cli.manifests.values import value_of
from stridegate.cli.results import Finding, Problem, Subject, Unjudged
from stridegate.engine.corrections import Obstacle, correct
from stridegate.model.vocabulary import Safety

# One fix can bring another within reach, and that one more; the rest is a bound.
_MOST_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Left:
    """A finding that is left, in which object, and why."""

    subject: Subject
    finding: Finding
    reason: str


@dataclass(slots=True, kw_only=True)
class Mended:
    """What became of one source: its text before and after, how many findings are gone, and what is left of them."""

    before: str = ""
    after: str = ""
    gone: int = 0
    left: list[Left] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    judged: int = 0


# The reasons why findings of one object are left, by their fingerprints.
_Reasons = dict[str, str]
