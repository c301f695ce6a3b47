"""Judging who may read and write files: permission bits, and owners by number."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from stridegate.model.nodes.answers import Absent, FileKind, FileStatus, Unreadable
from stridegate.model.nodes.nodes import Installation, Node, NotReadable, NotThere
from stridegate.model.nodes.paths import Whereabouts, base_name, parent
from stridegate.model.nodes.queries import FileStatusOf, FilesUnder, HostAccounts
from stridegate.model.nodes.verdicts import Evidence, Offender, Source, State, Verdict

# Finds the paths that a rule judges; those among them that do not exist are left out later.
Finder = Callable[[Node], Iterable[str]]


def excess(mode: int, most: int) -> int:
    """Return the bits that a mode has beyond the most that it may have; setuid, setgid and sticky bits count."""
    return mode & ~most & 0o7777


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """The most permission bits that files may have.

    `directories` is for directories, where they may have others than files. `by_pattern` is for paths that match
    (fnmatch), the first that does, and `by_installation` for where a vendor's files cannot have what others have.
    """

    files: int
    directories: int | None = None
    by_pattern: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    by_installation: Mapping[Installation, int] = field(default_factory=lambda: MappingProxyType({}))

    def of(self, path: str, kind: FileKind, installation: Installation) -> int:
        """Return the most bits that this file may have on such a node."""
        for pattern, most in self.by_pattern.items():
            if fnmatch.fnmatchcase(path, pattern):
                return most
        if kind is FileKind.DIRECTORY and self.directories is not None:
            return self.directories
        return self.by_installation.get(installation, self.files)


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Who must own a file, by names in the host's own passwd and group; root is 0 on every host."""

    user: str = "root"
    group: str = "root"

    def __str__(self) -> str:
        return f"{self.user}:{self.group}"

    def numbers(self, node: Node) -> tuple[int | None, int | None]:
        """Return uid and gid; None is a name that this host does not know. Raises NotAnswered or NotReadable."""
        if self.user == self.group == "root":
            return (0, 0)
        accounts = node.get(HostAccounts())
        users = {"root": 0} | {each.name: each.uid for each in (accounts.users if accounts else ())}
        groups = {"root": 0} | {each.name: each.gid for each in (accounts.groups if accounts else ())}
        return (users.get(self.user), groups.get(self.group))


ROOT = Owner()


def first_of(whereabouts: Whereabouts) -> Finder:
    """Return what finds the first path that exists of those where something may be."""

    def find(node: Node) -> Iterable[str]:
        return (found_first(node, whereabouts).path,)

    return find


def every_of(whereabouts: Whereabouts) -> Finder:
    """Return what finds all paths where something may be."""

    def find(node: Node) -> Iterable[str]:
        return whereabouts.on(node.circumstances.installation)

    return find


def tree_of(whereabouts: Whereabouts, *patterns: str, depth: int = 8) -> Finder:
    """Return what finds the files below the directories where something may be whose names match one of the patterns.

    A link to a directory is followed, once: what lies behind it is used as if it lay here.
    """

    def find(node: Node) -> Iterable[str]:
        roots = whereabouts.on(node.circumstances.installation)
        node.look_at([FilesUnder(root, "*", depth) for root in roots])
        paths = [path for root in roots for path in listed(node, root, "*", depth)]
        linked, hidden = _childless(node, paths)
        node.look_at([FilesUnder(path, "*", depth) for path in linked])
        paths += [below for path in linked for below in listed(node, path, "*", depth)]
        matching = {path for path in paths if any(fnmatch.fnmatchcase(base_name(path), each) for each in patterns)}
        return sorted({*matching, *hidden})

    return find


def _childless(node: Node, paths: list[str]) -> tuple[list[str], list[str]]:
    """Return the directories of which nothing is listed, and what could not be seen, which may be one of them.

    A listing does not follow links to directories, so they are among the first, beside empty ones.
    """
    parents = {parent(path) for path in paths}
    leaves = [path for path in paths if path not in parents]
    answers = list(zip(leaves, node.look_at([FileStatusOf(path) for path in leaves]), strict=True))
    directories = [path for path, each in answers if isinstance(each, FileStatus) and each.kind is FileKind.DIRECTORY]
    return directories, [path for path, each in answers if isinstance(each, Unreadable)]


def listed(node: Node, directory: str, pattern: str = "*", depth: int = 1) -> tuple[str, ...]:
    """Return the paths in a directory, none where it is not there. Raises NotReadable."""
    return node.get(FilesUnder(directory, pattern, depth)) or ()


def found_first(node: Node, whereabouts: Whereabouts) -> FileStatus:
    """Return the first that exists of the places where something may be. Raises NotThere or NotReadable."""
    stages = whereabouts.stages(node.circumstances.installation)
    for stage in stages[:-1]:
        try:
            return first_existing(node, stage)
        except NotThere:
            continue
    return first_existing(node, stages[-1])


def first_existing(node: Node, paths: Iterable[str]) -> FileStatus:
    """Return the first that exists. Raises NotThere, and NotReadable where any could not be seen: it may be the one in use."""
    tried = tuple(paths)
    answers = node.look_at([FileStatusOf(path) for path in tried])
    for answer in answers:
        if isinstance(answer, Unreadable):
            raise NotReadable(answer)
    for answer in answers:
        if isinstance(answer, FileStatus):
            return answer
    raise NotThere(Absent(_listing(tried)))


def _listing(paths: tuple[str, ...]) -> str:
    if not paths:
        return "no such file"
    others = len(paths) - 1
    return f"{paths[0]} and {others} other place{'s' if others > 1 else ''}" if others else paths[0]


def judge_modes(node: Node, paths: Iterable[str], limit: Limit, otherwise: State = State.FAIL) -> Verdict:
    """Judge the permission bits of all the paths that exist. Raises NotThere where none does."""
    seen = _Seen.of(node, paths)
    offenders = []
    for status in seen.statuses:
        most = limit.of(status.path, status.kind, node.circumstances.installation)
        if excess(status.mode, most):
            offenders.append((status, f"{status.mode:04o}, at most {most:04o} wanted"))
    modes = "/".join(sorted({f"{status.mode:04o}" for status in seen.statuses}))
    return seen.verdict(node, offenders, modes, otherwise)


def judge_owners(node: Node, paths: Iterable[str], owner: Owner = ROOT, otherwise: State = State.FAIL) -> Verdict:
    """Judge who owns the paths that exist, by number. Raises NotThere where none does."""
    seen = _Seen.of(node, paths)
    uid, gid = owner.numbers(node)
    wanted = f"{owner} ({_number(uid)}:{_number(gid)})" if owner != ROOT else "0:0"
    offenders = [
        (status, f"{status.uid}:{status.gid}, {wanted} wanted")
        for status in seen.statuses
        if (status.uid, status.gid) != (uid, gid)
    ]
    owners = " and ".join(sorted({f"{status.uid}:{status.gid}" for status in seen.statuses}))
    return seen.verdict(node, offenders, owners, otherwise)


def _number(number: int | None) -> str:
    return "not on this host" if number is None else str(number)


@dataclass(frozen=True, slots=True)
class _Seen:
    """The files that exist of those looked for, and those that could not be seen."""

    statuses: tuple[FileStatus, ...]
    hidden: tuple[Unreadable, ...]

    @classmethod
    def of(cls, node: Node, paths: Iterable[str]) -> _Seen:
        tried = tuple(paths)
        answers = node.look_at([FileStatusOf(path) for path in tried])
        statuses = tuple(answer for answer in answers if isinstance(answer, FileStatus))
        hidden = tuple(answer for answer in answers if isinstance(answer, Unreadable))
        if not statuses and hidden:
            raise NotReadable(hidden[0])
        if not statuses:
            raise NotThere(Absent(_listing(tried)))
        return cls(statuses, hidden)

    def verdict(self, node: Node, offenders: list[tuple[FileStatus, str]], observed: str, otherwise: State) -> Verdict:
        """Return what follows: what offends counts even where other files are hidden, what does not is no Pass then."""
        if offenders:
            worst, words = offenders[0]
            return Verdict(
                state=otherwise,
                observed=words.partition(",")[0]
                if len(offenders) == 1
                else f"{len(offenders)} of {len(self.statuses)} files",
                evidence=Evidence(source=Source.FILE, path=worst.path),
                offenders=tuple(
                    Offender(name=status.path, observed=_led(status, words)) for status, words in offenders
                ),
                note=_shield(node, tuple(status for status, _ in offenders)),
            )
        if self.hidden:
            raise NotReadable(self.hidden[0])
        first = self.statuses[0]
        more = "" if len(self.statuses) == 1 else f", {len(self.statuses)} files"
        return Verdict(
            state=State.PASS, observed=f"{observed}{more}", evidence=Evidence(source=Source.FILE, path=first.path)
        )


def _led(status: FileStatus, words: str) -> str:
    return words if status.target == status.path else f"{words} (links lead to {status.target})"


def _shield(node: Node, offending: tuple[FileStatus, ...]) -> str:
    """Say where a directory above keeps everybody but root out of all of them. What it shields may still be opened up tomorrow."""
    above = {status.target: _above(status.target) for status in offending}
    directories = sorted({directory for each in above.values() for directory in each})
    shut = {
        answer.path
        for answer in node.look_at([FileStatusOf(directory) for directory in directories])
        if isinstance(answer, FileStatus) and answer.uid == 0 and not answer.mode & 0o077
    }
    shields = [next((directory for directory in each if directory in shut), "") for each in above.values()]
    if not all(shields):
        return ""
    return f"In effect only root gets there: {', '.join(sorted(set(shields))[:3])} lets nobody else in."


def _above(path: str) -> list[str]:
    directories = []
    while path != "/":
        path = parent(path)
        directories.append(path)
    return directories
