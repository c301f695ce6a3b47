"""A mark of where a process stands, in memory that another one sees: the path that it is about to touch."""

from __future__ import annotations

import mmap
import struct

_HEAD = struct.Struct("=QH")
# The longest path of Linux (PATH_MAX); what is longer is cut.
_MOST = 4096


class Mark:
    """One writes, others read; made before the processes part."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _HEAD.size + _MOST)
        self._steps = 0

    def stand(self, path: str) -> None:
        """Note that a path is about to be touched."""
        name = path.encode(errors="surrogateescape")[:_MOST]
        self._steps += 1
        self._memory[_HEAD.size : _HEAD.size + len(name)] = name
        self._memory[: _HEAD.size] = _HEAD.pack(self._steps, len(name))

    def read(self) -> tuple[int, str]:
        """Return how many steps were made, and where the last one led."""
        steps, length = _HEAD.unpack(self._memory[: _HEAD.size])
        name = self._memory[_HEAD.size : _HEAD.size + min(length, _MOST)]
        return steps, name.decode(errors="surrogateescape")
