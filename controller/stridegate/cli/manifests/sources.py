"""Finding what to read: files, folders in a fixed order, and standard input."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from stridegate.cli.manifests.errors import ManifestError, NotText, Oversized, Position, Unreadable
from stridegate.cli.manifests.templates import chart_template

STANDARD_INPUT = "-"
# What git keeps for itself: nobody's commit puts anything there.
_REPOSITORY = ".git"
_SUFFIXES = (".yaml", ".yml", ".json")
# etcd holds 8 GiB and an object 1.5 MiB; a dump of a large namespace has tens of megabytes.
_MOST_BYTES = 128 * 1024 * 1024
# What is asked for at once: more than this comes from the system for every file, and goes back to it.
_PIECE = 64 * 1024
# The first two bytes of UTF-32, in one order, are those of UTF-16.
_BOMS = {b"\xff\xfe\0\0": "UTF-32", b"\0\0\xfe\xff": "UTF-32", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


@dataclass(frozen=True, slots=True)
class Source:
    """Something to read: a file, or what was read already where there is no path.

    `name` is what people call it. `met` says that nobody named it: it stood in a folder, and may be anything.
    """

    name: str
    path: Path | None = None
    content: bytes = b""
    met: bool = False

    def text(self) -> str:
        """Return what stands in it, without a byte order mark. Raises Unreadable, Oversized and NotText."""
        return _decoded(self.read())

    def read(self) -> bytes:
        """Return what stands in it. Raises Unreadable and Oversized."""
        if self.path is None:
            found = self.content
        else:
            try:
                found = _content(self.path)
            except OSError as error:
                raise Unreadable("a file that can be read", error.strerror or type(error).__name__) from error
        if len(found) > _MOST_BYTES:
            raise Oversized(f"at most {_MOST_BYTES // 1024 // 1024} MiB")
        return found


def _content(path: Path) -> bytes:
    """Return what stands in a file, and of one that is too long no more than shows that it is."""
    pieces: list[bytes] = []
    size = 0
    # Without a buffer of its own, for ten thousand files. One read of a pipe, such as a shell's <(…), gives only a part of it.
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - twice as fast
        while size <= _MOST_BYTES and (piece := file.read(_PIECE)):
            pieces.append(piece)
            size += len(piece)
    return b"".join(pieces)


def _decoded(found: bytes) -> str:
    encoding = next((name for mark, name in _BOMS.items() if found.startswith(mark)), None)
    if encoding:
        raise NotText(f"{encoding}: save it as UTF-8")
    if b"\0" in found:
        raise NotText("binary data", _position(found, found.index(b"\0")))
    try:
        return found.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotText(f"the byte 0x{found[error.start]:02x}", _position(found, error.start)) from error


def _position(found: bytes, at: int) -> Position:
    before = found[:at]
    return Position(before.count(b"\n") + 1, at - before.rfind(b"\n"))


def sources(paths: Collection[str], exclude: Collection[str] = ()) -> Iterator[Source | tuple[str, ManifestError]]:
    """Yield what some paths stand for, each once, folders walked in the order of names; a name with an error where there is nothing to read.

    In folders only *.yaml, *.yml and *.json count, hidden ones like others, since kubectl applies them as well. No link is
    followed into a folder, and none named .git is walked. `exclude` are patterns of paths and of names in folders; what is
    named itself is never excluded.
    """
    seen: set[str] = set()
    for path in paths:
        for each in _found(path, exclude):
            name = each.name if isinstance(each, Source) else each[0]
            if name not in seen:
                seen.add(name)
                yield each


def _found(path: str, exclude: Collection[str]) -> Iterator[Source | tuple[str, ManifestError]]:
    if path == STANDARD_INPUT:
        try:
            yield Source("standard input", content=sys.stdin.buffer.read(_MOST_BYTES + 1))
        except OSError as error:
            yield "standard input", Unreadable("something to read", error.strerror or type(error).__name__)
    elif os.path.isdir(path):  # noqa: PTH112 - a Path would drop the ./ that people typed
        yield from _walked(path, exclude)
    elif os.path.exists(path):  # noqa: PTH110 - as above
        yield Source(path, Path(path))
    else:
        yield path, Unreadable("a file or folder", "nothing of that name")


def _walked(folder: str, exclude: Collection[str]) -> Iterator[Source | tuple[str, ManifestError]]:
    try:
        with os.scandir(folder) as listed:
            entries = sorted(listed, key=lambda entry: entry.name)
    except OSError as error:
        yield folder, Unreadable("a folder that can be read", error.strerror or type(error).__name__)
        return
    chart = any(entry.name == "Chart.yaml" for entry in entries)
    for entry in entries:
        if entry.name == _REPOSITORY or any(_matches(entry, pattern) for pattern in exclude):
            continue
        if entry.is_dir(follow_symlinks=False):
            if chart and entry.name == "templates":
                yield entry.path, chart_template(folder)
            else:
                yield from _walked(entry.path, exclude)
        elif entry.name.endswith(_SUFFIXES) and entry.is_file():
            yield Source(entry.path, Path(entry.path), met=True)


def _matches(entry: os.DirEntry[str], pattern: str) -> bool:
    pattern = pattern.rstrip("/")
    return fnmatch(entry.path.removeprefix("./"), pattern.removeprefix("./")) or fnmatch(entry.name, pattern)
