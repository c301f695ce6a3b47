"""Logging of the long-running processes: one JSON object per line on standard error.

A thread of its own writes: nobody who reads the log slowly, or not at all, may hold up a review.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import os
from logging.handlers import QueueHandler
from queue import Full, Queue
from threading import Thread
from typing import Any

# What a log record always has; the rest was given by the caller as `extra` and is logged under its own name.
_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}

_STANDARD_ERROR = 2
# Lines that may wait: some megabytes at most.
_MOST = 4096
# Seconds that the end of the process waits for the last lines.
_PATIENCE = 1.0


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
        return json.dumps(entry, default=str)


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
        while (line := self._waiting.get()) is not None:
            # Not by sys.stderr, whose lock a stuck write would keep beyond the end of the process.
            rest = f"{line}\n".encode()
            try:
                while rest:
                    rest = rest[os.write(self._descriptor, rest) :]
            except OSError:
                self.dropped += 1
            self._waiting.task_done()
        self._waiting.task_done()

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
    # Whose they are is known, and no line says it.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging.basicConfig(level=logging.WARNING, handlers=[lines], force=True)
    logging.getLogger("stridegate").setLevel(level.upper())
    return lines
