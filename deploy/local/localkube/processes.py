"""Servers as child processes: started, paused, stopped, and gone when we are gone."""

import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep

from localkube.commands import last_words
from localkube.errors import CommandFailed, NotReady

_GUARDIAN = 'read -r _; kill -KILL "$1" 2>/dev/null'
"""Blocks until its stdin ends, which the kernel sees to when our process dies, and then kills the server.

PR_SET_PDEATHSIG would be shorter, but it fires when the *thread* that started the server ends."""


@dataclass(slots=True, kw_only=True)
class Server:
    """One program that runs until it is stopped; its output goes to a log."""

    name: str
    command: Sequence[str | Path]
    log: Path
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _guardian: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def pid(self) -> int:
        """The process id. Raises RuntimeError when the server is not running."""
        if self._process is None:
            message = f"{self.name} is not running"
            raise RuntimeError(message)
        return self._process.pid

    def start(self) -> None:
        """Start the program in a session of its own: Ctrl-C in the terminal goes to us, who stop it in order."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as sink:
            self._process = subprocess.Popen(
                [str(word) for word in self.command],
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._guardian = subprocess.Popen(
            ["sh", "-c", _GUARDIAN, "guardian", str(self._process.pid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )

    def wait_until(self, ready: Callable[[], bool], *, seconds: float) -> None:
        """Poll until it is ready. Raises NotReady, and CommandFailed if it ended meanwhile."""
        deadline = monotonic() + seconds
        while not ready():
            if self._process is None or self._process.poll() is not None:
                code = -1 if self._process is None else self._process.returncode
                self.stop()
                raise CommandFailed([str(self.command[0])], code, last_words(self.log), self.log)
            if monotonic() > deadline:
                raise NotReady(self.name, seconds, last_words(self.log), self.log)
            sleep(0.05)

    def pause(self) -> None:
        """Freeze it: connections open and requests hang, as with a machine that lost its disk."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it run on."""
        os.kill(self.pid, signal.SIGCONT)

    def stop(self, *, kill: bool = True) -> None:
        """End it and wait for its end; with `kill=False` let it finish its requests (SIGTERM). Harmless when stopped."""
        if self._process is not None:
            if self._process.poll() is None:
                self._process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
                self._process.send_signal(signal.SIGCONT)  # a paused process does not notice SIGTERM
            self._process.wait()
            self._process = None
        if self._guardian is not None:
            self._guardian.kill()
            if self._guardian.stdin:
                self._guardian.stdin.close()
            self._guardian.wait()
            self._guardian = None
