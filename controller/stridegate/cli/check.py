"""`stridegate check`: the webhook's verdicts on manifests, before anything is sent to a cluster, or on what a cluster holds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from stridegate.cli.check_words import PATHS, fail_on, judged_by, looking_at, namespace, span
from stridegate.cli.contexts import in_cluster
from stridegate.cli.outputs.sentences import beside
from stridegate.cli.outputs.targets import Target, outputs, write
from stridegate.cli.terminals import COLOR, Color
from stridegate.model.vocabulary import Severity

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command(short_help="Judge manifests, or a cluster, as the webhook would.")
@click.argument("paths", nargs=-1, type=PATHS)
@judged_by
@click.option(
    "-n", "--namespace", callback=namespace, metavar="NAME", help="Of what names none; of a cluster, only it."
)
@click.option("--cluster", is_flag=True, help="Judge by what a cluster has in force; without PATHS, what it holds.")
@in_cluster
@fail_on(Severity.INFO)
@click.option("--fail-on-expiring", callback=span, metavar="SPAN", help="Fail on exemptions that end within 7d.")
@click.option("--baseline", type=_FILE, metavar="FILE", help="What is in it is known, and fails nothing.")
@click.option("--write-baseline", type=_FILE, metavar="FILE", help="Write one of what is found now.")
@looking_at
@outputs
@COLOR
def check(  # noqa: PLR0913, PLR0917 - one argument per option
    paths: tuple[str, ...],
    policies: tuple[str, ...],
    profile: str | None,
    exemptions: tuple[str, ...],
    as_of: float | None,
    namespace: str | None,
    cluster: bool,  # noqa: FBT001 - a flag
    kubeconfig: Path | None,
    context: str | None,
    fail_on: Severity | None,
    fail_on_expiring: float | None,
    baseline: Path | None,
    write_baseline: Path | None,
    exclude: tuple[str, ...],
    pod_templates: tuple[str, ...],
    advisory: bool,  # noqa: FBT001 - a flag
    allow_empty: bool,  # noqa: FBT001 - a flag
    outputs: Sequence[Target],
    color: Color,
) -> None:
    """Say what the webhook would do with files, folders, - for standard input, or a cluster.

    Example: stridegate check k8s/ --profile restricted

    Rendered charts: helm template . | stridegate check - -o table -o sarif=out.sarif
    """
    from stridegate.cli import checking  # noqa: PLC0415 - `--help` needs none of it

    if not paths and not cluster:
        raise click.UsageError("wanted files, folders, - for standard input, or --cluster, got nothing to judge")
    request = checking.Request(
        paths=paths,
        policies=policies,
        profile=profile,
        exemptions=exemptions,
        as_of=as_of,
        namespace=namespace,
        cluster=cluster,
        kubeconfig=kubeconfig,
        context=context,
        baseline=baseline,
        looking_ahead=fail_on_expiring,
        exclude=exclude,
        pod_templates=pod_templates,
        advisory=advisory,
    )
    result = checking.check(request)
    if write_baseline is not None:
        checking.keep(write_baseline, result)
    write(result, outputs, color)
    for sentence in beside(result):
        click.echo(sentence, err=True)
    raise click.exceptions.Exit(
        checking.exit_code(result, None if write_baseline else fail_on, allow_empty=allow_empty)
    )
