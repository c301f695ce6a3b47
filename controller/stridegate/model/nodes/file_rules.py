"""Making the rules about a file's permissions and owner, with the examples that every such rule has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from stridegate.model.nodes.answers import FileKind, Process
from stridegate.model.nodes.files import ROOT, Finder, Limit, Owner, excess, judge_modes, judge_owners
from stridegate.model.nodes.nodes import Circumstances, Node
from stridegate.model.nodes.queries import Query
from stridegate.model.nodes.remedies import Remedy
from stridegate.model.nodes.rules import HostFile, NodeExample, NodeRule
from stridegate.model.nodes.verdicts import State, Verdict
from stridegate.model.references import Reference
from stridegate.model.vocabulary import Severity, Stride

# Every rule about a node answers this claim.
MISCONFIGURED_HOST = "docker-host-misconfiguration"

# Modes that pass where permissions are compared as decimal numbers, though others may write.
_DECIMAL_TRAPS = (0o602, 0o606, 0o466)


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardedFiles:
    """Files whose permissions and owner are judged: what they are, where they are, and what somebody gains by them.

    `what` is a noun with an article ("the kubelet's configuration file"), `threat` what somebody does who gets at them.
    `example` is the path of such a file on the examples' hosts, and `numbers` its right uid and gid there; `files`,
    `processes`, `answers` and `circumstances` are what else those hosts have. `otherwise` is how a file counts that
    breaks the rule.
    """

    what: str
    find: Finder
    severity: Severity
    stride: Stride
    threat: str
    example: str
    kind: FileKind = FileKind.FILE
    owner: Owner = ROOT
    numbers: tuple[int, int] = (0, 0)
    files: Mapping[str, HostFile] = field(default_factory=lambda: MappingProxyType({}))
    processes: tuple[Process, ...] = ()
    answers: Mapping[Query[object], object] = field(default_factory=lambda: MappingProxyType({}))
    circumstances: Circumstances = field(default_factory=Circumstances)
    remedy: Remedy = Remedy.FILE
    otherwise: State = State.FAIL
    threats: frozenset[str] = frozenset()


def permissions_rule(
    slug: str,
    guarded: GuardedFiles,
    limit: Limit,
    references: tuple[Reference, ...] = (),
    *,
    threats: frozenset[str] = frozenset(),
    more: tuple[NodeExample, ...] = (),
) -> NodeRule:
    """Return the rule that files have no more permission bits than they may; `more` are examples beside those that all have."""
    most = limit.of(guarded.example, guarded.kind, guarded.circumstances.installation)

    def judge(node: Node) -> Verdict:
        return judge_modes(node, guarded.find(node), limit, guarded.otherwise)

    return NodeRule(
        slug=slug,
        severity=guarded.severity,
        stride=frozenset({guarded.stride}),
        references=references,
        threats=guarded.threats | threats | {MISCONFIGURED_HOST},
        wrong=f"The permissions of {guarded.what} are looser than {most:04o}.",
        threat=guarded.threat,
        wants=f"have no permission bit outside {_limits(limit)}; setuid, setgid and sticky bits count",
        fix=f"chmod {most:o} {guarded.example}",
        remedy=guarded.remedy,
        judge=judge,
        examples=(*_mode_examples(guarded, most), _absent(guarded), *more),
    )


def ownership_rule(
    slug: str,
    guarded: GuardedFiles,
    references: tuple[Reference, ...] = (),
    *,
    threats: frozenset[str] = frozenset(),
    more: tuple[NodeExample, ...] = (),
) -> NodeRule:
    """Return the rule that files belong to their owner; `more` are examples beside those that all have."""
    owner = guarded.owner
    uid, gid = guarded.numbers

    def judge(node: Node) -> Verdict:
        return judge_owners(node, guarded.find(node), owner, guarded.otherwise)

    return NodeRule(
        slug=slug,
        severity=guarded.severity,
        stride=frozenset({guarded.stride}),
        references=references,
        threats=guarded.threats | threats | {MISCONFIGURED_HOST},
        wrong=f"Somebody other than {'root' if owner == ROOT else owner} owns {guarded.what}.",
        threat=guarded.threat,
        wants="belong to user 0 and group 0"
        if owner == ROOT
        else f"belong to {owner}, by the host's own account files",
        fix=f"chown {'0:0' if owner == ROOT else owner} {guarded.example}",
        remedy=guarded.remedy,
        judge=judge,
        examples=(
            _example(guarded, "the owner's", State.PASS),
            _example(guarded, "another user's", guarded.otherwise, uid=uid + 1000),
            _example(guarded, "another group's", guarded.otherwise, gid=gid + 1000),
            _absent(guarded),
            *more,
        ),
    )


def file_rules(
    name: str,
    guarded: GuardedFiles,
    limit: Limit,
    references: tuple[Reference, Reference],
    *,
    threats: tuple[frozenset[str], frozenset[str]] = (frozenset(), frozenset()),
    more: tuple[NodeExample, ...] = (),
) -> tuple[NodeRule, NodeRule]:
    """Return both rules about files, of permissions and of ownership; references and threats are in that order.

    `more` are further examples, in which both rules come out alike.
    """
    return (
        permissions_rule(f"{name}-permissions", guarded, limit, references[:1], threats=threats[0], more=more),
        ownership_rule(f"{name}-ownership", guarded, references[1:], threats=threats[1], more=more),
    )


def _limits(limit: Limit) -> str:
    words = [f"{limit.files:04o}"]
    if limit.directories is not None:
        words.append(f"{limit.directories:04o} for directories")
    words += [f"{most:04o} for {pattern.rpartition('/')[2]}" for pattern, most in limit.by_pattern.items()]
    words += [f"{most:04o} on {where.value}" for where, most in limit.by_installation.items()]
    return ", ".join(words)


def _example(
    guarded: GuardedFiles,
    title: str,
    state: State,
    *,
    mode: int = 0o400,
    uid: int | None = None,
    gid: int | None = None,
) -> NodeExample:
    """Return an example whose host has the file with such a mode and owner, the right owner where none is given."""
    file = HostFile(
        mode=mode,
        kind=guarded.kind,
        uid=guarded.numbers[0] if uid is None else uid,
        gid=guarded.numbers[1] if gid is None else gid,
    )
    return replace(_absent(guarded), title=title, state=state, files={**guarded.files, guarded.example: file})


def _mode_examples(guarded: GuardedFiles, most: int) -> tuple[NodeExample, ...]:
    looser = [
        (most | 0o002, "others may write"),
        (most | 0o4000, "setuid"),
        (most | 0o2000, "setgid"),
        (most | 0o1000, "sticky"),
    ]
    looser += [(most | 0o040, "the group may read")] if not most & 0o040 else []
    looser += [(trap, f"{trap:04o}, of which decimal comparison says less") for trap in _DECIMAL_TRAPS]
    return (
        _example(guarded, "exactly what may be", State.PASS, mode=most),
        _example(guarded, "stricter", State.PASS, mode=most & 0o500),
        *(_example(guarded, title, guarded.otherwise, mode=mode) for mode, title in looser if excess(mode, most)),
    )


def _absent(guarded: GuardedFiles) -> NodeExample:
    return NodeExample(
        title="absent",
        state=State.NOT_APPLICABLE,
        files=guarded.files,
        processes=guarded.processes,
        answers=guarded.answers,
        circumstances=guarded.circumstances,
    )
