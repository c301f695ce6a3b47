"""Judging one object: the request that creates it, healed and validated as in the webhook, and what came of it as plain data."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass

from stridegate.admission.errors import AdmissionError
from stridegate.admission.judgements import Judgement, judge
from stridegate.admission.kinds import KINDS, Kinds
from stridegate.admission.mutation import mutate
from stridegate.admission.policy_set import Rulebook
from stridegate.admission.reviews import Request, UserInfo
from stridegate.admission.subjects import scope_of
from stridegate.admission.validation import answer
from stridegate.admission.verdicts import Label, Verdict
from stridegate.cli.judging.findings import Locate, findings, position
from stridegate.cli.judging.own_kinds import EXEMPTION, POLICY, mistakes, own
from stridegate.cli.judging.requests import SOMEBODY, Judged, Roster, asked, creation, patched
from stridegate.cli.judging.standards import Standards
from stridegate.cli.manifests.documents import Document
from stridegate.cli.results import Finding, Problem, Standing, Subject, Unjudged
from stridegate.model.findings import Ruling
from stridegate.model.places import Pointer
from stridegate.model.texts import clean
from stridegate.model.vocabulary import Action, Profile

_NAME_RUNES = 253
_SENTENCE_RUNES = 1000
# Where msgspec says that something has another type than it must have.
_AT = re.compile(r"\$((?:\.[A-Za-z0-9_-]+|\[[0-9]+\]|\[\.\.\.\])*)")
_STEP = re.compile(r"\.([A-Za-z0-9_-]+)|\[([0-9]+)\]")
Outcome = Subject | Unjudged | Problem


@dataclass(frozen=True, slots=True)
class Answered:
    """A request with the rulebook that it was judged by, what was judged, and the webhook's verdict."""

    request: Request
    rulebook: Rulebook
    judged: Judgement | Label
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Object:
    """An object to judge, and where it is from. `namespace` is the one it is in, whether it says so or not."""

    source: str
    value: Mapping[str, object]
    namespace: str
    locate: Locate

    @property
    def api_version(self) -> str:
        """Its apiVersion."""
        return _text(self.value, "apiVersion")

    @property
    def kind(self) -> str:
        """Its kind."""
        return _text(self.value, "kind")

    @property
    def name(self) -> str:
        """Its name; what the API server is to complete ends in an ellipsis."""
        metadata = self.metadata
        name, begun = _text(metadata, "name"), _text(metadata, "generateName")
        return name or (f"{begun}…" if begun else "")

    @property
    def metadata(self) -> Mapping[str, object]:
        """Its metadata, empty where it has none."""
        found = self.value.get("metadata")
        return found if isinstance(found, dict) else {}

    def problem(self, sentence: str, pointer: Pointer = ()) -> Problem:
        """Return what keeps it from being judged."""
        return Problem(
            source=clean(self.source, _SENTENCE_RUNES),
            sentence=clean(sentence, _SENTENCE_RUNES),
            at=position(self.locate(pointer)),
        )

    def unjudged(self, reason: str) -> Unjudged:
        """Return the fact that nothing judges it."""
        return Unjudged(
            source=clean(self.source, _SENTENCE_RUNES),
            kind=clean(self.kind),
            name=clean(self.name, _NAME_RUNES),
            namespace=clean(_text(self.metadata, "namespace")),
            reason=reason,
            at=position(self.locate(())),
        )

    def subject(self, namespace: str, found: tuple[Finding, ...] = (), verdict: Verdict | None = None) -> Subject:
        """Return what came of judging it."""
        refused = verdict is not None and not verdict.allowed
        return Subject(
            source=clean(self.source, _SENTENCE_RUNES),
            kind=clean(self.kind),
            name=clean(self.name, _NAME_RUNES),
            namespace=clean(namespace),
            api_version=clean(self.api_version),
            at=position(self.locate(())),
            denied=refused or any(finding.standing is Standing.DENIED for finding in found),
            findings=found,
            message=verdict.message if verdict else "",
            warnings=verdict.warnings if verdict else (),
        )


class Judge:
    """Judges objects by some standards; `namespace` is where those are that do not say it."""

    def __init__(
        self, standards: Standards, *, namespace: str = "default", kinds: Kinds = KINDS, advisory: bool = False
    ) -> None:
        self.standards = standards
        self._namespace = namespace
        self._kinds = kinds
        self._roster = Roster(kinds)
        self._advisory = advisory

    def document(self, document: Document) -> list[Outcome]:
        """Return what comes of an object in a source."""
        if document.request is not None:
            return [self._review(document, document.request)]
        found = self._object(document)
        if own(document):
            return self._own(found, document)
        judged = self._roster.judged(found.api_version, found.kind)
        if judged is None:
            return [self._strange(found)]
        templated = document.templated() if document.braces else None
        if templated is not None:
            return [found.problem(str(templated))._replace(at=position(templated.position))]
        return [self.created(found, judged)]

    def creatable(self, document: Document) -> tuple[Object, Judged] | None:
        """Return the object of a manifest with its kind; None for what is judged in no other way than as it stands, or not at all."""
        found = self._object(document)
        judged = None if document.request is not None else self._roster.judged(found.api_version, found.kind)
        return None if judged is None else (found, judged)

    def _object(self, document: Document) -> Object:
        return Object(
            source=document.source.name,
            value=document.value,
            namespace=_text(_map(document.value, "metadata"), "namespace") or self._namespace,
            locate=functools.cache(document.position),
        )

    def created(self, found: Object, judged: Judged, user: UserInfo = SOMEBODY) -> Outcome:
        """Return what would come of the creation of an object by a user; whom it is makes a difference for mirror pods alone."""
        wrong = _wrong(found.metadata)
        if wrong is not None:
            return found.problem(*wrong)
        try:
            given = self.answered(creation(found.value, judged, found.namespace, user))
        except AdmissionError as error:
            return found.problem(str(error), _blamed(str(error)))
        return self._subject(found, given, found.namespace if judged.namespaced else "")

    def answered(self, request: Request) -> Answered:
        """Return the webhook's verdict on a request: healed first where it creates a pod, then validated. Raises AdmissionError."""
        rulebook = self.standards.rulebook(scope_of(request))
        if rulebook.regime.mending and request.resource.resource == "pods":
            healed = mutate(request, rulebook, now=self.standards.now)
            if healed.patch is not None:
                request = patched(request, healed.patch)
        return self.validated(request)

    def validated(self, request: Request) -> Answered:
        """Return the webhook's verdict on a request as it stands. Raises AdmissionError."""
        rulebook = self.standards.rulebook(scope_of(request))
        judged = judge(request, rulebook, self._kinds, now=self.standards.now)
        return Answered(request, rulebook, judged, answer(judged, request, rulebook))

    def _subject(self, found: Object, given: Answered, namespace: str) -> Subject:
        if isinstance(given.judged, Label):
            return found.subject(namespace, (), given.verdict)
        identity = (found.kind, namespace, found.name)
        listed = findings(given.judged.decision, identity, found.locate, self._told)
        return found.subject(namespace, listed, given.verdict)

    def _told(self, ruling: Ruling) -> bool:
        """Whether a finding is shown: advice that no policy asks for is of interest to whoever wants to see it."""
        if self._advisory or ruling.finding.rule.profile is not Profile.ADVISORY or ruling.demanded > Action.AUDIT:
            return True
        policy = self.standards.policies.policies.get(ruling.policy)
        return policy is not None and ruling.finding.rule.slug in policy.policy.rules

    def _review(self, document: Document, request: Mapping[str, object]) -> Outcome:
        found = Object(
            source=document.source.name,
            value=document.value,
            namespace=_text(request, "namespace"),
            locate=functools.cache(document.position),
        )
        try:
            given = self.validated(asked(request))
        except AdmissionError as error:
            return found.problem(str(error), _blamed(str(error)))
        return self._subject(found, given, scope_of(given.request) or "")

    def _own(self, found: Object, document: Document) -> list[Outcome]:
        if found.kind not in {POLICY, EXEMPTION}:
            return [found.unjudged("it is written by Stridegate itself")]
        namespace = found.namespace if found.kind == EXEMPTION else ""
        wrong = [
            found.problem(each.sentence)._replace(at=position(each.position))
            for each in mistakes(document, self.standards.now, self._namespace)
        ]
        return [*wrong] or [found.subject(namespace)]

    def _strange(self, found: Object) -> Outcome:
        """Return what is said about an object that no rule looks at, or that cannot be what it seems to be."""
        instead = self._roster.served_instead(found.api_version, found.kind)
        if instead:
            return found.problem(
                f"wanted a version of {found.kind} that Kubernetes serves ({instead}), got {found.api_version[:60]!a}",
                ("apiVersion",),
            )
        if self._roster.half_named(found.api_version, found.kind):
            return found.problem(f"wanted the apiVersion of a {found.kind}, got nothing")
        if found.kind == "Kustomization":
            return found.unjudged("it is built first: kustomize build DIRECTORY | stridegate check -")
        if not found.kind or not found.api_version:
            return found.unjudged("it is no object of Kubernetes: it has no kind or no apiVersion")
        return found.unjudged("no rule looks at this kind")


def _wrong(metadata: Mapping[str, object]) -> tuple[str, Pointer] | None:
    for key in ("name", "namespace"):
        value = metadata.get(key)
        if value is not None and not isinstance(value, str):
            return f"metadata.{key}: wanted a text, got {str(value)[:60]!a}; put it in quotes", ("metadata", key)
    return None


def _blamed(message: str) -> Pointer:
    """Return the field that the sentence of an error points at, as msgspec writes paths."""
    found = _AT.search(message)
    if found is None:
        return ()
    return tuple(int(index) if index else name for name, index in _STEP.findall(found[1]))


def _text(mapping: Mapping[str, object], key: str) -> str:
    found = mapping.get(key)
    return found if isinstance(found, str) else ""


def _map(mapping: Mapping[str, object], key: str) -> Mapping[str, object]:
    found = mapping.get(key)
    return found if isinstance(found, dict) else {}
