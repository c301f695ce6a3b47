"""What a text is written on: how wide it is, and whether it shows colours. Files and pipes get plain lines as long as they are."""

from __future__ import annotations

import enum
import os
import sys
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO, Any, TypeVar

import click

from stridegate.model.vocabulary import Severity

Command = TypeVar("Command", bound=Callable[..., Any])

# Prose reads badly beyond this, on however wide a screen; narrower than the least, words are cut off all the same.
_PROSE = 100
_LEAST = 40


class Color(enum.Enum):
    """Whether to write colours: on a terminal, in any case, or never."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


COLOR = click.option(
    "--color",
    type=click.Choice(Color, case_sensitive=False),
    default=Color.AUTO,
    help="Colours: auto (default) is on a terminal, unless NO_COLOR or CI is set.",
)

_PAINTS: Mapping[Severity, str] = {
    Severity.CRITICAL: "bright_red",
    Severity.HIGH: "red",
    Severity.MEDIUM: "yellow",
    Severity.LOW: "blue",
    Severity.INFO: "cyan",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A width in columns, absent where lines are as long as they are, and whether there are colours."""

    width: int | None = None
    color: bool = False

    @classmethod
    def of(cls, stream: IO[Any], color: Color) -> Sheet:
        """Return the sheet that a stream is."""
        terminal = stream.isatty()
        width = max(_columns(), _LEAST) if terminal else None
        return cls(width=width, color=color is Color.ALWAYS or (color is Color.AUTO and terminal and _colorful()))

    @property
    def prose(self) -> int:
        """How wide running text is."""
        return min(self.width or _PROSE, _PROSE)

    def wrapped(self, text: str, indent: str = "", hanging: str | None = None) -> list[str]:
        """Return running text in lines; those after the first begin with `hanging`, or like the first."""
        rest = indent if hanging is None else hanging
        return textwrap.wrap(
            text,
            self.prose,
            initial_indent=indent,
            subsequent_indent=rest,
            break_long_words=False,
            break_on_hyphens=False,
        )

    def bold(self, text: str) -> str:
        """Return a text that stands out."""
        return click.style(text, bold=True) if self.color else text

    def faint(self, text: str) -> str:
        """Return a text that stands back."""
        return click.style(text, dim=True) if self.color else text

    def severe(self, text: str, severity: Severity) -> str:
        """Return a text in the colour of a severity."""
        return click.style(text, fg=_PAINTS[severity], bold=severity is Severity.CRITICAL) if self.color else text

    def write(self, text: str) -> None:
        """Write a text and a line break to the standard output."""
        click.echo(text, color=self.color)


def standard_output(color: Color) -> Sheet:
    """Return the sheet that the standard output is."""
    return Sheet.of(sys.stdout, color)


def _columns() -> int:
    import shutil  # noqa: PLC0415 - files and pipes have no width

    return shutil.get_terminal_size().columns


def _colorful() -> bool:
    # https://no-color.org: set and not empty. Logs of CI services are read in browsers, and stored.
    return not os.environ.get("NO_COLOR") and not os.environ.get("CI") and os.environ.get("TERM") != "dumb"
