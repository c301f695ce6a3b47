"""Reading a command line as the program reads it: which flags it has, and their values."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from stridegate.model.nodes.answers import Unreadable
from stridegate.model.nodes.nodes import NotReadable

# What Go's strconv.ParseBool takes.
_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})


@dataclass(frozen=True, slots=True)
class Flag:
    """One occurrence of a flag. `value` is None where it stands alone; `apart` says that its value is a word of its own."""

    name: str
    value: str | None
    apart: bool = False


@dataclass(frozen=True, slots=True)
class Flags:
    """The flags of a command line, in order.

    Which flags are boolean is known only to whoever asks for them. A word after a flag that is none itself is taken for
    its value; asked for as a boolean, such a flag stands alone and is true, as the programs read it (spf13/pflag,
    `NoOptDefVal`; Go's flag package, `IsBoolFlag`).
    """

    all: tuple[Flag, ...] = ()

    @classmethod
    def of(cls, words: Sequence[str], *, single_dash: bool = False, short: Mapping[str, str] | None = None) -> Flags:
        """Read the words after a program's name.

        With `single_dash`, `-flag` means `--flag`, as Go's own flag package has it (etcd, containerd, CRI-O). `short` has
        the one-letter flags that take a value (`-H tcp://…`), by letter: the long name.
        """
        return cls(tuple(_read(deque(words), single_dash=single_dash, short=short or {})))

    def __contains__(self, name: str) -> bool:
        return any(flag.name == name for flag in self.all)

    def __add__(self, more: Flags) -> Flags:
        return Flags((*self.all, *more.all))

    def every(self, name: str) -> tuple[str, ...]:
        """Return the value of each occurrence, for flags that add up."""
        return tuple(flag.value or "" for flag in self.all if flag.name == name)

    def text(self, name: str) -> str | None:
        """Return the value, of the last occurrence; None where the flag is unset."""
        values = self.every(name)
        return values[-1] if values else None

    def truth(self, name: str) -> bool | None:
        """Return a boolean flag's value, of its last occurrence; None where it is unset. Raises NotReadable."""
        given = [flag for flag in self.all if flag.name == name]
        if not given:
            return None
        last = given[-1]
        if last.value is None or last.apart:
            return True
        return truth_of(last.value, f"--{name}")

    def is_ambiguous(self, name: str) -> bool:
        """Tell whether a boolean flag has `false` as a word of its own behind it: meant as its value, and read as true."""
        given = [flag for flag in self.all if flag.name == name]
        return bool(given) and given[-1].apart and given[-1].value in _FALSE

    def members(self, name: str) -> tuple[str, ...] | None:
        """Return the members of a list flag, None where it is unset.

        Each occurrence adds to those before it (spf13/pflag, StringSlice): a later one does not take `AlwaysAllow` back.
        """
        values = self.every(name)
        return tuple(members_of(",".join(values))) if values else None

    def gate(self, feature: str) -> bool | None:
        """Return whether `--feature-gates` switches a feature on or off, None where it says nothing of it; the last word counts."""
        said = None
        for member in self.members("feature-gates") or ():
            name, _, value = member.partition("=")
            if name == feature:
                said = truth_of(value, f"--feature-gates {feature}")
        return said


def truth_of(word: str, place: str) -> bool:
    """Return a boolean as Go reads it. Raises NotReadable, with the place, where it is none: who would run so is not known."""
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise NotReadable(Unreadable(place, f"wanted true or false, got {word[:40]!r}"))


def members_of(text: str) -> Iterable[str]:
    """Yield the members of a comma-separated list, without blanks around them and without empty ones."""
    return (member for member in (part.strip().strip('"') for part in text.split(",")) if member)


def _read(words: deque[str], *, single_dash: bool, short: Mapping[str, str]) -> Iterable[Flag]:
    while words:
        word = words.popleft()
        if word == "--":  # what follows is no flag
            return
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
        elif word.startswith("-") and word[1:2] in short:
            name, value = short[word[1]], word[2:].removeprefix("=")
            equals = value
        elif word.startswith("-") and single_dash and len(word) > 1:
            name, equals, value = word[1:].partition("=")
        else:
            continue
        name = name.replace("_", "-")  # k8s.io/component-base, WordSepNormalizeFunc
        if equals:
            yield Flag(name, _unquoted(value))
        elif words and not _is_flag(words[0]):
            yield Flag(name, words.popleft(), apart=True)
        else:
            yield Flag(name, None)


def _is_flag(word: str) -> bool:
    """Tell whether a word is a flag rather than a value; a negative number is a value."""
    return word.startswith("-") and not word[1:2].isdigit()


def _unquoted(value: str) -> str:
    """Return a value without a pair of quotes around it, as unit files and scripts leave them."""
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value
