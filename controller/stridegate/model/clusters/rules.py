"""What a rule about a cluster is: one declaration of what its objects may not say, why, how it is judged and how it is mended."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from stridegate.model.clusters.views import Cluster, NodeStanding, Restarts
from stridegate.model.entries import ReportedRule
from stridegate.model.errors import BadCatalogue
from stridegate.model.nodes.verdicts import Evidence, Offender, Source, State, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterExample:
    """A cluster that shows what a rule means, and the verdict on it.

    `objects` are its objects as YAML documents; kinds that none of them has are listed and empty. `absent` are kinds
    that the cluster does not serve, or that whoever judges may not list.
    """

    title: str
    state: State
    objects: str = ""
    absent: tuple[str, ...] = ()
    nodes: tuple[NodeStanding, ...] = ()
    populated: frozenset[str] = frozenset()
    restarts: tuple[Restarts, ...] | None = None
    now: float = 0.0


@dataclass(frozen=True, kw_only=True, repr=False)
class ClusterRule(ReportedRule):
    """A rule about a cluster; what breaks it are the offenders of its one finding.

    `judge` may let NotReadable and NotThere pass through: they mean Unknown and NotApplicable.
    """

    judge: Callable[[Cluster], Verdict]
    examples: tuple[ClusterExample, ...]

    def __post_init__(self) -> None:
        """Raise BadCatalogue where the declaration lacks what everything derived from it needs."""
        super().__post_init__()
        states = {example.state for example in self.examples}
        if not states & {State.FAIL, State.WARN} or not states & {State.PASS, State.UNKNOWN}:
            raise BadCatalogue(self.slug, "wants an example that it finds fault with and one that it does not")


def verdict(
    offenders: Iterable[tuple[str, str]], place: str, good: str, *, state: State = State.FAIL, note: str = ""
) -> Verdict:
    """Return the verdict that these offenders (what, and what was seen there) lead to, of what was read at a place of the API.

    Without an offender it is a Pass, and `good` says what was seen.
    """
    named = tuple(Offender(name=what, observed=seen) for what, seen in sorted(set(offenders)))
    evidence = Evidence(source=Source.API, path=place)
    if not named:
        return Verdict(state=State.PASS, observed=good, evidence=evidence)
    observed = f"{named[0].name}: {named[0].observed}" if len(named) == 1 else f"{len(named)} of them"
    return Verdict(state=state, observed=observed, evidence=evidence, offenders=named, note=note)
