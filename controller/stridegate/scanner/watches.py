"""Directories of a host, watched for changes (inotify(7)), whatever happens in them."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable

from stridegate.model.nodes.answers import FileKind
from stridegate.scanner.errors import ScannerError
from stridegate.scanner.host_root import HostRoot

# IN_ATTRIB, IN_CLOSE_WRITE, IN_MOVED_FROM, IN_MOVED_TO, IN_CREATE, IN_DELETE, IN_DELETE_SELF, IN_MOVE_SELF; IN_ONLYDIR.
_CHANGES = 0x4 | 0x8 | 0x40 | 0x80 | 0x100 | 0x200 | 0x400 | 0x800 | 0x01000000
# Directories at a time: the kernel's own bound for a user is 8192 on small machines.
_MOST = 256
_BUFFER = 64 * 1024


class Watches:
    """What tells of changes in directories; `descriptor` is readable when something changed in one of them."""

    def __init__(self) -> None:
        """Begin. Raises OSError where the kernel has no room for it."""
        library = ctypes.CDLL(None, use_errno=True)
        self.descriptor = library.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self.descriptor < 0:
            raise OSError(ctypes.get_errno(), "inotify cannot be used")

    def drain(self) -> bool:
        """Tell whether anything changed since the last time. Nothing of it is kept: a scan finds out what."""
        changed = False
        while True:
            try:
                changed = bool(os.read(self.descriptor, _BUFFER)) or changed
            except BlockingIOError:
                return changed

    def close(self) -> None:
        """End."""
        os.close(self.descriptor)


def watch(host: HostRoot, descriptor: int, directories: Iterable[str]) -> frozenset[str]:
    """Let watches tell of these directories of a host too, and return which: those that are gone or cannot be watched are left out.

    `descriptor` is that of watches made before the processes parted: what touches the host may be another one.
    """
    library = ctypes.CDLL(None, use_errno=True)
    watched: set[str] = set()
    # One that was renamed away and made anew is another: its path is watched again, which costs nothing if it is not.
    for directory in sorted(set(directories))[:_MOST]:
        try:
            with host.at(directory) as place:
                if place.kind is not FileKind.DIRECTORY:
                    continue
                path = f"/proc/self/fd/{place.descriptor}".encode()
                number = library.inotify_add_watch(descriptor, path, _CHANGES)
        except ScannerError:
            continue
        if number >= 0:
            watched.add(directory)
    return frozenset(watched)
