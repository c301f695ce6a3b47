"""Reading below a host's root, whatever the host does: no way leads out, nothing hangs, nothing is large.

Every component of a path is opened by itself without following links (openat, O_NOFOLLOW), and links are resolved here,
against the host's root: joining a prefix and a path would let an absolute link lead into the scanner's own files.
Descriptors are O_PATH until it is known what they are, so that no FIFO, device or socket is ever opened.
"""

from __future__ import annotations

import contextlib
import errno
import fnmatch
import os
import stat
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Concatenate, ParamSpec, Self, TypeVar

from stridegate.model.nodes.answers import FileKind, FileStatus
from stridegate.scanner.errors import Barred, Missing, OutOfView
from stridegate.scanner.marks import Mark

P = ParamSpec("P")
T = TypeVar("T")

# The most bytes of a file that is read, names in a directory, names below one, links in a path (Linux: MAXSYMLINKS 40),
# and components of a path with all its links resolved.
MOST_BYTES = 1024 * 1024
_MOST_NAMES = 10_000
_MOST_BELOW = 20_000
_MOST_LINKS = 40
_MOST_COMPONENTS = 512
_MOST_DEPTH = 32

_LOOK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_KINDS = {stat.S_IFREG: FileKind.FILE, stat.S_IFDIR: FileKind.DIRECTORY, stat.S_IFSOCK: FileKind.SOCKET}
# Errors that say that there is nothing: also ENAMETOOLONG, since no such name can exist.
_NOTHING = {errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ESRCH}


class Place:
    """Where a path led: an O_PATH descriptor, and the path without links."""

    def __init__(self, asked: str, target: str, descriptor: int) -> None:
        self.asked = asked
        self.target = target
        self.descriptor = descriptor
        self.metadata = os.fstat(descriptor)

    @property
    def kind(self) -> FileKind:
        """What it is."""
        return _KINDS.get(stat.S_IFMT(self.metadata.st_mode), FileKind.OTHER)

    def opened(self, flags: int) -> int:
        """Return a descriptor that reads. It is of the very file that was looked at, whatever its name leads to by now."""
        return os.open(f"/proc/self/fd/{self.descriptor}", flags)


class HostRoot:
    """A host's files, below a directory, as far as they are `visible` there: what is mounted into a container, but for what is `masked`.

    With `discreet`, the contents of files are for somebody else than who reads them: only settings are told.
    """

    def __init__(
        self,
        root: Path,
        visible: tuple[str, ...] = ("/",),
        masked: tuple[str, ...] = (),
        *,
        discreet: bool = False,
    ) -> None:
        self.discreet = discreet
        self._masked = tuple(_parts(path) for path in masked)
        self._visible = tuple(_parts(path) for path in visible)
        self.root = root.resolve()
        # What is told of every step, and what is not touched since it does not answer, with the reason.
        self.mark: Mark | None = None
        self.silent: Mapping[str, str] = {}
        self._root = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        # At the end of the block, or of the object that nobody wrote a block for.
        self._close = weakref.finalize(self, os.close, self._root)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def run(self, function: Callable[Concatenate[HostRoot, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what a function makes of this host, in this very process."""
        return function(self, *args, **kwargs)

    def status(self, path: str) -> FileStatus:
        """Return what stat says of a path, links followed. Raises Missing or Barred."""
        with self.at(path) as place:
            return FileStatus(
                path=path,
                target=place.target,
                kind=place.kind,
                mode=stat.S_IMODE(place.metadata.st_mode),
                uid=place.metadata.st_uid,
                gid=place.metadata.st_gid,
            )

    def read(self, path: str, most: int = MOST_BYTES) -> bytes:
        """Return the contents of a regular file. Raises Missing or Barred, also for a file that changes while it is read."""
        for _ in range(2):
            with self.at(path) as place:
                _wants(place, FileKind.FILE)
                content = _content(place, most)
            if content is not None:
                return content
        raise Barred(path, "changes while it is read")

    def names(self, path: str) -> list[str]:
        """Return the names in a directory, sorted. Raises Missing or Barred."""
        with self.at(path) as place:
            return [name for name, _ in self._entries(place)]

    def below(self, path: str, pattern: str, depth: int) -> tuple[str, ...]:
        """Return the paths below a directory whose names match, sorted. Raises Missing or Barred, never returns a part."""
        found: list[str] = []
        seen = 0
        waiting = deque([(path.rstrip("/"), 1)])
        while waiting:
            directory, level = waiting.popleft()
            try:
                with self.at(directory or "/") as place:
                    entries = self._entries(place)
            except Missing:
                if level == 1:
                    raise
                continue
            seen += len(entries)
            if seen > _MOST_BELOW:
                raise Barred(path, f"holds more than {_MOST_BELOW} names")
            found += [f"{directory}/{name}" for name, _ in entries if fnmatch.fnmatchcase(name, pattern)]
            deeper = [(f"{directory}/{name}", level + 1) for name, is_directory in entries if is_directory]
            if level < min(depth, _MOST_DEPTH):
                waiting.extend(deeper)
            elif deeper and level >= _MOST_DEPTH:
                raise Barred(path, f"is deeper than {_MOST_DEPTH} directories")
        return tuple(sorted(found))

    @contextlib.contextmanager
    def at(self, path: str) -> Iterator[Place]:
        """Yield where a path leads, open for looking. Raises Missing or Barred."""
        opened: list[tuple[str, int]] = []
        try:
            target = self._walk(path, opened)
            if not self._shows(_parts(target)):
                raise OutOfView(path, target)
            yield Place(path, target, opened[-1][1] if opened else self._root)
        except OSError as error:
            raise _refusal(path, error) from error
        finally:
            for _, descriptor in opened:
                os.close(descriptor)

    def _walk(self, path: str, opened: list[tuple[str, int]]) -> str:
        """Open every component of a path, from the root on, and return the path without links."""
        if not path.startswith("/") or "\0" in path:
            raise Barred(path, "is no absolute path")
        waiting = deque(path.split("/"))
        links = components = 0
        while waiting:
            name = waiting.popleft()
            if name in {"", "."}:
                continue
            components += 1
            if components > _MOST_COMPONENTS:
                raise Barred(path, f"has more than {_MOST_COMPONENTS} components")
            if name == "..":
                if opened:
                    os.close(opened.pop()[1])
                continue
            descriptor = self._step(path, opened, name)
            opened.append((name, descriptor))
            if not stat.S_ISLNK(os.fstat(descriptor).st_mode):
                continue
            links += 1
            if links > _MOST_LINKS:
                raise Barred(path, f"follows more than {_MOST_LINKS} links")
            leads_to = os.readlink("", dir_fd=descriptor)
            # An absolute link starts over at the host's root, a relative one beside itself.
            while opened and (leads_to.startswith("/") or opened[-1][1] == descriptor):
                os.close(opened.pop()[1])
            waiting.extendleft(reversed(leads_to.split("/")))
        return "/" + "/".join(name for name, _ in opened)

    def _step(self, path: str, opened: list[tuple[str, int]], name: str) -> int:
        if self.mark or self.silent:
            self._watch_out(path, "/" + "/".join((*(each for each, _ in opened), name)))
        try:
            return os.open(name, _LOOK, dir_fd=opened[-1][1] if opened else self._root)
        except OSError as error:
            here = (*(each for each, _ in opened), name)
            if error.errno in _NOTHING and not self._shows(here):
                raise OutOfView(path, "/" + "/".join(here)) from error
            raise

    def _watch_out(self, path: str, here: str) -> None:
        if here in self.silent:
            raise Barred(path, self.silent[here])
        if self.mark:
            self.mark.stand(here)

    def _shows(self, parts: tuple[str, ...]) -> bool:
        if any(parts[: len(masked)] == masked for masked in self._masked):
            return False
        return any(parts[: len(visible)] == visible for visible in self._visible)

    def _entries(self, place: Place) -> list[tuple[str, bool]]:
        """Return the names in a directory, and whether each is a directory itself; links are not."""
        _wants(place, FileKind.DIRECTORY)
        descriptor = place.opened(_READ | os.O_DIRECTORY)
        try:
            entries: list[tuple[str, bool]] = []
            with os.scandir(descriptor) as listed:
                for entry in listed:
                    entries.append((entry.name, entry.is_dir(follow_symlinks=False)))
                    if len(entries) > _MOST_NAMES:
                        raise Barred(place.asked, f"holds more than {_MOST_NAMES} names")
            return sorted(entries)
        finally:
            os.close(descriptor)


def _content(place: Place, most: int) -> bytes | None:
    """Return what a regular file holds, or None where it changed meanwhile."""
    descriptor = place.opened(_READ)
    try:
        before = os.fstat(descriptor)
        if before.st_size > most:
            raise Barred(place.asked, f"has more than {most} bytes")
        content = bytearray()
        while chunk := os.read(descriptor, min(most + 1 - len(content), 1 << 16)):
            content += chunk
            if len(content) > most:
                raise Barred(place.asked, f"has more than {most} bytes")
        after = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    unchanged = (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
    return bytes(content) if unchanged else None


def _wants(place: Place, kind: FileKind) -> None:
    if place.kind is not kind:
        raise Barred(place.asked, f"is no {'regular file' if kind is FileKind.FILE else 'directory'}")


def _refusal(path: str, error: OSError) -> Missing | Barred:
    if error.errno in _NOTHING:
        return Missing(path)
    name = errno.errorcode.get(error.errno or 0, "")
    return Barred(path, f"{name} {os.strerror(error.errno) if error.errno else error}".strip())


def _parts(path: str) -> tuple[str, ...]:
    return tuple(part for part in path.split("/") if part)
