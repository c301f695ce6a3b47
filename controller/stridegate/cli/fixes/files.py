"""Putting a new content in the place of a file, all at once or not at all.

NotWritten
    A file is left as it is: the message says why.
"""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterable
from pathlib import Path


class NotWritten(Exception):
    """A file that is not written; the message says why."""


def target_of(path: Path, named: Iterable[str]) -> Path:
    """Return the file that a path leads to. Raises NotWritten where a link in a folder leads out of all that was named.

    `named` are the files and folders that a person asked for: a link among them was meant.
    """
    target = path.resolve()
    roots = [Path(each) for each in named]
    if path in roots or any(target.is_relative_to(root.resolve()) for root in roots):
        return target
    raise NotWritten("it is a link that leads out of the folder; name its target to mend it")


def replace(target: Path, before: bytes, after: bytes) -> None:
    """Put a new content in place of a file that still has the old one; mode and owner stay. Raises NotWritten.

    Readers see the one or the other, whatever happens: the new content is on the disk before it gets the name.
    """
    try:
        status = target.stat()
        if not stat.S_ISREG(status.st_mode):
            raise NotWritten("it is no regular file")
        if status.st_nlink > 1:
            raise NotWritten("the file has several names (hard links), which would come apart")
        if not os.access(target, os.W_OK):
            raise NotWritten("it may not be written")
        if target.read_bytes() != before:
            raise NotWritten("it has changed since it was read")
        _replace(target, after, status)
    except OSError as error:
        raise NotWritten(error.strerror or type(error).__name__) from error


def _replace(target: Path, after: bytes, status: os.stat_result) -> None:
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=".stridegate-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(after)
            file.flush()
            if (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid()):
                os.fchown(file.fileno(), status.st_uid, status.st_gid)
            os.fchmod(file.fileno(), stat.S_IMODE(status.st_mode))
            os.fsync(file.fileno())
        Path(name).replace(target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
        raise
