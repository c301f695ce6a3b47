"""The log never holds up the process that writes it, and loses nothing while it is read."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys

import pytest

from stridegate.cli.logs import Lines

MANY = 3000
CHATTY = f"""
import logging
from stridegate.cli.logs import configure
configure("info")
for number in range({MANY}):
    logging.getLogger("stridegate.test").info("line %d", number, extra={{"padding": "x" * 1000}})
print("done", flush=True)
"""


def chatty() -> subprocess.Popen[bytes]:
    """Return a process that logs more than a pipe holds, says so on its standard output, and ends."""
    return subprocess.Popen(
        [sys.executable, "-c", CHATTY],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


def test_a_log_that_nobody_reads_holds_up_neither_the_process_nor_its_end() -> None:
    with chatty() as process:
        try:
            code = process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            pytest.fail("the process waits for somebody to read its log")

    assert code == 0


def test_the_last_line_before_the_end_is_written() -> None:
    with chatty() as process:
        said, logged = process.communicate(timeout=30)

    lines = [json.loads(line) for line in logged.splitlines()]
    assert said == b"done\n"
    assert [line["message"] for line in lines] == [f"line {number}" for number in range(MANY)]


def test_lines_that_find_no_room_are_dropped_and_counted() -> None:
    reading, writing = os.pipe()
    lines = Lines(writing, most=10)
    line = logging.makeLogRecord({"msg": "x" * 100_000})

    for _ in range(20):
        lines.handle(line)

    # Ten wait, and one more may have been on its way into the pipe.
    assert lines.dropped in {9, 10}
    os.close(reading)
    lines.flush()
    lines.close()
    os.close(writing)


def test_an_error_is_logged_with_its_traceback_in_one_line() -> None:
    reading, writing = os.pipe()
    lines = Lines(writing)

    try:
        raise LookupError("gone")  # noqa: TRY301 - to have a traceback
    except LookupError as error:
        lines.handle(logging.makeLogRecord({"msg": "broke", "exc_info": (LookupError, error, error.__traceback__)}))
    lines.flush()

    entry = json.loads(os.read(reading, 10_000))
    assert entry["message"] == "broke"
    assert entry["traceback"].endswith("LookupError: gone")
    lines.close()
    os.close(reading)
