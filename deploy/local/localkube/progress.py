"""Progress on long steps, as lines: they read the same in a terminal, in a CI log and from two threads at once."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_HEARTBEAT_SECONDS = 30.0
_write_lock = threading.Lock()


def say(line: str) -> None:
    """Write one line for the user. To stderr: stdout belongs to what a command prints as its result."""
    with _write_lock:
        print(f"● {line}", file=sys.stderr, flush=True)


@contextmanager
def step(what: str, *, expect: str = "") -> Iterator[None]:
    """Announce a long step, show every half minute that it lives, and say at the end how long it took.

    `expect` tells beforehand what makes the user patient: "first time only, about 5 min".
    """
    say(f"{what}{', ' + expect if expect else ''} …")
    started = time.monotonic()
    finished = threading.Event()

    def beat() -> None:
        while not finished.wait(_HEARTBEAT_SECONDS):
            say(f"{what} … {duration(time.monotonic() - started)}")

    heart = threading.Thread(target=beat, daemon=True)
    heart.start()
    try:
        yield
    finally:
        finished.set()
        heart.join()
    say(f"{what}: done in {duration(time.monotonic() - started)}")


def duration(seconds: float) -> str:
    """Write a duration the way people say it: `7 s`, `4 min 55 s`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
