"""`stridegate completion`: the script that lets a shell complete commands, options and the slugs of rules."""

from __future__ import annotations

import click
from click.shell_completion import ShellComplete, get_completion_class

from stridegate.cli.entry import COMPLETE

SHELLS = ("bash", "zsh", "fish")


@click.command(short_help="Print the completion script for a shell.")
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion script for a shell; `source <(stridegate completion bash)` in ~/.bashrc takes it.

    zsh: the same in ~/.zshrc. fish: stridegate completion fish > ~/.config/fish/completions/stridegate.fish

    Example: stridegate completion bash
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"there is no completion for {shell}")
    script = kind(context.find_root().command, {}, "stridegate", COMPLETE)
    # Without click's look at the version of a local bash, which a container image does not have. What completions say of
    # themselves may hold commas, where click's script for fish cuts it off.
    click.echo(ShellComplete.source(script).replace('(string split ","', '(string split --max 1 ","'))
