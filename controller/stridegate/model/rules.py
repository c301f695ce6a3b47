"""What a rule is: one declaration of what a pod or another object may not contain, why, where that comes from, and how to check and to heal it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Generic, Literal, NamedTuple, Never, TypedDict, TypeVar, Unpack

from stridegate.model.container_views import ContainerKind
from stridegate.model.entries import CatalogueEntry
from stridegate.model.errors import BadCatalogue
from stridegate.model.object_views import ConnectionView, JobView, PersistentVolumeView, ServiceView
from stridegate.model.references import PodSecurity
from stridegate.model.settings import Setting
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Outcome, Profile, ValueKind

if TYPE_CHECKING:
    from fractions import Fraction

    from stridegate.model.edits import Patch
    from stridegate.model.places import Place

# What a rule judges: the view of one kind of subject.
S_contra = TypeVar("S_contra", contravariant=True)

# The newest row of the Pod Security Standards that the rules know; `latest`, or anything newer, means this one.
NEWEST_POD_SECURITY_MINOR = 37


@dataclass(frozen=True, slots=True)
class Quantity:
    """A quantity as a policy wrote it, and its exact value in the base unit."""

    text: str
    value: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What a policy may tell a rule: one typed schema for all rules; each rule declares the fields it takes.

    Quantities are given in bytes, with the text they were written as, so that a patch writes what the policy says.
    """

    default: Quantity | None = None
    ceiling: Quantity | None = None
    size_limit: Quantity | None = None
    paths: tuple[str, ...] = ()
    sockets: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    maximum_seconds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a check is given beside its subject: the version and level of the standards it is held to, and the policy's parameters for it."""

    pod_security: int = NEWEST_POD_SECURITY_MINOR
    profile: Profile = Profile.HARDENED
    parameters: Parameters = Parameters()


class Violation(NamedTuple):
    """One place where a subject breaks a rule.

    `observed` and `wanted` complete the sentence "<place> is <observed> → must <wanted>". `value` tells two violations
    of one place apart, such as the capability or the host path, and is what an exemption may name. `rank` orders how
    bad two values of the same key are, for updates that worsen one.
    """

    place: Place
    observed: str
    wanted: str
    patch: Patch | None = None
    value: str = ""
    rank: int = 0
    outcome: Outcome = Outcome.FAIL


# The most that `observe` shows of a value: a violation carries it, and there can be one for each element of a list.
_RUNES_SHOWN = 120
_ELEMENT_RUNES = 40
_REST_RUNES = 20


def observe(value: object) -> str:
    """Return a field's value as messages show it: absent, or as it stands in a manifest, cut where it is long."""
    if value is None:
        return "absent"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(_elements(value))}]"
    return '""' if value == "" else _cut(str(value), _RUNES_SHOWN)


def _elements(values: tuple[object, ...]) -> Iterator[str]:
    room = _RUNES_SHOWN - _REST_RUNES
    for index, value in enumerate(values):
        text = _cut(str(value), _ELEMENT_RUNES)
        room -= len(text) + 2
        if room < 0:
            yield f"… and {len(values) - index} more"
            return
        yield text


def _cut(text: str, runes: int) -> str:
    return text if len(text) <= runes else text[: runes - 1] + "…"


Check = Callable[[S_contra, Given], Iterable[Violation]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A subject that shows what a rule means: YAML laid over one that breaks no rule (null removes a key, lists merge by name).

    For a pod that is the spec of a minimal hardened one. A bad example breaks its own rule and exactly those it lists under `also`.
    """

    title: str
    verdict: Literal["good", "bad"]
    spec: str
    annotations: Mapping[str, str] = field(default_factory=dict)
    also: tuple[str, ...] = ()
    given: Given = Given()
    # Where it stands, if that matters: absent means wherever it does.
    setting: Setting | None = None
    # Whether what breaks the rule belongs to no container, so that a rule that spares some kinds finds it all the same.
    shared: bool = False
    # Whether the API server itself accepts it; it refuses some that the command line and the audit may still meet.
    valid: bool = True


class _Details(TypedDict, total=False):
    """The fields of an example beside its title, its verdict and its spec."""

    annotations: Mapping[str, str]
    also: tuple[str, ...]
    given: Given
    setting: Setting
    shared: bool
    valid: bool


def bad(title: str, spec: str, **details: Unpack[_Details]) -> Example:
    """Return an example that breaks the rule."""
    return Example(title=title, verdict="bad", spec=spec, **details)


def good(title: str, spec: str, **details: Unpack[_Details]) -> Example:
    """Return an example that the rule has nothing to say about; `also` lists the other rules it breaks."""
    return Example(title=title, verdict="good", spec=spec, **details)


_PARAGRAPHS = ("Threat", "Check", "Fix")


@dataclass(frozen=True, kw_only=True, repr=False)
class Rule(CatalogueEntry, Generic[S_contra]):
    """A rule about one kind of subject.

    `doc` has one sentence that says what is wrong, then paragraphs that begin with Threat, Check and Fix. `takes` names
    the parameters it reads. `value` is what the values of its violations are, where exemptions can be narrowed to some
    of them.
    """

    # The view that it judges, and what its examples are laid over, for people.
    subject: ClassVar[type]
    laid_over: ClassVar[str]

    doc: str | None
    profile: Profile
    check: Check[S_contra]
    examples: tuple[Example, ...]
    takes: frozenset[str] = frozenset()
    value: ValueKind | None = None

    def __post_init__(self) -> None:
        """Raise BadCatalogue where the declaration lacks what everything derived from it needs."""
        missing = [name for name in _PARAGRAPHS if name not in self.paragraphs]
        if missing:
            raise BadCatalogue(self.slug, f"its docstring has no paragraph {', '.join(f'{name}:' for name in missing)}")
        verdicts = {example.verdict for example in self.examples}
        if verdicts != {"good", "bad"}:
            raise BadCatalogue(self.slug, "wants at least one good and one bad example")

    @property
    def title(self) -> str:
        """One sentence that says what is wrong."""
        return (self.doc or "").split("\n", 1)[0]

    @cached_property
    def paragraphs(self) -> Mapping[str, str]:
        """The paragraphs of its docstring."""
        _, _, body = (self.doc or "").partition("\n\n")
        parts = re.split(rf"^({'|'.join(_PARAGRAPHS)}): ", body, flags=re.MULTILINE)
        return {name: " ".join(text.split()) for name, text in zip(parts[1::2], parts[2::2], strict=True)}

    @cached_property
    def standard(self) -> bool:
        """Whether the rule is of the Pod Security Standards, and not Stridegate's own."""
        return any(isinstance(reference, PodSecurity) for reference in self.references)

    @cached_property
    def standard_since(self) -> int:
        """The minor version of the Pod Security Standards that first has the rule; 0 where the rule is not of the standards."""
        return min((reference.since for reference in self.references if isinstance(reference, PodSecurity)), default=0)


@dataclass(frozen=True, kw_only=True, repr=False)
class PodRule(Rule[PodView]):
    """A rule about pods; `spares` are the kinds of containers that it leaves alone."""

    subject: ClassVar[type] = PodView
    laid_over: ClassVar[str] = "a hardened pod spec"

    spares: frozenset[ContainerKind] = frozenset()


@dataclass(frozen=True, kw_only=True, repr=False)
class ServiceRule(Rule[ServiceView]):
    """A rule about Services."""

    subject: ClassVar[type] = ServiceView
    laid_over: ClassVar[str] = "the spec of a Service inside the cluster"


@dataclass(frozen=True, kw_only=True, repr=False)
class PersistentVolumeRule(Rule[PersistentVolumeView]):
    """A rule about PersistentVolumes."""

    subject: ClassVar[type] = PersistentVolumeView
    laid_over: ClassVar[str] = "the spec of a PersistentVolume that a driver provides"


@dataclass(frozen=True, kw_only=True, repr=False)
class JobRule(Rule[JobView]):
    """A rule about Jobs, and about those that CronJobs make."""

    subject: ClassVar[type] = JobView
    laid_over: ClassVar[str] = "the spec of a Job that is never tried again"


@dataclass(frozen=True, kw_only=True, repr=False)
class ConnectionRule(Rule[ConnectionView]):
    """A rule about `exec` and `attach`."""

    subject: ClassVar[type] = ConnectionView
    laid_over: ClassVar[str] = "the user of a request"


AnyRule = Rule[Never]


@dataclass(frozen=True, slots=True, eq=False)
class Question(Generic[S_contra]):
    """A rule as it is asked: with the version, level and parameters that some policies agree on. Compared by identity."""

    rule: Rule[S_contra]
    given: Given
    # The rule's own, at hand.
    check: Check[S_contra] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Take what is asked a thousand times a second out of the rule."""
        object.__setattr__(self, "check", self.rule.check)


AnyQuestion = Question[Never]
