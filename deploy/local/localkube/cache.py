"""The cache of built things: made once, published whole, safe against two runs at the same time.

An entry is a folder `<kind>/<name>-<digest of its recipe>`. It is built beside its place under a file lock and
renamed when it is complete, so that a run that dies leaves nothing that looks finished.
"""

import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from localkube.errors import TooLittleDisk
from localkube.mounts import remove_tree
from localkube.progress import say

_GIB = 1024**3
_DIGEST_LENGTH = 12
_KEEP_SECONDS = 7 * 24 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """One folder of entries."""

    root: Path

    def log(self, name: str) -> Path:
        """Say where a step writes what its programs print."""
        return self.root / "logs" / f"{name}.log"

    def entry(self, name: str, digest: str) -> Path:
        """Say where an entry is, or will be."""
        return self.root / "built" / f"{name}-{digest}"

    def built(self, name: str, digest: str, build: Callable[[Path], None], *, gib: float = 1) -> Path:
        """Return the entry's folder; if it is not there, let `build` fill an empty one, whose place is given to it.

        `gib` is the free disk that building needs, in GiB. Raises TooLittleDisk and what `build` raises.
        """
        entry = self.entry(name, digest)
        if entry.is_dir():
            os.utime(entry)
            return entry
        entry.parent.mkdir(parents=True, exist_ok=True)
        with locked(entry.with_name(entry.name + ".lock"), waiting_for=f"another run that builds {name}"):
            if not entry.is_dir():
                require_disk(entry.parent, gib)
                self.log(name).unlink(missing_ok=True)
                partial = entry.with_name(entry.name + ".partial")
                remove_tree(partial)  # left by a run that died
                partial.mkdir()
                build(partial)
                partial.rename(entry)
                self._forget_older(name, entry)
        return entry

    def _forget_older(self, name: str, entry: Path) -> None:
        """Delete what older recipes of the same name made, unless another checkout used it lately."""
        for other in entry.parent.glob(f"{name}-{'?' * _DIGEST_LENGTH}"):
            if other != entry and time.time() - other.stat().st_mtime > _KEEP_SECONDS:
                remove_tree(other)


@contextmanager
def locked(lock: Path, *, waiting_for: str) -> Iterator[None]:
    """Hold an exclusive file lock; the kernel frees it when the process ends, however it ends."""
    with lock.open("a", encoding="utf-8") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for {waiting_for} …")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def digest(recipe: Iterable[str | Path]) -> str:
    """Make the key of a recipe: its words, and the names and contents of its files, in twelve hex digits."""
    whole = hashlib.sha256()
    for part in recipe:
        for file in [part] if isinstance(part, str) or part.is_file() else sorted(part.rglob("*")):
            if isinstance(file, str):
                whole.update(b"word\0" + file.encode() + b"\0")
            elif file.is_file():
                whole.update(b"file\0" + file.name.encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    return whole.hexdigest()[:_DIGEST_LENGTH]


def require_disk(folder: Path, gib: float) -> None:
    """Refuse to start what cannot end: raise TooLittleDisk before a build fills the disk."""
    free = shutil.disk_usage(folder).free / _GIB
    if free < gib:
        raise TooLittleDisk(folder, gib, free)
