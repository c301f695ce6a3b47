"""Times as Kubernetes writes them (metav1.Time: RFC 3339, UTC, whole seconds), from and to Unix time in seconds.

Pure arithmetic: the rooms that import this know no clock.
"""

from __future__ import annotations

import calendar
import re

_WRITTEN = re.compile(r"(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})Z", re.ASCII)
_DAY = 86_400
# Days from 0000-03-01 to 1970-01-01, and in 400 years: the cycle after which the calendar repeats.
_EPOCH, _CYCLE = 719_468, 146_097


def write_time(seconds: float) -> str:
    """Return a time as Kubernetes writes it; fractions of a second are cut off.

    Years begin in March here, so that a leap day ends one (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms").
    """
    days, rest = divmod(int(seconds // 1), _DAY)
    cycle, day = divmod(days + _EPOCH, _CYCLE)
    year = (day - day // 1460 + day // 36_524 - day // 146_096) // 365
    day -= 365 * year + year // 4 - year // 100
    month = (5 * day + 2) // 153
    date = (year + 400 * cycle + (month >= 10), month + (3 if month < 10 else -9), day - (153 * month + 2) // 5 + 1)
    return "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z".format(*date, rest // 3600, rest // 60 % 60, rest % 60)


def read_time(text: object) -> float | None:
    """Return a time that Kubernetes wrote; None for anything else."""
    match = _WRITTEN.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return None
    try:
        seconds = float(calendar.timegm(tuple(map(int, match.groups()))))
    except ValueError:
        return None
    # timegm takes the 31st of February for a day in March.
    return seconds if write_time(seconds) == text else None
