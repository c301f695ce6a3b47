"""Where a process begins and ends: arguments in, exit code out, and no traceback for people.

0 clean, 1 findings or a refusal, 2 usage or configuration, 3 an input or a cluster that cannot be read, 4 a defect of
Stridegate itself; 130 after Ctrl-C, and 141 where whoever reads has gone, as shells have it.
"""

from __future__ import annotations

import gc
import io
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import PurePath
from typing import NoReturn

_USAGE, _UNREADABLE, _DEFECT, _INTERRUPTED, _NO_READER = 2, 3, 4, 130, 141
COMPLETE = "_STRIDEGATE_COMPLETE"
_DETAILS = "STRIDEGATE_DEBUG"
_RUNES = 400
# The commands whose processes last. In all others what is loaded stays, and trees of manifests have no cycles: with the
# interpreter's own threshold, looking for some takes a tenth of a run.
LASTING = frozenset({"operator", "reader", "scanner", "webhook"})
_SELDOM = 200_000


def run() -> NoReturn:
    """Run the command that this process was called as, and end the process with its exit code."""
    _open_what_is_closed()
    for stream in (sys.stdout, sys.stderr):
        # What an encoding cannot write is written as an escape, and ends no run.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if not LASTING.intersection(sys.argv[1:2]):
        gc.set_threshold(_SELDOM)
    code = guarded(lambda: _run(sys.argv[1:]))
    try:
        sys.stdout.flush()
    except OSError:
        # What is still to be written has nowhere to go; without this the interpreter complains about it as it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    # As it ends, the interpreter would look for cycles among all that is loaded.
    gc.freeze()
    sys.exit(code)


def _open_what_is_closed() -> None:
    """Give each standard stream that the caller closed something to stand for it.

    The next file that is opened would get its number, and be written to in its place. What is read from it or written to
    it fails, since nobody would see it; only what is said on standard error is lost, and the exit code says it all the same.
    """
    for number, (name, access, mode) in enumerate(
        (("stdin", os.O_WRONLY, "r"), ("stdout", os.O_RDONLY, "w"), ("stderr", os.O_WRONLY, "w"))
    ):
        if getattr(sys, name) is None:
            os.dup2(os.open(os.devnull, access), number)
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8"))


def guarded(work: Callable[[], int]) -> int:
    """Return the exit code of some work; whatever goes wrong in it becomes one sentence and a code."""
    try:
        code = work()
        sys.stdout.flush()
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        return _NO_READER
    except OSError as error:
        return _unreadable(error)
    except ModuleNotFoundError as error:
        return _incomplete(error)
    # The one place besides the engine that catches everything: nobody stands above it, and people are to read sentences.
    except Exception as error:  # noqa: BLE001 - see above
        return _defect(error)
    return code


def _run(arguments: Sequence[str]) -> int:
    import click  # noqa: PLC0415 - what fails or is interrupted while it loads is told like everything else
    from click.shell_completion import shell_complete  # noqa: PLC0415

    from stridegate.cli.main import main  # noqa: PLC0415
    from stridegate.model.texts import clean  # noqa: PLC0415

    if instruction := os.environ.get(COMPLETE):
        return shell_complete(main, {}, "stridegate", COMPLETE, instruction)
    try:
        with main.make_context(_name(), list(arguments)) as context:
            main.invoke(context)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.Abort:
        click.echo("\nnothing was changed", err=True)
        return _INTERRUPTED
    except click.ClickException as error:
        if isinstance(error, click.UsageError) and error.ctx is not None:
            click.echo(f"{error.ctx.get_usage()}\nTry '{error.ctx.command_path} --help' for help.\n", err=True)
        # It may repeat what was typed, or what a file or a cluster says.
        for number, line in enumerate(error.format_message().splitlines()):
            click.echo(f"{'' if number else 'Error: '}{clean(line, _RUNES)}", err=True)
        return error.exit_code
    return 0


def _name() -> str:
    """Return what the command is called as: kubectl finds plugins by the names of their programs."""
    return "kubectl stridegate" if PurePath(sys.argv[0]).name.startswith("kubectl-") else "stridegate"


def _unreadable(error: OSError) -> int:
    from stridegate.model.texts import clean  # noqa: PLC0415 - as above

    what = f"{clean(str(error.filename), _RUNES)}: " if error.filename is not None else ""
    _say(f"{what}{error.strerror or clean(str(error), _RUNES)}")
    return _detailed(error, _UNREADABLE)


def _incomplete(error: ModuleNotFoundError) -> int:
    """Return the code for a package that is not installed, since the command is of an extra; our own would be a defect."""
    missing = (error.name or "").partition(".")[0]
    if missing in {"", "stridegate"}:
        return _defect(error)
    extra = {"kubernetes": "cluster", "cryptography": "node"}.get(missing, "operator")
    _say(f"this command needs the package {missing}: install stridegate[{extra}]")
    return _detailed(error, _USAGE)


def _defect(error: Exception) -> int:
    from stridegate.model.texts import clean  # noqa: PLC0415 - as above

    _say(
        f"a defect in Stridegate: {type(error).__name__}: {clean(str(error), _RUNES)}. Nothing can be concluded from this run."
        f" {_DETAILS}=1 shows the details; please report them."
    )
    return _detailed(error, _DEFECT)


def _detailed(error: Exception, code: int) -> int:
    """Return the code; for a process that logs, or where the user asks for it, write down what happened."""
    if os.environ.get(_DETAILS):
        import traceback  # noqa: PLC0415 - as above

        _say("".join(traceback.format_exception(error)).rstrip())
    elif "stridegate.cli.logs" in sys.modules:
        import logging  # noqa: PLC0415 - as above

        logging.getLogger("stridegate").error("the process ends by an error that nothing handles", exc_info=error)
    return code


def _say(text: str) -> None:
    print(f"Error: {text}", file=sys.stderr)  # noqa: T201 - it talks to a person, however little of the rest works
