"""Logging of the long-running processes: one JSON object per line on standard error.

A thread of its own writes: nobody who reads the log slowly, or not at all, may hold up a review.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import os
import time
from contextlib import suppress
from logging.handlers import QueueHandler
from queue import Empty, Full, Queue
from threading import Thread
from typing import Any

# What a log record always has; the rest was given by the caller as `extra` and is logged under its own name.
_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}

_STANDARD_ERROR = 2
# Lines that may wait: some megabytes at most.
_MOST = 4096
# Seconds that the end of the process waits for the last lines.
_PATIENCE = 1.0
# Seconds in which lines gather, and how many are written in one piece.
_GATHERING = 0.02
_AT_ONCE = 32


_encode = json.JSONEncoder(default=str).encode


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "time": dt.datetime.fromtimestamp(record.created, tz=dt.UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        entry.update((key, value) for key, value in record.__dict__.items() if key not in _STANDARD)
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return _encode(entry)


class Lines(QueueHandler):
    """Hands lines to the thread that writes them; a line for which there is no room is dropped and counted."""

    def __init__(self, descriptor: int = _STANDARD_ERROR, most: int = _MOST) -> None:
        self._waiting: Queue[object] = Queue(most)
        super().__init__(self._waiting)
        self.setFormatter(_JsonLines())
        # How many lines nobody will ever read.
        self.dropped = 0
        self._descriptor = descriptor
        Thread(target=self._write, name="log", daemon=True).start()

    def prepare(self, record: logging.LogRecord) -> str:
        """Return the line of a record; the library would hand over a copy of the record as well, which costs as much."""
        return self.format(record)

    def enqueue(self, record: object) -> None:
        """Hand over a line that is ready to be written."""
        try:
            self._waiting.put_nowait(record)
        except Full:
            self.dropped += 1

    def flush(self) -> None:
        """Wait until everything is written, but not for ever; `logging` asks for it when the process ends."""
        with self._waiting.all_tasks_done:
            self._waiting.all_tasks_done.wait_for(lambda: not self._waiting.unfinished_tasks, _PATIENCE)

    def _write(self) -> None:
        ended = False
        while not ended:
            lines = [self._waiting.get()]
            # Being woken for every line would cost the process more than the lines do.
            time.sleep(_GATHERING)
            with suppress(Empty):
                while True:
                    lines.append(self._waiting.get_nowait())
            ended = None in lines
            self._put_out([f"{line}\n".encode() for line in lines if line is not None])
            for _ in lines:
                self._waiting.task_done()

    def _put_out(self, lines: list[bytes]) -> None:
        # Not by sys.stderr, whose lock a stuck write would keep beyond the end of the process.
        for number in range(0, len(lines), _AT_ONCE):
            rest = b"".join(lines[number : number + _AT_ONCE])
            try:
                while rest:
                    rest = rest[os.write(self._descriptor, rest) :]
            except OSError:
                self.dropped += rest.count(b"\n")

    def close(self) -> None:
        """Let the thread end once it has written what waits."""
        super().close()
        try:
            self._waiting.put_nowait(None)
        except Full:
            return


def configure(level: str) -> Lines:
    """Log everything from a level on (debug, info, warning) as JSON lines, and return them; libraries only from warning on."""
    lines = Lines()
    # Whose they are is known, and where in the code a line was written: no line says either.
    logging._srcfile = None  # noqa: SLF001 - the library's own advice (Logging HOWTO, Optimization)
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging.basicConfig(level=logging.WARNING, handlers=[lines], force=True)
    logging.getLogger("stridegate").setLevel(level.upper())
    return lines
