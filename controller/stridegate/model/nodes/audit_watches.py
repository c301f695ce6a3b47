"""Rules that want a path audited: how every one of them is judged, and how it is declared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from stridegate.model.nodes.answers import Absent, FileKind, FileStatus, Process, Unreadable
from stridegate.model.nodes.audit_rules import (
    AuditRules,
    Coverage,
    Covered,
    Stop,
    covered,
    merged,
    parse,
    related,
)
from stridegate.model.nodes.nodes import Node, NotReadable, NotThere
from stridegate.model.nodes.programs import host_processes
from stridegate.model.nodes.queries import FileStatusOf, FilesUnder, FileText, HostProcesses, Query
from stridegate.model.nodes.remedies import Remedy
from stridegate.model.nodes.rules import HostFile, NodeExample, NodeRule
from stridegate.model.nodes.verdicts import Evidence, Offender, Source, State, Verdict
from stridegate.model.references import Reference
from stridegate.model.vocabulary import Severity, Stride

COMPILED = "/etc/audit/audit.rules"
SOURCES = "/etc/audit/rules.d"
# The most directories that are looked at for one path: sets of rules have some hundred lines.
_MOST_PLACES = 500

# What every system has (Filesystem Hierarchy Standard 3.0), also where it is not mounted for us.
_ALWAYS = {
    *("/", "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/media", "/mnt", "/opt", "/proc", "/root", "/run"),
    *("/sbin", "/srv", "/sys", "/usr", "/usr/bin", "/usr/lib", "/usr/local", "/usr/local/bin", "/usr/local/sbin"),
    *("/usr/sbin", "/usr/share", "/var", "/var/cache", "/var/lib", "/var/log", "/var/run", "/var/spool"),
}

AUDITD = Process(pid=731, comm="auditd", argv=("/sbin/auditd",), cgroup="/system.slice/auditd.service")


def audited(  # noqa: PLR0913 - a declaration, by keyword
    slug: str,
    what: str,
    paths: Callable[[Node], Sequence[str]],
    *,
    examples: tuple[str, HostFile],
    references: tuple[Reference, ...] = (),
    threats: frozenset[str] = frozenset(),
    around: Mapping[str, HostFile] | None = None,
    more: tuple[NodeExample, ...] = (),
) -> NodeRule:
    """Return the rule that every one of the paths that are there is audited for writing and change of attributes.

    `examples` is a path that the rule is about and what stands there, `around` what else has to be on the host for the
    rule to apply, and `more` are examples beside those that all have.
    """
    path, file = examples
    return NodeRule(
        slug=slug,
        severity=Severity.MEDIUM,
        stride=frozenset({Stride.REPUDIATION}),
        references=references,
        threats=threats | {"docker-host-misconfiguration"},
        wrong=f"Changes of {what} are not audited.",
        threat=f"Who changes {what} leaves no trace: an intrusion can be neither noticed nor reconstructed.",
        wants="be covered by an audit rule for writing and attributes (w and a) in /etc/audit/audit.rules, with auditd running",
        fix=f"Add `-w {path} -p wa -k {slug.split('-')[1]}` to a file in {SOURCES}, run `augenrules --load`.",
        remedy=Remedy.AUDITD,
        judge=lambda node: judge(node, paths(node)),
        examples=(*_examples(path, file, around or {}), *more),
    )


def judge(node: Node, paths: Sequence[str]) -> Verdict:
    """Return whether those of the paths that are there are audited. Raises NotThere where none is."""
    targets, compiled, sources = _read(node, paths)
    if not host_processes(node, "auditd"):
        return _verdict(State.FAIL, "auditd does not run", targets, source=Source.PROC, path="process auditd")
    loaded, hidden = loaded_rules(node, compiled)
    if loaded.silenced:
        return _verdict(State.FAIL, f"{COMPILED} keeps every rule silent: {loaded.silenced}", targets)
    found = {path: _covered(node, loaded, status) for path, status in targets.items()}
    if all(each.coverage is Coverage.FULLY for each in found.values()):
        if hidden:
            raise NotReadable(hidden)
        return _verdict(State.PASS, f"configured: {next(iter(found.values())).by}", {})
    return _short_of(node, found, targets, sources, loaded.stopped)


def loaded_rules(node: Node, text: str) -> tuple[AuditRules, Unreadable | None]:
    """Return the rules of a file as far as auditctl loads it on this host, and what it would have to know for that and does not."""
    rules = parse(text)
    doubtful = [each for each in rules.hazards if each.stop is not Stop.ABSENT or each.path not in _ALWAYS]
    asked = sorted({each.path for each in doubtful})
    if len(asked) > _MOST_PLACES:
        raise NotReadable(Unreadable(COMPILED, f"has watches in more than {_MOST_PLACES} directories"))
    there = dict(zip(asked, node.look_at([FileStatusOf(path) for path in asked]), strict=True))
    hidden = next((each for each in there.values() if isinstance(each, Unreadable)), None)
    refused = {each.line for each in doubtful if each.stop in _states(there[each.path])}
    return parse(text, frozenset(refused)) if refused else rules, hidden


def _states(status: FileStatus | Absent | Unreadable) -> set[Stop]:
    if isinstance(status, Unreadable):
        return set()
    if isinstance(status, Absent):
        return {Stop.ABSENT, Stop.NO_DIRECTORY}
    return {Stop.A_DIRECTORY if status.kind is FileKind.DIRECTORY else Stop.NO_DIRECTORY}


def _short_of(
    node: Node, found: Mapping[str, Covered], targets: Mapping[str, FileStatus], paths: Sequence[str], stopped: int
) -> Verdict:
    """Return the verdict where the compiled rules do not cover all: weaker where they nearly do, or where those at the paths do."""
    lacking = {path: status for path, status in targets.items() if found[path].coverage is Coverage.NONE}
    sources, _ = loaded_rules(node, merged(_sources(node, paths)))
    compiling = {} if sources.silenced else {path: _covered(node, sources, status) for path, status in lacking.items()}
    if lacking and all(each.coverage is not Coverage.NONE for each in compiling.values()) and compiling:
        return _verdict(State.WARN, f"in {SOURCES}, but not compiled: run augenrules --load", lacking, path=SOURCES)
    if lacking:
        none = f"auditctl refuses line {stopped}, and stops there" if stopped else "no rule covers it"
        gap = next((f"{found[path].by}: {found[path].gap}" for path in lacking if found[path].gap), none)
        return _verdict(State.FAIL, gap, lacking)
    weak = next(each for each in found.values() if each.coverage is Coverage.PARTLY)
    partly = {path: targets[path] for path, each in found.items() if each.coverage is Coverage.PARTLY}
    return _verdict(State.WARN, f"{weak.by}: {weak.gap}", partly)


def _verdict(
    state: State,
    observed: str,
    lacking: Mapping[str, FileStatus],
    *,
    source: Source = Source.FILE,
    path: str = COMPILED,
) -> Verdict:
    return Verdict(
        state=state,
        observed=observed,
        evidence=Evidence(source=source, path=path),
        offenders=tuple(Offender(name=each, observed=observed) for each in lacking),
        note=""
        if state is not State.PASS
        else "Configured is what can be read; what the kernel holds, auditctl -l tells.",
    )


def _read(node: Node, paths: Sequence[str]) -> tuple[Mapping[str, FileStatus], str, tuple[str, ...]]:
    """Return what is there of the paths, each target of links once, the compiled rules, and the files of rules.d.

    All at once, with the processes: each round of questions costs.
    """
    further: list[Query[object]] = [FileText(COMPILED), FilesUnder(SOURCES, "*.rules"), HostProcesses()]
    answers = node.look_at([*(FileStatusOf(path) for path in paths), *further])
    targets: dict[str, FileStatus] = {}
    for path, answer in zip(paths, answers, strict=False):
        if isinstance(answer, Unreadable):
            raise NotReadable(answer)
        if isinstance(answer, FileStatus) and answer.target not in {each.target for each in targets.values()}:
            targets[path] = answer
    if not targets:
        raise NotThere(Absent(", ".join(paths[:2]) + (" …" if len(paths) > 2 else "")))
    return targets, node.get(FileText(COMPILED)) or "", node.get(FilesUnder(SOURCES, "*.rules")) or ()


def _covered(node: Node, rules: AuditRules, status: FileStatus) -> Covered:
    """Return how well a path is audited, each watch taken where the kernel finds it: all links followed but the last."""
    watches = related(rules, status.target)
    parents = {watch: watch.path.rpartition("/")[0] or "/" for watch in watches}
    asked = sorted(set(parents.values()) - {"/"})
    if len(asked) > _MOST_PLACES:
        raise NotReadable(Unreadable(COMPILED, f"has more than {_MOST_PLACES} watches that may be meant"))
    there = dict(zip(asked, node.look_at([FileStatusOf(parent) for parent in asked]), strict=True))
    placed = []
    for watch in watches:
        if parents[watch] == "/":
            placed.append(watch)
            continue
        parent = there[parents[watch]]
        if isinstance(parent, Unreadable):
            raise NotReadable(parent)
        if not isinstance(parent, Absent):
            placed.append(watch.placed(parent.target))
    return covered(placed, status.target, directory=status.kind is FileKind.DIRECTORY)


def _sources(node: Node, paths: Sequence[str]) -> Mapping[str, str]:
    texts: dict[str, str] = {}
    for path, text in zip(paths, node.look_at([FileText(path) for path in paths]), strict=True):
        if isinstance(text, Unreadable):
            raise NotReadable(text)
        if not isinstance(text, Absent):
            texts[path.rpartition("/")[2]] = text
    return texts


def _examples(path: str, file: HostFile, around: Mapping[str, HostFile]) -> tuple[NodeExample, ...]:
    there = {**around, path: file}
    rule = HostFile(text=f"-D\n-b 8192\n-w {path} -p wa -k watched\n", mode=0o640)

    def example(title: str, state: State, **files: HostFile) -> NodeExample:
        laid = {
            {"compiled": COMPILED, "source": f"{SOURCES}/50-stridegate.rules"}[name]: text
            for name, text in files.items()
        }
        return NodeExample(title=title, state=state, files={**there, **laid}, processes=(AUDITD,))

    return (
        example("watched", State.PASS, compiled=rule, source=rule),
        example("no rules at all", State.FAIL),
        example("commented out", State.FAIL, compiled=HostFile(text=f"# -w {path} -p wa\n")),
        example("watched for reading alone", State.FAIL, compiled=HostFile(text=f"-w {path} -p r\n")),
        example("a sibling is watched", State.FAIL, compiled=HostFile(text=f"-w {path}-x -p wa\n")),
        example("deleted again", State.FAIL, compiled=HostFile(text=f"-w {path} -p wa\n-D\n")),
        example(
            "after a line that is refused", State.FAIL, compiled=HostFile(text=f"-w {path}\t-p wa\n-w {path} -p wa\n")
        ),
        example(
            "after a directory that is not there",
            State.FAIL,
            compiled=HostFile(text=f"-w /n/a -p wa\n-w {path} -p wa\n"),
        ),
        example(
            "the same, with errors ignored", State.PASS, compiled=HostFile(text=f"-i\n-w /n/a -p wa\n-w {path} -p wa\n")
        ),
        example("not compiled", State.WARN, compiled=HostFile(text="-D\n"), source=rule),
        example(
            "in the form of system calls, with both spellings of the list",
            State.PASS,
            compiled=HostFile(
                text=f"-a exit,always -F {'dir' if file.kind is FileKind.DIRECTORY else 'path'}={path} -F perm=wa -k watched\n"
            ),
        ),
        NodeExample(title="no auditd", state=State.FAIL, files={**there, COMPILED: rule}),
        NodeExample(
            title="nothing there to be watched", state=State.NOT_APPLICABLE, files={COMPILED: rule}, processes=(AUDITD,)
        ),
    )
