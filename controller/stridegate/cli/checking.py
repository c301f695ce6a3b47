"""A run of `stridegate check` from what was asked to its result: gather what to judge by, judge, and say how it ends."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stridegate.admission.errors import BadEmbedder
from stridegate.admission.kinds import kinds_with, read_embedder
from stridegate.cli.judging import own_kinds
from stridegate.cli.judging.baselines import compared, read_baseline, write_baseline
from stridegate.cli.judging.errors import CheckError
from stridegate.cli.judging.runs import Found, Part, judged, labels_in
from stridegate.cli.judging.standards import Standards, profile_policy, standards
from stridegate.cli.judging.subjects import Judge
from stridegate.cli.manifests.sources import sources
from stridegate.cli.results import Ending, Problem, Result, Standing, Subject, Taken
from stridegate.model.texts import clean
from stridegate.model.vocabulary import Profile, Severity

if TYPE_CHECKING:
    from stridegate.cli.judging.clusters import Held
    from stridegate.kube.cluster import Cluster

_CLEAN, _FINDINGS, _UNREADABLE = 0, 1, 3
_DEFAULT_NAMESPACE = "default"
_RUNES = 1000
# Seconds after which a run is a long one, and at least between two lines of progress.
_PATIENCE, _PACE = 2.0, 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was asked: what to judge, and by what. `looking_ahead` is in seconds, `as_of` a Unix time."""

    paths: tuple[str, ...]
    policies: tuple[str, ...] = ()
    profile: str | None = None
    exemptions: tuple[str, ...] = ()
    as_of: float | None = None
    namespace: str | None = None
    cluster: bool = False
    kubeconfig: Path | None = None
    context: str | None = None
    baseline: Path | None = None
    looking_ahead: float | None = None
    exclude: tuple[str, ...] = ()
    pod_templates: tuple[str, ...] = ()
    advisory: bool = False


def check(request: Request) -> Result:
    """Return what comes of everything that was asked about.

    Raises click.UsageError for what cannot be judged by, and OutOfReach for a cluster that does not answer.
    """
    try:
        return _checked(request)
    except (BadEmbedder, CheckError) as error:
        raise click.UsageError(str(error)) from error


def _checked(request: Request) -> Result:
    known = read_baseline(request.baseline) if request.baseline else frozenset()
    cluster = _connected(request) if request.cluster else None
    held = _held(request, cluster)
    found = list(sources(request.paths, request.exclude))
    judge = _judge(request, held, found)
    progress = _Progress()
    part = judged(found, judge, progress.tell) if request.paths else _live(cluster, judge, request, progress)
    progress.end()
    return _result(request, judge.standards, part, held.problems if held else (), known)


def judge_of(request: Request, found: Sequence[Found]) -> Judge:
    """Return what judges some sources as was asked. Raises click.UsageError for what cannot be judged by."""
    try:
        return _judge(request, None, found)
    except (BadEmbedder, CheckError) as error:
        raise click.UsageError(str(error)) from error


def _judge(request: Request, held: Held | None, found: Sequence[Found]) -> Judge:
    now = time.time() if request.as_of is None else request.as_of
    namespace = request.namespace or _DEFAULT_NAMESPACE
    rules = _standards(request, held, now, namespace)
    if rules.selective and found:
        rules = rules.with_namespaces(labels_in(found))
    kinds = kinds_with(map(read_embedder, request.pod_templates))
    return Judge(rules, namespace=namespace, kinds=kinds, advisory=request.advisory)


def _standards(request: Request, held: Held | None, now: float, namespace: str) -> Standards:
    read = list(own_kinds.policies(request.policies).values())
    policies = [policy for policy, _ in read]
    if held is not None and held.policies is not None and not policies and request.profile is None:
        policies = list(held.policies)
    elif request.profile is not None or not policies:
        profiles = {str(each): each for each in Profile}
        profile = profiles[request.profile or str(Profile.RESTRICTED)]
        policies.append(profile_policy(profile, advisory=request.advisory))
    exemptions = own_kinds.exemptions(request.exemptions, now, namespace)
    granted = [*exemptions, *(held.exemptions if held else ())]
    rules = standards(policies, granted, held.labels if held else {}, now)
    rules.assumed.update((each, each) for each in own_kinds.remarks(read, exemptions, now))
    if held is not None and held.policies is None and not read and request.profile is None:
        rules.assumed["installed"] = "Stridegate is not installed in the cluster: held against the profile restricted"
    return rules


def _connected(request: Request) -> Cluster:
    from stridegate.cli.contexts import connect  # noqa: PLC0415 - most runs need no cluster

    return connect(request.kubeconfig, request.context)[0]


def _held(request: Request, cluster: Cluster | None) -> Held | None:
    if cluster is None:
        return None
    from stridegate.cli.contexts import reached  # noqa: PLC0415 - as above
    from stridegate.cli.judging.clusters import held  # noqa: PLC0415

    given = bool(request.policies or request.profile)
    return reached(lambda: held(cluster, with_policies=not given))


def _live(cluster: Cluster | None, judge: Judge, request: Request, progress: _Progress) -> Part:
    from stridegate.cli.contexts import reached  # noqa: PLC0415 - as above
    from stridegate.cli.judging.clusters import live  # noqa: PLC0415

    if cluster is None:
        return Part()
    return reached(lambda: live(cluster, judge, request.namespace, progress.tell))


def _result(
    request: Request, rules: Standards, part: Part, problems: Sequence[Problem], known: frozenset[str]
) -> Result:
    subjects = compared(part.subjects, known) if known else tuple(part.subjects)
    ending = () if request.looking_ahead is None else tuple(_ending(subjects, rules.now + request.looking_ahead))
    return Result(
        at=rules.now,
        policies=rules.names,
        subjects=subjects,
        unjudged=tuple(part.unjudged),
        problems=(*problems, *part.problems),
        assumptions=tuple(clean(sentence, _RUNES) for _, sentence in sorted(part.assumed.items())),
        ending=ending,
    )


def _ending(subjects: Iterable[Subject], until: float) -> Iterator[Ending]:
    """Yield the exemptions that take something and end before a time, the soonest first."""
    taking: dict[Taken, dict[str, None]] = {}
    for subject in subjects:
        for finding in subject.findings:
            if finding.exemption is not None and finding.exemption.expires <= until:
                taking.setdefault(finding.exemption, {})[finding.rule] = None
    for taken in sorted(taking, key=lambda each: (each.expires, each.namespace, each.name)):
        yield Ending(exemption=taken, rules=tuple(taking[taken]))


def keep(path: Path, result: Result) -> None:
    """Write a baseline of what was found, and say so."""
    count = write_baseline(path, result.subjects)
    click.echo(f"{path}: {count} finding{'' if count == 1 else 's'} known from now on", err=True)


def exit_code(result: Result, least: Severity | None, *, allow_empty: bool) -> int:
    """Return how a run ends: what could not be judged first, then what is denied or warned about from a severity on.

    Says on standard error what the code means where the result does not: nothing evaluated is no success.
    """
    if result.problems:
        return _UNREADABLE
    if not result.subjects and not allow_empty:
        click.echo(nothing_judged(len(result.unjudged)), err=True)
        return _UNREADABLE
    if least is None:
        return _CLEAN
    failing = any(
        finding.severity >= least and finding.standing in {Standing.DENIED, Standing.WARNED}
        for subject in result.subjects
        for finding in subject.findings
    )
    return _FINDINGS if failing or result.ending else _CLEAN


def nothing_judged(others: int) -> str:
    """Return what is said where nothing was judged, but so many objects of kinds that no rule looks at were read."""
    got = f"{others} of other kinds" if others else "none"
    return f"Error: nothing was judged: wanted objects that have pods, or other judged kinds, got {got}; --allow-empty lets that pass"


class _Progress:
    """A line on a terminal that says how far a long run is; nothing in a log."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()
        self._next = time.monotonic() + _PATIENCE
        self._told = False

    def tell(self, done: int) -> None:
        """Say how much is judged."""
        if self._shown and time.monotonic() >= self._next:
            self._next = time.monotonic() + _PACE
            self._told = True
            click.echo(f"\r{done:,} judged", nl=False, err=True)

    def end(self) -> None:
        """Take the line away."""
        if self._told:
            click.echo("\r\x1b[K", nl=False, err=True)
