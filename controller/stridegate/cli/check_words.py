"""What people type to `stridegate check` and `stridegate fix` beside files: what to judge by, severities, spans and times."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from stridegate.model.vocabulary import Severity

Command = TypeVar("Command", bound=Callable[..., Any])

NEVER = "never"
# What may not be read is told where it is read, beside the verdicts on everything else.
PATHS = click.Path(readable=False)
_PROFILES = ("baseline", "restricted", "hardened")
_FILES: Mapping[str, Any] = {"multiple": True, "type": click.Path(), "metavar": "FILE"}
SEVERITIES = {str(each): each for each in Severity}

# A label of RFC 1123, which is what the API server lets a namespace be called.
_NAMESPACE = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)
_SPAN = re.compile(r"(?P<count>[0-9]{1,5})(?P<unit>[hdw])", re.ASCII)
_SECONDS = {"h": 3600, "d": 86400, "w": 604800}


def namespace(_context: click.Context, _parameter: click.Parameter, text: str | None) -> str | None:
    """Return the name of a namespace. Raises click.BadParameter for what none can be called."""
    if text is not None and not _NAMESPACE.fullmatch(text):
        raise click.BadParameter(f"wanted at most 63 of a to z, 0 to 9 and, within, dashes, got {text!r}")
    return text


def fail_on(default: Severity) -> Callable[[Command], Command]:
    """Add `--fail-on`: the command gets the least severity that fails, or None where none does."""
    return click.option(
        "--fail-on",
        type=click.Choice([*SEVERITIES, NEVER], case_sensitive=False),
        callback=lambda _context, _parameter, word: SEVERITIES.get(word),
        default=str(default),
        metavar="SEVERITY",
        help=f"Least that fails, or never.  [default: {default}]",
    )


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


def judged_by(command: Command) -> Command:
    """Add the options that say what manifests are judged by."""
    for option in (
        click.option("--as-of", callback=moment, metavar="TIME", help="Hold them against this time, not now."),
        click.option("--exemptions", **_FILES, help="HardeningExemptions to honour; repeat."),
        click.option(
            "--profile",
            type=click.Choice(_PROFILES, case_sensitive=False),
            metavar="NAME",
            help="baseline, restricted (default) or hardened.",
        ),
        click.option("--policy", "policies", **_FILES, help="HardeningPolicies to judge by; repeat."),
    ):
        command = option(command)
    return command


def looking_at(command: Command) -> Command:
    """Add the options that say what in files and folders is judged, and what of it is told."""
    for option in (
        click.option("--allow-empty", is_flag=True, help="Let it pass that nothing was judged."),
        click.option("--advisory", is_flag=True, help="Show what advisory rules find, too."),
        click.option(
            "--pod-template",
            "pod_templates",
            multiple=True,
            metavar="SPEC",
            help="A kind that makes pods: see webhook.",
        ),
        click.option("--exclude", multiple=True, metavar="PATTERN", help="Names or paths to leave out of folders."),
    ):
        command = option(command)
    return command
