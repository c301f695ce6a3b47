"""Audit rules as auditctl(8) loads them from a file: what is watched for changes, and what takes the watching back.

What a rules file says is what is configured; what the kernel holds can only be asked by who may control auditing.
"""

from __future__ import annotations

import enum
import getopt
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from stridegate.model.paths import clean

# The short options of auditctl 3 and 4, and its long ones; what it does not know, it refuses.
_OPTIONS = "hicslDvtqC:e:f:r:b:a:A:d:S:F:m:R:w:W:k:p:"
_LONG = ("loginuid-immutable", "reset-lost", "reset_backlog_wait_time_actual", "backlog_wait_time=", "signal=")
_PERMISSIONS = re.compile(r"[rwxa]+")
_FIELD = re.compile(r"(?P<name>[a-z0-9_]+)(?P<operator>[<>!]=|&=|[=<>&])(?P<value>.*)")
# What tells of every change: writing to a file, and changing its mode, owner or attributes.
CHANGES = frozenset("wa")
_EVERYTHING = frozenset("rwxa")
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


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRules:
    """What a file of rules leaves in force: watches, first match first, and why none of them counts where that is so."""

    watches: tuple[Watch, ...] = ()
    silenced: str = ""
    # Lines that auditctl would refuse.
    refused: tuple[str, ...] = ()


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


@dataclass(slots=True, kw_only=True)
class _Line:
    """A line of a rules file, taken apart."""

    text: str
    options: list[tuple[str, str]]
    fields: list[tuple[str, str, str]]

    def value(self, name: str) -> str | None:
        """Return the last value of an option, None where it is not given."""
        return next((value for option, value in reversed(self.options) if option == name), None)

    @property
    def key(self) -> str:
        """The key that the rule is found by."""
        return self.value("-k") or next((value for name, _, value in self.fields if name == "key"), "")


class _Refused(Exception):
    """A line that auditctl refuses."""


@lru_cache(maxsize=8)
def parse(text: str) -> AuditRules:
    """Return what a rules file leaves in force when auditctl loads it from top to bottom."""
    watches: list[Watch] = []
    refused: list[str] = []
    silenced, off = "", ""
    for line in _lines(text):
        try:
            read = _read(line)
            if read.value("-D") is not None:
                key = read.value("-k")
                watches = [watch for watch in watches if key is not None and watch.key != key]
                silenced = silenced if key is not None else ""
            elif (enabled := read.value("-e")) is not None:
                off = "-e 0" if enabled == "0" else ""
                if enabled == "2":  # the kernel takes no rule after it, until the next boot
                    break
            elif _everything_silenced(read):
                silenced = silenced or line
            else:
                watches = _with(watches, read)
        except _Refused:
            refused.append(line)
    return AuditRules(watches=tuple(watches), silenced=off or silenced, refused=tuple(refused))


def merged(files: Mapping[str, str]) -> str:
    """Return the text that augenrules(8) compiles from the files of rules.d, by name: natural order, directives hoisted."""
    directives: dict[str, str] = {}
    rules: list[str] = []
    for name in sorted(files, key=natural):
        for line in _lines(files[name]):
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


def _lines(text: str) -> Iterator[str]:
    stripped = (line.strip(" ") for line in text.split("\n"))  # and words at blanks alone: auditctl knows no tabs
    yield from (line for line in stripped if line and not line.startswith("#"))


def _read(line: str) -> _Line:
    try:
        options, surplus = getopt.getopt(list(filter(None, line.split(" "))), _OPTIONS, list(_LONG))
    except getopt.GetoptError as error:
        raise _Refused from error
    if surplus or not options:
        raise _Refused
    fields: list[tuple[str, str, str]] = []
    for option, value in options:
        if option in {"-F", "-C"}:
            match = _FIELD.fullmatch(value)
            if match is None:
                raise _Refused
            name = match["name"] if option == "-F" else f"-C {match['name']}"
            fields.append((name, match["operator"], match["value"]))
    return _Line(text=line, options=options, fields=fields)


def _with(watches: list[Watch], read: _Line) -> list[Watch]:
    """Return the watches after a line: one more, one less, or as they were."""
    removed, deleted, listed = read.value("-W"), read.value("-d"), read.value("-A")
    if removed is not None or deleted is not None:
        gone = replace(read, options=[("-w", removed)]) if removed is not None else read
        paths = {watch.path for watch in _watches(gone, deleted or "always,exit")}
        return [watch for watch in watches if watch.path not in paths]
    if listed is not None:
        return [*_watches(read, listed), *watches]
    return [*watches, *_watches(read, read.value("-a") or "always,exit")]


def _watches(read: _Line, listed: str) -> Iterator[Watch]:
    words, watched = set(listed.split(",")), read.value("-w")
    named = [(name, value) for name, operator, value in read.fields if name in {"path", "dir"} and operator == "="]
    if watched is not None:
        named.append(("-w", watched))
    if not named:
        return
    if len(named) > 1 or "exit" not in words or not words & {"always", "never"}:
        raise _Refused
    kind, path = named[0]
    if not path.startswith("/") or (kind == "path" and path.endswith("/")):
        raise _Refused
    yield Watch(
        path="/" + "/".join(clean(path)),
        extent={"-w": Extent.PATH, "dir": Extent.TREE, "path": Extent.INODE}[kind],
        permissions=_permissions(read),
        text=read.text,
        key=read.key,
        architecture=next((value for name, _, value in read.fields if name == "arch"), ""),
        narrowed=_narrowed(read),
        never="never" in words,
    )


def _permissions(read: _Line) -> frozenset[str]:
    given = read.value("-p")
    for name, operator, value in read.fields:
        if name == "perm":
            given = value if operator == "=" else ""
    if given is None:
        return _EVERYTHING
    if not _PERMISSIONS.fullmatch(given):
        raise _Refused
    return frozenset(given)


def _narrowed(read: _Line) -> bool:
    """Return whether a rule is about some callers, programs or system calls only."""
    calls = {value for option, value in read.options if option == "-S"}
    others = {name for name, _, _ in read.fields} - {"path", "dir", "perm", "key", "arch"}
    return bool(others) or not calls <= {"all"}


def _everything_silenced(read: _Line) -> bool:
    """Return whether a rule keeps all others silent: `-a never,task` (some distributions ship it), or `never,exit` of anything."""
    words = set((read.value("-a") or read.value("-A") or "").split(","))
    about = {name for name, _, _ in read.fields} & {"path", "dir", "perm", "arch"}
    return "never" in words and bool(words & {"task", "exit"}) and not about and not _narrowed(read)
