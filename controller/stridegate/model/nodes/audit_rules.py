"""Audit rules as auditctl(8) loads them from a file: what is watched for changes, and what takes the watching back.

What a rules file says is what is configured; what the kernel holds can only be asked by who may control auditing.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from stridegate.model.nodes.audit_lines import Identity, Line, Refused, lines_of, read_line
from stridegate.model.paths import clean

# What tells of every change: writing to a file, and changing its mode, owner or attributes.
CHANGES = frozenset("wa")
# What files of rules.d say once for all, and augenrules(8) puts first or last whichever file says it.
_DIRECTIVES = ("-D", "-b", "-f", "-e")
# Architectures are named in pairs: what only one of them audits is missed when a program of the other does it.
_NARROW_WORDS = frozenset({"b32", "arm", "i386", "i686", "ppc", "s390"})


class Extent(enum.Enum):
    """What of a path a rule watches: a directory with all that it holds or a file, such a directory alone, or one inode."""

    PATH = "-w"
    TREE = "dir="
    INODE = "path="


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """A rule about a path: what accesses it tells of, and what narrows it to some callers or system calls.

    `architecture` is empty for every one. `text` is the rule as it is written, `never` that it keeps others silent.
    """

    path: str
    extent: Extent
    permissions: frozenset[str]
    text: str
    key: str = ""
    architecture: str = ""
    narrowed: bool = False
    never: bool = False

    def placed(self, directory: str) -> Watch:
        """Return the watch with the directory that its path's own leads to."""
        return replace(self, path=f"{directory.rstrip('/')}/{self.path.rpartition('/')[2]}")


class Stop(enum.Enum):
    """What of a path on the host makes the kernel refuse a rule, and auditctl stop at its line."""

    ABSENT = "absent"
    A_DIRECTORY = "a directory"
    NO_DIRECTORY = "no directory"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hazard:
    """A line of a rules file, from 1 on, that is refused if a path on the host is so."""

    line: int
    path: str
    stop: Stop


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRules:
    """What a file of rules leaves in force: watches, first match first, and why none of them counts where that is so.

    auditctl loads a file up to the first line that it or the kernel refuses, and nothing of the rest, unless a line `-i`
    or `-c` came before. `stopped` is the number of that line, 0 for none: what it says may be anything, and is told to
    nobody. `hazards` are those lines where it depends on the host.
    """

    watches: tuple[Watch, ...] = ()
    silenced: str = ""
    stopped: int = 0
    hazards: tuple[Hazard, ...] = ()


class Coverage(enum.IntEnum):
    """How well changes of a path are audited, best highest."""

    NONE = 0
    # Only for some callers or system calls, or only of the directory itself.
    PARTLY = 1
    FULLY = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """How well a path is audited, by which rule, and what is missing where it is only partly."""

    coverage: Coverage
    by: str = ""
    gap: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    """A rule in force: what tells it from others, its key, and the watch that it is, if it is one."""

    identity: Identity
    key: str
    watch: Watch | None


class _Loading:
    """The rules in force, and what became of them, line by line."""

    def __init__(self) -> None:
        self.rules: list[_Rule] = []
        self.hazards: list[Hazard] = []
        self.silenced = self.off = ""
        self.locked = self.goes_on = False

    def goes_past(self, number: int, line: str) -> bool:
        """Take what a line says, and tell whether auditctl goes on with the next."""
        try:
            self._take(number, read_line(line))
        except Refused:
            return self.goes_on
        return not self.locked

    def _take(self, number: int, read: Line) -> None:
        if read.value("-D") is not None:
            key = read.value("-k")
            self.rules = [rule for rule in self.rules if key is not None and rule.key != key]
            self.silenced = self.silenced if key is not None else ""
        elif (enabled := read.value("-e")) is not None:
            self.off = "-e 0" if enabled == "0" else ""
            # The kernel takes no rule after 2, until the next boot.
            self.locked = enabled == "2"
        elif read.value("-W") is not None or read.value("-d") is not None:
            self._remove(read.identity)
        elif any(read.value(option) is not None for option in ("-a", "-A", "-w")):
            self._add(number, read)
        self.goes_on = self.goes_on or read.value("-i") is not None or read.value("-c") is not None

    def _remove(self, identity: Identity) -> None:
        found = next((rule for rule in self.rules if rule.identity == identity), None)
        if found is None:
            raise Refused
        self.rules.remove(found)

    def _add(self, number: int, read: Line) -> None:
        identity, watch = read.identity, _watch(read)
        alike = [rule.watch for rule in self.rules if rule.identity == identity]
        if any(not other or not watch or other.extent is watch.extent for other in alike):
            raise Refused
        if watch:
            self.hazards += _hazards(number, watch, [other.extent for other in alike if other])
        if _everything_silenced(read):
            self.silenced = self.silenced or read.text
        rule = _Rule(identity=identity, key=read.key, watch=watch)
        self.rules.insert(0 if read.value("-A") is not None else len(self.rules), rule)


def _hazards(number: int, watch: Watch, alike: list[Extent]) -> Iterator[Hazard]:
    """Yield what makes the kernel refuse a watch: what it needs is absent, or it is the same as another one there.

    -w is what its path is when it is loaded: like dir= for a directory, like path= for what is none or absent.
    """
    if watch.extent is Extent.TREE:
        yield Hazard(line=number, path=watch.path, stop=Stop.ABSENT)
    else:
        yield Hazard(line=number, path=watch.path.rpartition("/")[0] or "/", stop=Stop.ABSENT)
    pairs = {frozenset((watch.extent, other)) for other in alike}
    if frozenset((Extent.PATH, Extent.TREE)) in pairs:
        yield Hazard(line=number, path=watch.path, stop=Stop.A_DIRECTORY)
    if frozenset((Extent.PATH, Extent.INODE)) in pairs:
        yield Hazard(line=number, path=watch.path, stop=Stop.NO_DIRECTORY)


@lru_cache(maxsize=16)
def parse(text: str, refused: frozenset[int] = frozenset()) -> AuditRules:
    """Return what a rules file leaves in force when auditctl loads it from top to bottom, and the host has these lines refused."""
    loading, stopped = _Loading(), 0
    for number, line in lines_of(text):
        if not (loading.goes_on if number in refused else loading.goes_past(number, line)):
            stopped = number
            break
    return AuditRules(
        watches=tuple(rule.watch for rule in loading.rules if rule.watch),
        silenced=loading.off or loading.silenced,
        stopped=0 if loading.locked else stopped,
        hazards=tuple(loading.hazards),
    )


def merged(files: Mapping[str, str]) -> str:
    """Return the text that augenrules(8) compiles from the files of rules.d, by name: natural order, directives hoisted."""
    directives: dict[str, str] = {}
    rules: list[str] = []
    for name in sorted(files, key=natural):
        for _, line in lines_of(files[name]):
            directive = next((each for each in _DIRECTIVES if line.startswith(each)), None)
            if directive is None:
                rules.append(line)
            else:
                directives[directive] = line
    first = [directives[each] for each in ("-D", "-b", "-f") if each in directives]
    last = [directives["-e"]] if "-e" in directives else []
    return "\n".join((*first, *rules, *last))


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """Return a key that sorts names as `ls -v` does: runs of digits count as numbers, so that 9 comes before 10."""
    return tuple(
        (0, int(part), "") if part.isdecimal() else (1, 0, part) for part in re.split(r"([0-9]+)", name) if part
    )


def related(rules: AuditRules, target: str) -> tuple[Watch, ...]:
    """Return the watches that can be about a canonical path.

    The kernel follows every link of a watched path but the last, so that its last name is one on the way to the target.
    """
    names = set(clean(target))
    return tuple(watch for watch in rules.watches if clean(watch.path)[-1:] and clean(watch.path)[-1] in names)


def covered(watches: Iterable[Watch], target: str, *, directory: bool) -> Covered:
    """Return how well changes of a canonical path are audited by watches whose paths are canonical, in their order."""
    seen: dict[str, frozenset[str]] = {}
    partly: list[tuple[Watch, str]] = []
    used: list[Watch] = []
    for watch in watches:
        if (whole := _holds(watch, target, directory=directory)) is None:
            continue
        if watch.never:
            if watch.permissions & CHANGES and not watch.narrowed and not watch.architecture:
                break
            partly.append((watch, "another rule keeps some of it silent"))
        elif not watch.permissions & CHANGES:
            continue
        elif watch.narrowed:
            partly.append((watch, "it is narrowed to some callers or system calls"))
        elif not whole:
            partly.append((watch, "it watches the directory itself and not what it holds: use dir= or -w"))
        else:
            seen[watch.architecture] = seen.get(watch.architecture, frozenset()) | watch.permissions & CHANGES
            used.append(watch)
    return _summed(seen, used, partly)


def _summed(seen: Mapping[str, frozenset[str]], used: list[Watch], partly: list[tuple[Watch, str]]) -> Covered:
    everywhere = seen.get("", frozenset())
    narrow = everywhere.union(*(bits for name, bits in seen.items() if name in _NARROW_WORDS))
    wide = everywhere.union(*(bits for name, bits in seen.items() if name and name not in _NARROW_WORDS))
    silent = next((pair for pair in partly if pair[0].never), None)
    weak = next((pair for pair in partly if not pair[0].never and pair[0].permissions >= CHANGES), None)
    if silent and used:
        return Covered(coverage=Coverage.PARTLY, by=silent[0].text, gap=silent[1])
    if narrow >= CHANGES and wide >= CHANGES:
        return Covered(coverage=Coverage.FULLY, by=used[0].text)
    if narrow >= CHANGES or wide >= CHANGES:
        return Covered(coverage=Coverage.PARTLY, by=used[0].text, gap="it misses programs of the other architecture")
    if weak:
        return Covered(coverage=Coverage.PARTLY, by=weak[0].text, gap=weak[1])
    if used:
        return Covered(coverage=Coverage.NONE, by=used[0].text, gap="its permissions lack w or a")
    return Covered(coverage=Coverage.NONE)


def _holds(watch: Watch, target: str, *, directory: bool) -> bool | None:
    """Return whether a watch sees the whole of a path, or only the directory itself; None where it is about another path."""
    if watch.path == target:
        return watch.extent is not Extent.INODE or not directory
    return True if watch.extent is not Extent.INODE and target.startswith(f"{watch.path}/") else None


def _watch(read: Line) -> Watch | None:
    about = read.watched
    if about is None:
        return None
    kind, path = about
    return Watch(
        path=path,
        extent={"-w": Extent.PATH, "dir": Extent.TREE, "path": Extent.INODE}[kind],
        permissions=read.permissions,
        text=read.text,
        key=read.key,
        architecture=next((value for name, _, value in read.fields if name == "arch"), ""),
        narrowed=read.narrowed,
        never="never" in read.words,
    )


def _everything_silenced(read: Line) -> bool:
    """Return whether a rule keeps all others silent: `-a never,task` (some distributions ship it), or `never,exit` of anything."""
    about = {name for name, _, _ in read.fields} & {"path", "dir", "perm", "arch"}
    return "never" in read.words and bool(read.words & {"task", "exit"}) and not about and not read.narrowed
