"""Mending what stands in one source: judged as `check` judges it, corrected, written back, and judged again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from stridegate.admission.verdicts import Label
from stridegate.cli.fixes.editors import same
from stridegate.cli.fixes.errors import Unwritable
from stridegate.cli.fixes.rewriting import rewrite
from stridegate.cli.fixes.values import amended
from stridegate.cli.judging.findings import fingerprint
from stridegate.cli.judging.requests import creation
from stridegate.cli.judging.runs import Part, take
from stridegate.cli.judging.subjects import Judge, Outcome
from stridegate.cli.manifests.documents import Document, Reading, read_text
from stridegate.cli.manifests.errors import BrokenSyntax, ManifestError, Oversized
from stridegate.cli.manifests.sources import Source
from stridegate.cli.manifests.templates import chart_of, chart_template
from stridegate.cli.manifests.values import value_of
from stridegate.cli.outputs.sentences import position
from stridegate.cli.results import Finding, Position, Problem, Subject, Unjudged
from stridegate.engine.corrections import Obstacle, correct
from stridegate.model.edits import Edit
from stridegate.model.findings import Decision, FindingKey
from stridegate.model.places import Pointer
from stridegate.model.vocabulary import Profile, Safety

# One fix can bring another within reach, and that one more; the rest is a bound.
_MOST_ROUNDS = 5

# Why findings are left, by the object (the number of its document, and where in it) and their fingerprints.
_Reasons = dict[tuple[int, Pointer, str], str]


@dataclass(frozen=True, slots=True)
class Left:
    """A finding that is left, in which object, and why."""

    subject: Subject
    finding: Finding
    reason: str

    @property
    def at(self) -> Position | None:
        """Where it is shown: at its container or other owner, else at its object."""
        return position(self.subject, self.finding)


@dataclass(slots=True, kw_only=True)
class Mended:
    """What became of one source: its content before and after, how many findings are gone, and what is left of them.

    `others` is how many of its objects are of kinds that no rule looks at.
    """

    source: Source
    before: bytes = b""
    after: bytes = b""
    gone: int = 0
    left: list[Left] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    judged: int = 0
    others: int = 0


class Mender:
    """Mends sources by what a judge says of them, with patches up to some safety."""

    def __init__(self, judge: Judge, most: Safety) -> None:
        self._judge = judge
        self._most = most

    def mend(self, source: Source) -> Mended:
        """Return what becomes of a source; nothing is written."""
        content, reading = _read(source)
        outcomes = self._outcomes(reading)
        mended = Mended(source=source, before=content, after=content, judged=sum(map(len, map(_subjects, outcomes))))
        part = Part()
        take(part, replace(reading, documents=()), self._judge)
        mended.others = len(part.unjudged) + sum(isinstance(each, Unjudged) for held in outcomes for each in held)
        mended.problems = part.problems + [each for held in outcomes for each in held if isinstance(each, Problem)]
        reasons: _Reasons = {}
        before = list(_left(reading, outcomes, reasons))
        obstacle = _obstacle(reading)
        if obstacle:
            for document in reading.documents:
                self._refuse(document, obstacle, reasons)
        elif before:
            text = content.decode("utf-8-sig")
            after = self._rewritten(text, _with_findings(reading, outcomes), reasons)
            if after != text:
                mark = content[: len(content) - len(text.encode())]
                mended.after = mark + after.encode()
                reading = read_text(after, source)
                outcomes = self._outcomes(reading)
        mended.left = sorted(_left(reading, outcomes, reasons), key=_line)
        mended.gone = len(before) - len(mended.left)
        return mended

    def _outcomes(self, reading: Reading) -> list[list[Outcome]]:
        return [self._judge.document(document) for document in reading.documents]

    def _rewritten(self, text: str, documents: Sequence[Document], reasons: _Reasons) -> str:
        """Return a text with everything corrected in these of its objects that can be."""
        wanted: dict[int, object] = {}
        for document in documents:
            root = wanted.get(document.number - 1, _ROOTLESS)
            if root is _ROOTLESS:
                root = value_of(document.root, len(text))
            corrected = self._corrected(document, root, reasons)
            if corrected is not root:
                wanted[document.number - 1] = corrected
        if not wanted:
            return text
        rewriting = rewrite(text, wanted)
        for document in documents:
            why = rewriting.refused.get(document.number - 1)
            if why is not None:
                self._refuse(document, why, reasons)
        return rewriting.text

    def _corrected(self, document: Document, root: object, reasons: _Reasons) -> object:
        """Return the root of a document with its object corrected; why findings are left is added to the reasons."""
        for _ in range(_MOST_ROUNDS):
            edits = tuple(self._edits(document, reasons))
            try:
                changed = amended(root, edits, document.pointer)
                value = amended(document.value, edits)
            except Unwritable as why:
                self._refuse(document, str(why), reasons)
                return root
            if same(changed, root) or not isinstance(value, dict):
                return root
            root, document = changed, replace(document, value=value)
        return root

    def _edits(self, document: Document, reasons: _Reasons) -> Iterator[Edit]:
        """Yield what corrects an object as it is now."""
        created = self._judge.creatable(document)
        if created is None:
            return
        found, judged = created
        given = self._judge.answered(creation(found.value, judged, found.namespace))
        if isinstance(given.judged, Label) or given.judged.pod is None:
            return
        identity = (found.kind, found.namespace if judged.namespaced else "", found.name)
        untold = self._untold(document, given.judged.decision, identity)
        findings = [each for each in given.judged.difference.answerable if each.key not in untold]
        regime = given.rulebook.regime
        correction = correct(regime, given.judged.pod, findings, given.judged.circumstances, self._most)
        for each in findings:
            if each.key in correction.left:
                key = (document.number, document.pointer, fingerprint(each, identity))
                reasons[key] = correction.left[each.key].value
        yield from correction.edits

    def _untold(self, document: Document, decision: Decision, identity: tuple[str, str, str]) -> set[FindingKey]:
        """Return the advice that nobody asked for: it is not told, and not followed. What policies exclude is in no decision."""
        advice = [each.finding for each in decision.audited if each.finding.rule.profile is Profile.ADVISORY]
        told = {each.fingerprint for each in self._findings(document)} if advice else set()
        return {each.key for each in advice if fingerprint(each, identity) not in told}

    def _findings(self, document: Document) -> list[Finding]:
        return [finding for subject in _subjects(self._judge.document(document)) for finding in subject.findings]

    def _refuse(self, document: Document, why: str, reasons: _Reasons) -> None:
        for finding in self._findings(document):
            reasons.setdefault((document.number, document.pointer, finding.fingerprint), why)


def _subjects(outcomes: Iterable[Outcome]) -> list[Subject]:
    return [outcome for outcome in outcomes if isinstance(outcome, Subject)]


def _with_findings(reading: Reading, outcomes: Iterable[Iterable[Outcome]]) -> list[Document]:
    pairs = zip(reading.documents, outcomes, strict=True)
    return [
        each for each, found in pairs if any(one.counts for subject in _subjects(found) for one in subject.findings)
    ]


def _left(reading: Reading, outcomes: Iterable[Iterable[Outcome]], reasons: _Reasons) -> Iterator[Left]:
    for document, found in zip(reading.documents, outcomes, strict=True):
        otherwise = Obstacle.MANUAL.value if document.request is None else "it stands in an AdmissionReview"
        for subject in _subjects(found):
            for finding in subject.findings:
                if finding.counts:
                    key = (document.number, document.pointer, finding.fingerprint)
                    yield Left(subject, finding, reasons.get(key, otherwise))


def _line(left: Left) -> int:
    return left.at.line if left.at else 0


_ROOTLESS = object()


def _read(source: Source) -> tuple[bytes, Reading]:
    """Return what stands in a source, as bytes and as objects, from one look at it."""
    chart = None if source.path is None else chart_of(source.path)
    if chart is not None:
        return b"", Reading(source=source, errors=(chart_template(str(chart)),))
    try:
        content = source.read()
        text = Source(source.name, content=content).text()
    except ManifestError as error:
        return b"", Reading(source=source, errors=(error,))
    return content, read_text(text, source)


def _obstacle(reading: Reading) -> str:
    """Return why a source is left as it is; nothing where it has been read to its end, and none of it is a template."""
    if any(isinstance(error, BrokenSyntax | Oversized) for error in reading.errors):
        return "the file could not be read to its end"
    if any(document.braces and document.templated() for document in reading.documents):
        return "the file has the syntax of a template in it"
    return ""
