"""`stridegate canary`: what the operator tries all the time, once and for whoever asks."""

from __future__ import annotations

from pathlib import Path

import click

from stridegate.cli.contexts import connect, in_cluster, reached


@click.command(short_help="Prove by dry-runs that the webhook refuses what it should.")
@in_cluster
def canary(kubeconfig: Path | None, context: str | None) -> None:
    """Prove by dry-runs in stridegate-canary that a good pod is admitted and a bad one refused; nothing is created.

    Example: stridegate canary --kubeconfig admin.conf
    """
    import datetime as dt  # noqa: PLC0415 - `--help` needs none of it

    from stridegate.operator.canaries import run_canary  # noqa: PLC0415

    cluster, _ = connect(kubeconfig, context)
    outcome = reached(lambda: run_canary(cluster, dt.datetime.now(dt.UTC)))
    for case, problem in outcome.problems.items():
        click.echo(f"{case.value} pod: {problem or 'answered as it should be'}")
    if outcome.problem:
        raise click.exceptions.Exit(1)
