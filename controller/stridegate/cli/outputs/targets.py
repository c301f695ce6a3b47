"""`-o FORMAT[=FILE]`: which formats a run writes, and where each goes."""

from __future__ import annotations

import enum
import importlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import click
from click.shell_completion import CompletionItem

from stridegate.cli.results import Result
from stridegate.cli.terminals import Color, Sheet, standard_output

Command = TypeVar("Command", bound=Callable[..., Any])
Render = Callable[[Result, Sheet], str]

_STANDARD_OUTPUT = "-"


class Format(enum.Enum):
    """What a result can be written as; its module in this package has a `render`."""

    TABLE = "table"
    JSON = "json"
    SARIF = "sarif"
    JUNIT = "junit"
    MARKDOWN = "markdown"
    GITHUB = "github"
    HTML = "html"


@dataclass(frozen=True, slots=True)
class Target:
    """A format, and the file that it goes to; without one, the standard output."""

    format: Format
    file: Path | None = None


class _TargetType(click.ParamType[Target]):
    """Reads FORMAT[=FILE] for some formats; a single dash is the standard output."""

    name = "FORMAT[=FILE]"

    def __init__(self, formats: Sequence[Format]) -> None:
        self._formats = {each.value: each for each in formats}

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Target:
        if isinstance(value, Target):
            return value
        name, equals, file = str(value).partition("=")
        formats = self._formats
        if name not in formats:
            self.fail(
                f"wanted one of {', '.join(formats)}, or one with a file such as sarif=out.sarif, got {value!r}",
                param,
                ctx,
            )
        if equals and not file:
            self.fail(f"wanted a file after {name}=, got nothing", param, ctx)
        if not equals or file == _STANDARD_OUTPUT:
            return Target(formats[name])
        path = Path(file)
        try:
            misplaced = path.is_dir() or not path.absolute().parent.is_dir()
        except OSError as error:
            self.fail(f"{file!r} cannot be written: {error.strerror}", param, ctx)
        if misplaced:
            self.fail(f"{file!r} cannot be written: there is no folder for it, or it is one", param, ctx)
        return Target(formats[name], path)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002 - click's signature
        """Complete the format; the shell completes no file after it."""
        return [CompletionItem(each) for each in self._formats if each.startswith(incomplete)]


def _apart(_context: click.Context, _parameter: click.Parameter, targets: Sequence[Target]) -> tuple[Target, ...]:
    """Return the targets; two that go to one place would make a mess of it."""
    places = [target.file.absolute() if target.file else None for target in targets]
    if len(set(places)) < len(places):
        raise click.BadParameter(
            "two formats go to one place; give all but one a file of its own, such as sarif=out.sarif"
        )
    return tuple(targets) or (Target(Format.TABLE),)


def outputs_as(*formats: Format) -> Callable[[Command], Command]:
    """Add `-o` for some formats, of which the first is the default; the command gets `outputs`, a tuple with at least one Target."""
    names = [each.value for each in formats]
    return click.option(
        "-o",
        "--output",
        "outputs",
        type=_TargetType(formats),
        multiple=True,
        callback=_apart,
        help=f"{', '.join([f'{names[0]} (default)', *names[1:-1]])} or {names[-1]}; {names[-1]}=FILE writes a file; repeat for several.",
    )


outputs = outputs_as(*Format)


def write(result: Result, targets: Sequence[Target], color: Color) -> None:
    """Write a result to every target. Raises OSError, with its path, where a file cannot be written."""

    def render(format_: Format, sheet: Sheet) -> str:
        module = importlib.import_module(f"stridegate.cli.outputs.{format_.value}")
        return cast("Render", module.render)(result, sheet)

    write_with(render, targets, color)


def write_with(render: Callable[[Format, Sheet], str], targets: Sequence[Target], color: Color) -> None:
    """Write what renders itself to every target. Raises OSError, with its path, where a file cannot be written."""
    for target in targets:
        if target.file is None:
            sheet = standard_output(color)
            text = render(target.format, sheet if target.format is Format.TABLE else Sheet())
            click.echo(text, nl=not text.endswith("\n"), color=sheet.color)
            sys.stdout.flush()
        else:
            _write_file(target.file, render(target.format, Sheet()))


def _write_file(file: Path, text: str) -> None:
    whole = text if text.endswith("\n") else f"{text}\n"
    try:
        # Names of files may hold bytes that are no text: escaped, they spoil no file.
        file.write_text(whole, encoding="utf-8", errors="backslashreplace", newline="\n")
    except OSError as error:
        # What opens a file names it in its error, what writes to it does not.
        raise OSError(error.errno, error.strerror, str(file)) from error
