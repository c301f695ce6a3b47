"""What several formats say in the same words: the sum of a run, what must be known beside it, and times."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from itertools import groupby

from stridegate.cli.results import Finding, Fixable, Position, Result, Standing, Subject
from stridegate.model.texts import clean

# Long enough for any path, short enough that no line drowns the rest.
RUNES = 400
_MENDABLE = {Fixable.SAFE: "fixable", Fixable.RISKY: "fixable, risky", Fixable.NO: ""}


def text(written: str) -> str:
    """Return a text for one line. Results are clean already; outputs do not rest on it."""
    return clean(written, RUNES)


def moment(at: float) -> str:
    """Return a Unix time as Kubernetes writes it."""
    return dt.datetime.fromtimestamp(at, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def object_name(subject: Subject) -> str:
    """Return what an object is called: kind, and name within its namespace."""
    name = f"{subject.namespace}/{subject.name}" if subject.namespace else subject.name
    return text(f"{subject.kind} {name}")


def path_of(source: str) -> str:
    """Return a source as a path from where the command ran: services know files by nothing before their names."""
    return text(source).removeprefix("./")


def where(source: str, at: Position | None) -> str:
    """Return a place in a source, as editors and terminals open it."""
    return f"{path_of(source)}:{at.line}" if at else path_of(source)


def position(subject: Subject, finding: Finding) -> Position | None:
    """Return where a finding is shown: its container or other owner, else its object."""
    return finding.owner_at or finding.at or subject.at


def by_owner(subject: Subject) -> Iterator[tuple[str, Position | None, list[Finding]]]:
    """Yield the findings that count, by the part of the object that they are in; the part with the worst comes first."""
    counting = [finding for finding in subject.findings if finding.counts]
    rank = {owner: number for number, owner in enumerate(dict.fromkeys(each.owner for each in counting))}
    for owner, each in groupby(
        sorted(counting, key=lambda finding: rank[finding.owner]), key=lambda finding: finding.owner
    ):
        findings = list(each)
        yield text(owner), position(subject, findings[0]), findings


def statement(finding: Finding) -> str:
    """Return what is there and what must be there instead, without the owner."""
    if finding.error:
        return text(finding.sentence)
    head = f"{finding.path} is {finding.observed}" if finding.path else f"is {finding.observed}"
    return text(f"{head} → must {finding.wanted}")


def remarks(finding: Finding) -> str:
    """Return what else is to be said of a finding: whether it is only warned about or audited, and whether it can be mended."""
    weight = "" if finding.standing is Standing.DENIED else finding.standing.value
    mend = _MENDABLE[finding.fixable]
    return ", ".join(filter(None, (weight, mend)))


def excuse(finding: Finding) -> str:
    """Return why a finding does not count; empty where it does."""
    if finding.standing is Standing.KNOWN:
        return "known: it is in the baseline file"
    if finding.exemption is None:
        return ""
    taken = finding.exemption
    owner = f", owned by {taken.owner}" if taken.owner else ""
    return text(f"exempted by {taken.namespace}/{taken.name} until {moment(taken.expires)}{owner}")


def total(result: Result) -> str:
    """Return a run in one sentence."""
    summary = result.summary
    head = f"{_objects(summary.judged)}, {summary.with_findings} with findings"
    if summary.findings:
        head += f": {', '.join(f'{count} {severity}' for severity, count in summary.severities.items() if count)}"
        mendable = summary.fixables[Fixable.SAFE] + summary.fixables[Fixable.RISKY]
        head += f" ({mendable} fixable)" if mendable else ""
    spared = ", ".join(
        f"{summary.standings[each]} {each.value}"
        for each in (Standing.EXEMPTED, Standing.KNOWN)
        if summary.standings[each]
    )
    return f"{head}{f'; {spared}' if spared else ''}."


def _objects(count: int) -> str:
    return f"{count} object{'' if count == 1 else 's'}"


def beside(result: Result) -> Iterator[str]:
    """Yield what must be known beside the findings, a sentence each: problems, assumptions, exemptions about to end."""
    for problem in result.problems:
        yield f"not judged: {where(problem.source, problem.at)}: {text(problem.sentence)}"
    for assumption in result.assumptions:
        yield f"assumed: {text(assumption)}"
    for ending in result.ending:
        name = text(f"{ending.exemption.namespace}/{ending.exemption.name}")
        yield f"exemption {name} ends {moment(ending.exemption.expires)}: {text(', '.join(ending.rules))}"
