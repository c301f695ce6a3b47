"""A line of an audit rules file as auditctl(8) takes it, and what makes it refuse one."""

from __future__ import annotations

import getopt
import re
from collections.abc import Iterator
from dataclasses import dataclass

from stridegate.model.paths import clean

# The short options of auditctl 3 and 4, and its long ones; what it does not know, it refuses.
_OPTIONS = "hicslDvtqC:e:f:r:b:a:A:d:S:F:m:R:w:W:k:p:"
_LONG = ("loginuid-immutable", "reset-lost", "reset_backlog_wait_time_actual", "backlog_wait_time=", "signal=")
_PERMISSIONS = re.compile(r"[rwxa]+")
_FIELD = re.compile(r"(?P<name>[a-z0-9_]+)(?P<operator>[<>!]=|&=|[=<>&])(?P<value>.*)")
_EVERYTHING = frozenset("rwxa")
_ACTIONS = {"always", "never"}
_LISTS = {"task", "exit", "user", "exclude", "filesystem", "io_uring"}
# What is a rule, and what only belongs to one.
_RULES = ("-a", "-A", "-d", "-w", "-W")
_PARTS = {"-p", "-k", "-F", "-S", "-C"}

# What makes two rules one for the kernel, which refuses the second (audit_compare_rule): list and action, fields, permissions,
# key, system calls. A path counts whatever follows it is.
Identity = tuple[frozenset[str], tuple[tuple[str, str, str], ...], frozenset[str], str, frozenset[str]]


class Refused(Exception):
    """A line that auditctl refuses."""


@dataclass(slots=True, kw_only=True)
class Line:
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

    @property
    def words(self) -> frozenset[str]:
        """The list and the action of a rule: `exit` and `always` for a watch. Raises Refused."""
        named = next((value for option, value in self.options if option in {"-a", "-A", "-d"}), "always,exit")
        words = frozenset(named.split(","))
        if len(words) != 2 or not words & _ACTIONS or not words & _LISTS:
            raise Refused
        return words

    @property
    def watched(self) -> tuple[str, str] | None:
        """What a rule is about, -w, path or dir, and its path; None where it is about no path. Raises Refused."""
        about = [(name, operator, value) for name, operator, value in self.fields if name in {"path", "dir"}]
        about += [("-w", "=", value) for option, value in self.options if option in {"-w", "-W"}]
        if not about:
            return None
        kind, operator, path = about[0]
        if len(about) > 1 or operator != "=" or "exit" not in self.words:
            raise Refused
        if not path.startswith("/") or (kind == "path" and path.endswith("/")):
            raise Refused
        return kind, "/" + "/".join(clean(path))

    @property
    def permissions(self) -> frozenset[str]:
        """What accesses a rule is about; all where it says none. Raises Refused."""
        given = self.value("-p")
        for name, operator, value in self.fields:
            if name == "perm":
                given = value if operator == "=" else ""
        if given is None:
            return _EVERYTHING
        if not _PERMISSIONS.fullmatch(given):
            raise Refused
        return frozenset(given)

    @property
    def calls(self) -> frozenset[str]:
        """The system calls that a rule is about; none for all of them."""
        return frozenset(value for option, value in self.options if option == "-S") - {"all"}

    @property
    def narrowed(self) -> bool:
        """Whether a rule is about some callers, programs or system calls only."""
        return bool({name for name, _, _ in self.fields} - {"path", "dir", "perm", "key", "arch"}) or bool(self.calls)

    @property
    def identity(self) -> Identity:
        """What tells the rule from others. Raises Refused."""
        about = self.watched
        others = [each for each in self.fields if each[0] not in {"path", "dir", "perm", "key"}]
        fields = [("at", "=", about[1]), *others] if about else others
        return self.words, tuple(fields), self.permissions, self.key, self.calls


def lines_of(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines of a rules file that say something, after their numbers."""
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.strip(" ")  # and words at blanks alone: auditctl knows no tabs
        if stripped and not stripped.startswith("#"):
            yield number, stripped


def read_line(line: str) -> Line:
    """Return a line, taken apart. Raises Refused."""
    try:
        options, surplus = getopt.getopt(list(filter(None, line.split(" "))), _OPTIONS, list(_LONG))
    except getopt.GetoptError as error:
        raise Refused from error
    rules = [option for option, _ in options if option in _RULES]
    if surplus or not options or len(rules) > 1:
        raise Refused
    if not rules and {option for option, _ in options} <= _PARTS:
        raise Refused
    fields: list[tuple[str, str, str]] = []
    for option, value in options:
        if option in {"-F", "-C"}:
            match = _FIELD.fullmatch(value)
            if match is None:
                raise Refused
            name = match["name"] if option == "-F" else f"-C {match['name']}"
            fields.append((name, match["operator"], match["value"]))
    return Line(text=line, options=options, fields=fields)
