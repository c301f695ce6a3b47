"""A process that touches a host's files in place of this one, so that a file system that never answers holds up that one alone.

Whoever asks a dead NFS server or a FUSE server that went silent sleeps where no signal reaches (state D, proc_pid_stat(5)).
No timeout and no thread helps: only a process can be left behind. A nursery of one thread, forked at the start, makes
workers, so that nothing forks beside threads. A worker marks each path before it touches it. Where it makes no step and
uses no processor for a while, it is left behind, and the next one keeps off the mount where it stood.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import socket
import time
import traceback
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Protocol, Self, TypeVar

from stridegate.scanner.errors import Barred, BrokenWorker, Missing, Stalled
from stridegate.scanner.host_root import HostRoot
from stridegate.scanner.kernel_tables import mounts_in
from stridegate.scanner.marks import Mark

P = ParamSpec("P")
T = TypeVar("T")

# Seconds without any progress after which a file system does not answer; for all that one call asks; and for which
# nothing asks it again, even where it answers by then.
SILENCE = 5.0
PATIENCE = 60.0
_HOLD = 120.0
# The most file systems that a call finds silent one after the other, and the most processes that are left behind.
_MOST_STALLS = 3
_MOST_LEFT = 8
# Trees of the kernel, where one file may not answer while others do.
_KERNELS = {"proc", "sysfs", "cgroup", "cgroup2"}
_NUMBER = 8


class Looks(Protocol):
    """Who looks at a host: this very process (HostRoot), or one that may be left behind (Workers)."""

    def run(self, function: Callable[Concatenate[HostRoot, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what a function makes of a host's files. Raises Missing and Barred."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Worker:
    pid: int
    connection: Connection[Any, Any]

    def ended(self) -> bool:
        """Tell whether one that was left behind is gone: its end of the connection closes with it."""
        return self.connection.poll(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Left:
    """A worker that was left behind, when, and what it stands on: the path, and the reason to tell."""

    worker: _Worker
    since: float
    path: str
    reason: str


class Workers:
    """Calls functions on a host in a process of their own, one at a time. Make it before threads are started."""

    def __init__(
        self, host: HostRoot, *, silence: float = SILENCE, patience: float = PATIENCE, hold: float = _HOLD
    ) -> None:
        """Take the host, and seconds: without progress, for one call, and until what was silent is asked again."""
        self._host = host
        self._silence = silence
        self._patience = patience
        self._hold = hold
        self._mark = Mark()
        self._worker: _Worker | None = None
        self._left: list[_Left] = []
        self._nursery, theirs = socket.socketpair()
        with warnings.catch_warnings():
            # The thread that writes logs may run already: the child writes none.
            warnings.simplefilter("ignore", DeprecationWarning)
            # What is there by now stays: collections would copy every page of it into each process.
            gc.freeze()
            self.nurse = os.fork()
        if self.nurse == 0:
            _apart(partial(_nurse, theirs, host, self._mark), self._nursery)
        theirs.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in (*([self._worker] if self._worker else []), *(each.worker for each in self._left)):
            worker.connection.close()
        self._nursery.close()
        os.waitpid(self.nurse, 0)

    @property
    def silent(self) -> Mapping[str, str]:
        """What is not touched for now: the path on the host, and why."""
        now = time.monotonic()
        for each in self._left:
            if now - each.since >= self._hold and each.worker.ended():
                each.worker.connection.close()
        self._left = [each for each in self._left if not each.worker.connection.closed]
        return {each.path: each.reason for each in self._left}

    def run(self, function: Callable[Concatenate[HostRoot, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what a function of a module makes of the host. Raises Missing and Barred, Stalled among them."""
        until = time.monotonic() + self._patience
        for _ in range(_MOST_STALLS):
            silent = self.silent
            worker = self._worker or self._born()
            try:
                worker.connection.send((function, args, kwargs, silent))
                if self._waited(worker, until):
                    answer: T = _told(worker.connection.recv())
                    return answer
            except (EOFError, ConnectionError) as error:
                self._worker = None
                worker.connection.close()
                raise Stalled("the host", "the process that looks at it ended early") from error
            self._leave(worker)
            if time.monotonic() >= until:
                raise Stalled("the host", f"was not read within {self._patience:g} s")
        raise Stalled("the host", f"{_MOST_STALLS} file systems did not answer within {self._silence:g} s each")

    def _born(self) -> _Worker:
        if sum(not each.worker.ended() for each in self._left) >= _MOST_LEFT:
            raise Stalled("the host", f"{_MOST_LEFT} processes wait for file systems that do not answer")
        ours, theirs = socket.socketpair()
        with ours, theirs:
            try:
                socket.send_fds(self._nursery, [b"!"], [theirs.fileno()])
                pid = int.from_bytes(self._nursery.recv(_NUMBER), "little")
            except ConnectionError:
                pid = 0
            # Number 0 would be everybody to kill(2).
            if not pid:
                raise Stalled("the host", "nobody makes processes that look at it any more")
            self._worker = _Worker(pid=pid, connection=Connection(ours.detach()))
        return self._worker

    def _waited(self, worker: _Worker, until: float) -> bool:
        """Wait for an answer, and tell whether there is one: not where nothing moves, or the time is up."""
        moved, seen = time.monotonic(), (-1, -1)
        while not worker.connection.poll(self._silence / 8):
            now, sees = time.monotonic(), (self._mark.read()[0], _ticks(worker.pid))
            if sees != seen:
                moved, seen = now, sees
            if now - moved >= self._silence or now >= until:
                return False
        return True

    def _leave(self, worker: _Worker) -> None:
        """Leave a worker behind. It ends by itself where a signal reaches it, and else when its file system does."""
        self._worker = None
        stands = self._mark.read()[1]
        with contextlib.suppress(ProcessLookupError):
            os.kill(worker.pid, signal.SIGKILL)
        path = self._mount_of(stands)
        reason = f"{path} did not answer within {self._silence:g} s"
        self._left.append(_Left(worker=worker, since=time.monotonic(), path=path, reason=reason))

    def _mount_of(self, stands: str) -> str:
        """Return the path on the host of the mount that a path stands on; the path itself on the host's root and in the kernel's trees."""
        base = str(self._host.root).rstrip("/")
        inside = [
            (each.point.removeprefix(base) or "/", each.file_system)
            for each in mounts_in(Path("/proc/self/mountinfo").read_bytes())
            if f"{each.point}/".startswith(f"{base}/")
        ]
        around = [each for each in inside if each[0] != "/" and f"{stands}/".startswith(f"{each[0]}/")]
        point, kind = max(around, key=lambda each: len(each[0]), default=("/", ""))
        return stands or "/" if point == "/" or kind in _KERNELS else point


def _told(outcome: tuple[Any, ...]) -> Any:  # noqa: ANN401 - whatever the function returns
    """Return what a worker's function returned, or raise what it raised."""
    match outcome:
        case "missing", what:
            raise Missing(what)
        case "barred", what, reason:
            raise Barred(what, reason)
        case "system", number, reason:
            raise OSError(number, reason)
        case "broke", trace:
            raise BrokenWorker(trace)
    return outcome[1]


def _ticks(pid: int) -> int:
    """Return how much processor time a process has used, in ticks of the kernel; -1 where it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2].split()
    except OSError:
        return -1
    return int(fields[11]) + int(fields[12])


def _apart(work: Callable[[], None], parents: socket.socket) -> None:
    """Do what a forked process is for, and end it: it never returns into what its parent was doing."""
    try:
        parents.close()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        # A process that is left behind must hold no pipe open that somebody reads to its end.
        nothing = os.open(os.devnull, os.O_RDWR)
        for standard in range(3):
            os.dup2(nothing, standard)
        work()
    finally:
        os._exit(0)


def _nurse(orders: socket.socket, host: HostRoot, mark: Mark) -> None:
    """Fork a worker for each order, until nobody orders any more. Whoever ends is forgotten."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        order, descriptors, _, _ = socket.recv_fds(orders, 1, 1)
        if not order:
            return
        (theirs,) = descriptors
        worker = os.fork()
        if worker == 0:
            _apart(partial(_work, Connection(theirs), host, mark), orders)
        os.close(theirs)
        orders.sendall(worker.to_bytes(_NUMBER, "little"))


def _work(connection: Connection[Any, Any], host: HostRoot, mark: Mark) -> None:
    """Do what is asked for, until nobody asks any more."""
    host.mark = mark
    while True:
        try:
            function, args, kwargs, host.silent = connection.recv()
        except (EOFError, OSError):
            return
        connection.send(_outcome(function, host, args, kwargs))


def _outcome(
    function: Callable[..., object], host: HostRoot, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[object, ...]:
    try:
        return "answer", function(host, *args, **kwargs)
    except Missing as missing:
        return "missing", missing.what
    except Barred as barred:
        return "barred", barred.what, barred.reason
    except OSError as error:
        return "system", error.errno, error.strerror
    except Exception:  # noqa: BLE001 - told to the process that asked, which raises it
        return "broke", traceback.format_exc()
