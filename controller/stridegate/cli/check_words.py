"""What people type to `stridegate check` beside files: severities, spans and times."""

from __future__ import annotations

import datetime as dt
import re

import click

from stridegate.model.vocabulary import Severity

NEVER = "never"
SEVERITIES = {str(each): each for each in Severity}

_SPAN = re.compile(r"(?P<count>[0-9]{1,5})(?P<unit>[hdw])", re.ASCII)
_SECONDS = {"h": 3600, "d": 86400, "w": 604800}


def span(_context: click.Context, _parameter: click.Parameter, text: str | None) -> float | None:
    """Return the seconds that a span such as 7d has. Raises click.BadParameter."""
    if text is None:
        return None
    found = _SPAN.fullmatch(text)
    if found is None:
        raise click.BadParameter(f"wanted a span such as 7d, 12h or 2w, got {text!r}")
    return float(int(found["count"]) * _SECONDS[found["unit"]])


def moment(_context: click.Context, _parameter: click.Parameter, text: str | None) -> float | None:
    """Return a time or a date as a Unix time in seconds; without an offset it is in UTC. Raises click.BadParameter."""
    if text is None:
        return None
    try:
        at = dt.datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"wanted a time such as 2027-01-31 or 2027-01-31T12:00:00Z, got {text!r}") from None
    return (at if at.tzinfo else at.replace(tzinfo=dt.UTC)).timestamp()
