"""What a rule about a node is: one declaration of what a node may not look like, why, how it is judged and how it is mended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from stridegate.model.entries import ReportedRule
from stridegate.model.errors import BadCatalogue
from stridegate.model.nodes.answers import FileKind, Process, RunningContainer
from stridegate.model.nodes.nodes import Circumstances, Node
from stridegate.model.nodes.queries import Query
from stridegate.model.nodes.remedies import Remedy
from stridegate.model.nodes.verdicts import State, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFile:
    """A file of an example's host; a link leads to `link`."""

    text: str = ""
    mode: int = 0o600
    uid: int = 0
    gid: int = 0
    kind: FileKind = FileKind.FILE
    link: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeExample:
    """A host that shows what a rule means, and the verdict on it.

    `files` (by path; parent directories are root's, 0755) and `processes` are laid out under a directory and read as a
    real host is; `answers` are those to queries that a directory cannot hold, such as a kubelet's or a listener's.
    """

    title: str
    state: State
    files: Mapping[str, HostFile] = field(default_factory=dict)
    processes: tuple[Process, ...] = ()
    answers: Mapping[Query[object], object] = field(default_factory=dict)
    circumstances: Circumstances = field(default_factory=Circumstances)


@dataclass(frozen=True, kw_only=True, repr=False)
class ScanRule(ReportedRule):
    """What rules about nodes and about running containers share; `remedy` says how such a setting is changed, by installation."""

    remedy: Remedy

    @property
    def paragraphs(self) -> Mapping[str, str]:
        """Why it matters, when it passes and how to mend it."""
        return {**super().paragraphs, "Fix": f"{self.fix.rstrip('.')}. {self.remedy.words}"}


@dataclass(frozen=True, kw_only=True, repr=False)
class NodeRule(ScanRule):
    """A rule about files, settings, daemons and listeners of a node.

    `judge` may let NotThere and NotReadable pass through: they mean NotApplicable and Unknown.
    """

    judge: Callable[[Node], Verdict]
    examples: tuple[NodeExample, ...]

    def __post_init__(self) -> None:
        """Raise BadCatalogue where the declaration lacks what everything derived from it needs."""
        super().__post_init__()
        states = {example.state for example in self.examples}
        if not states & {State.FAIL, State.WARN} or not states & {State.PASS, State.NOT_APPLICABLE}:
            raise BadCatalogue(self.slug, "wants an example that it finds fault with and one that it does not")


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerExample:
    """A running container, and the verdict on it."""

    title: str
    state: State
    container: RunningContainer
    answers: Mapping[Query[object], object] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, repr=False)
class ContainerRule(ScanRule):
    """A rule about one running container; a report has one finding for all containers, which are its offenders.

    `judge` may ask the node too. A sandboxed container is NotApplicable without being asked about.
    """

    judge: Callable[[RunningContainer, Node], Verdict]
    examples: tuple[ContainerExample, ...]

    def __post_init__(self) -> None:
        """Raise BadCatalogue where the declaration lacks what everything derived from it needs."""
        super().__post_init__()
        states = {example.state for example in self.examples}
        if not states & {State.FAIL, State.WARN} or State.PASS not in states:
            raise BadCatalogue(self.slug, "wants an example that it finds fault with and one that passes")
