"""The command line as its users meet it."""

from __future__ import annotations

import json
import logging
import re
import shlex
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from stridegate.cli.logs import configure
from stridegate.cli.main import main


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, list(arguments), terminal_width=100)
    return result.exit_code, result.output


def commands(group: click.Group, *path: str) -> Iterator[tuple[str, ...]]:
    """Every command by the words that call it."""
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)
        else:
            yield *path, name


@pytest.mark.parametrize("words", list(commands(main)), ids=" ".join)
def test_the_help_of_each_command_fits_a_screen_and_has_an_example_that_is_understood(words: tuple[str, ...]) -> None:
    code, output = run(*words, "--help")

    parsed: click.Command = main
    for word in words:
        assert isinstance(parsed, click.Group)
        parsed = parsed.commands[word]
    example = re.search(r"Example: stridegate ((?:.+\n?)*)", parsed.help or "")
    assert code == 0
    assert len(output.splitlines()) <= 40
    assert example is not None
    arguments = shlex.split(example[1])
    options = {each for option in parsed.params if isinstance(option, click.Option) for each in option.opts}
    assert tuple(arguments[: len(words)]) == words
    assert {argument for argument in arguments if argument.startswith("-")} <= options


@pytest.mark.parametrize("words", [(), ("exemption",)], ids=["stridegate", "exemption"])
def test_a_list_of_commands_says_each_in_a_line(words: tuple[str, ...]) -> None:
    result = CliRunner().invoke(main, [*words, "--help"], terminal_width=80)

    listed = result.output.partition("Commands:\n")[2].splitlines()
    assert len(listed) >= 3
    assert [line for line in listed if line.endswith("...")] == []
    assert [line for line in listed if not line.endswith(".")] == []


def test_a_missing_option_is_named() -> None:
    code, output = run("webhook")

    assert code == 2
    assert "Missing option '--tls-directory'" in output


def test_the_canary_namespace_cannot_be_varied() -> None:
    code, output = run("operator", "--canary-namespace", "elsewhere")

    assert code == 2
    assert "No such option" in output


def test_a_log_line_is_one_json_object_with_what_the_caller_gave(capfd: pytest.CaptureFixture[str]) -> None:
    lines = configure("info")

    logging.getLogger("stridegate.test").info("denied\n%s", "x", extra={"decision": "denied"})

    lines.flush()
    entry = json.loads(capfd.readouterr().err)
    assert entry["message"] == "denied\nx"
    assert entry["decision"] == "denied"
    assert entry["level"] == "info"
