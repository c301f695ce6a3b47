"""The command `stridegate`, and where its subcommands stand.

Each is imported when it is called, and imports what it runs when it runs: `explain` does not pay for a web server.
"""

from __future__ import annotations

import click

from stridegate.cli.awaited import Awaited

_SETTINGS = {"auto_envvar_prefix": "STRIDEGATE", "help_option_names": ["-h", "--help"], "max_content_width": 110}

# In which module each command stands, under its own name with underscores.
_COMMANDS = {
    "canary": "stridegate.cli.canary",
    "check": "stridegate.cli.check",
    "completion": "stridegate.cli.completions",
    "doctor": "stridegate.cli.doctor",
    "exemption": "stridegate.cli.exemptions",
    "explain": "stridegate.cli.rules",
    "fix": "stridegate.cli.fix",
    "operator": "stridegate.cli.operators",
    "reader": "stridegate.cli.scanners",
    "report": "stridegate.cli.report",
    "rules": "stridegate.cli.rules",
    "scan-node": "stridegate.cli.scans",
    "scanner": "stridegate.cli.scanners",
    "webhook": "stridegate.cli.webhooks",
}


@click.group(context_settings=_SETTINGS, invoke_without_command=True, commands=Awaited(_COMMANDS))
@click.option("--version", is_flag=True, allow_from_autoenv=False, help="Say which version this is.")
@click.option("--json", "as_json", is_flag=True, allow_from_autoenv=False, help="Of the version: for programs.")
@click.pass_context
def main(context: click.Context, version: bool, as_json: bool) -> None:  # noqa: FBT001 - flags
    """Harden Kubernetes against a STRIDE threat model.

    Every option is also read from the environment: --probe-port of the webhook from STRIDEGATE_WEBHOOK_PROBE_PORT.
    Exit codes: 0 clean, 1 findings or a refusal, 2 usage, 3 an input or a cluster that cannot be read, 4 a defect.
    """
    if as_json and not version:
        raise click.UsageError("--json goes with --version; commands have -o json")
    if version:
        from stridegate.cli.versions import versions  # noqa: PLC0415 - see the module's docstring

        click.echo(versions(as_json=as_json))
        context.exit()
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        context.exit(2)
