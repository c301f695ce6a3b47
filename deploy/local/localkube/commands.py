"""Calling programs: output kept in a log or returned, and one sentence when they fail."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from localkube.errors import CommandFailed, ProgramMissing

Argument = str | Path


def run(  # noqa: PLR0913 - one door to subprocess instead of five
    command: Sequence[Argument],
    *,
    log: Path | None = None,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    stdin: str | None = None,
    timeout: float | None = None,
    pass_fds: Sequence[int] = (),
) -> str:
    """Run a program to its end and return its stdout; with `log`, append all its output to that file instead.

    `environment` is laid over ours. `timeout` is in seconds. Raises CommandFailed and ProgramMissing.
    """
    words = [str(word) for word in command]
    whole = {**os.environ, **(environment or {})}
    try:
        if log is None:
            done = subprocess.run(
                words, check=False, capture_output=True, text=True, errors="replace", env=whole, cwd=folder,
                input=stdin, stdin=subprocess.DEVNULL if stdin is None else None, timeout=timeout, pass_fds=pass_fds,
            )  # fmt: skip
        else:
            log.parent.mkdir(parents=True, exist_ok=True)
            with log.open("a", encoding="utf-8") as sink:
                print("$", *words, file=sink, flush=True)
                done = subprocess.run(
                    words, check=False, stdout=sink, stderr=subprocess.STDOUT, text=True, env=whole, cwd=folder,
                    input=stdin, stdin=subprocess.DEVNULL if stdin is None else None, timeout=timeout,
                    pass_fds=pass_fds,
                )  # fmt: skip
    except FileNotFoundError:
        raise ProgramMissing(words[0], "install it, or put it on PATH") from None
    except subprocess.TimeoutExpired:
        raise CommandFailed(words, -1, f"no answer within {timeout:.0f} s", log) from None
    if done.returncode != 0:
        said = last_words(log) if log else (done.stderr.strip() or done.stdout.strip())[-1500:]
        raise CommandFailed(words, done.returncode, said, log)
    return done.stdout or ""


def succeeds(command: Sequence[Argument], *, timeout: float = 20, environment: Mapping[str, str] | None = None) -> bool:
    """Ask a program a yes-or-no question by its exit code; not being there, or not answering in time, is a no."""
    try:
        run(command, timeout=timeout, environment=environment)
    except (CommandFailed, ProgramMissing):
        return False
    return True


def last_words(log: Path, lines: int = 3) -> str:
    """Read the end of a log, for an error's sentence."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    return " ⏎ ".join(line.strip() for line in text.strip().splitlines()[-lines:])[-600:]


def on_path(program: str) -> Path | None:
    """Find a program, also where Debian puts root's programs, which a user's PATH may lack."""
    found = shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    return Path(found) if found else None
