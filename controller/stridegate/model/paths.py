"""Paths on a Linux node, compared by what they lead to rather than by how they are spelled."""

from __future__ import annotations

import re
from functools import lru_cache

Components = tuple[str, ...]

# What a process has open, has mapped, or stands in: its links lead anywhere on the node, without regard to what they are
# called (proc(5)). Only `root` says where to: back to the root that the volume is taken from.
_PROCESS = re.compile(r"[0-9]+|self|thread-self", re.ASCII)
_DRIVE = re.compile(r"[a-z]:", re.ASCII)
# A short name, which stands for a longer one; a stream (`Windows::$INDEX_ALLOCATION`), and what no name has (`\??\C:`).
_ODD_NAME = re.compile(r"~[0-9]|[<>:\"|?*]", re.ASCII)
# What is a symbolic link on every distribution that follows the Filesystem Hierarchy Standard 3.0 (5.5, 5.13).
_ALIASES: tuple[tuple[Components, Components], ...] = (
    (("var", "run"), ("run",)),
    (("var", "lock"), ("run", "lock")),
)


def resolve(path: str) -> Components | None:
    """Return the components of the path that an absolute one leads to, or None for a relative one.

    The path is made clean, then `/var/run`, `/var/lock` and `/proc/<process>/root` are replaced by where they point. Any
    other path into the folder of a process can lead anywhere, and so counts as the root, which has no components.
    Symbolic links of a node are invisible here.
    """
    return _resolved(path) if len(path) <= _LONGEST_REMEMBERED else _resolved.__wrapped__(path)


# The same few paths come with every pod.
_LONGEST_REMEMBERED = 256


@lru_cache(maxsize=4096)
def _resolved(path: str) -> Components | None:
    return _follow(clean(path)) if path.startswith("/") else None


def clean(path: str) -> Components:
    """Return the components of a path in a container, taken from its root: doubled slashes, `.` and `..` are taken lexically."""
    components: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del components[-1:]
        elif part not in {"", "."}:
            components.append(part)
    return tuple(components)


def resolve_windows(path: str) -> Components | None:
    r"""Return the components of a path on a Windows node, in lower case and with the drive first, or None where it cannot be told.

    Both slashes separate, `\\?\` and `\\.\` are taken off, a path without a drive lies on `c:`, and blanks and dots at the
    end of a name do not count (Win32 file naming). A named pipe is `pipe`, then its name. What is relative, what has a short
    name (`progra~1`), a stream, or a name of blanks and dots alone, and what a server shares (`\\localhost\c$`) cannot be told.
    """
    spelled = path.lower().replace("\\", "/")
    for device in ("//?/", "//./"):
        spelled = spelled.removeprefix(device)
    if spelled.startswith("//"):
        return None
    rooted = spelled.startswith("/")
    parts = [part.rstrip(" .") for part in clean(spelled)]
    if rooted:
        parts = ["c:", *parts]
    elif not parts or not (parts[0] == "pipe" or _DRIVE.fullmatch(parts[0])):
        return None
    return None if any(not part or _ODD_NAME.search(part) for part in parts[1:]) else tuple(parts)


def _follow(path: Components) -> Components:
    while True:
        shorter = _leave_process(path)
        for alias, target in _ALIASES:
            if shorter[: len(alias)] == alias:
                shorter = target + shorter[len(alias) :]
        if shorter == path:
            return path
        path = shorter


def _leave_process(path: Components) -> Components:
    if len(path) < 2 or path[0] != "proc" or not _PROCESS.fullmatch(path[1]):
        return path
    within = path[4:] if len(path) >= 4 and path[2] == "task" else path[2:]
    return within[1:] if within[:1] == ("root",) else ()


def lies_in(path: Components, listed: Components) -> bool:
    """Whether a path equals a listed one or lies below it."""
    return path[: len(listed)] == listed


def touches(path: Components, listed: Components) -> bool:
    """Whether a path equals a listed one, contains it, or lies below it; a listed `*` stands for any one component."""
    if path and listed and listed[0] not in (path[0], "*"):
        # So it is with nearly all.
        return False
    return all(theirs in (mine, "*") for mine, theirs in zip(path, listed, strict=False))


def written(path: Components) -> str:
    """Return a path as people write it."""
    return "/" + "/".join(path)
