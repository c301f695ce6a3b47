"""`stridegate fix`: the findings of `check` mended where they stand, by the smallest edit of the file."""

from __future__ import annotations

import click

from stridegate.cli.check_words import PATHS, judged_by, looking_at, namespace
from stridegate.cli.terminals import COLOR, Color


@click.command(short_help="Mend in manifests what check finds.")
@click.argument("paths", nargs=-1, required=True, type=PATHS)
@click.option("--diff", is_flag=True, help="Show what would change; so it is anyway, unless --write is given.")
@click.option("--write", is_flag=True, help="Write the files. Nothing is written without this.")
@click.option("--risky", is_flag=True, help="Also make edits that may stop an application: read the difference first.")
@judged_by
@click.option("-n", "--namespace", callback=namespace, metavar="NAME", help="Of what names none; default, without it.")
@looking_at
@COLOR
def fix(  # noqa: PLR0913, PLR0917 - one argument per option
    paths: tuple[str, ...],
    diff: bool,  # noqa: FBT001 - a flag
    write: bool,  # noqa: FBT001 - a flag
    risky: bool,  # noqa: FBT001 - a flag
    policies: tuple[str, ...],
    profile: str | None,
    exemptions: tuple[str, ...],
    as_of: float | None,
    namespace: str | None,
    exclude: tuple[str, ...],
    pod_templates: tuple[str, ...],
    advisory: bool,  # noqa: FBT001 - a flag
    allow_empty: bool,  # noqa: FBT001 - a flag
    color: Color,
) -> None:
    """Mend what `check` finds in files, folders, or - for standard input, and say what is left and why.

    Example: stridegate fix k8s/ --diff

    As a filter: helm template . | stridegate fix - --risky | kubectl apply -f -

    Exit codes: 0 nothing is left, 1 something is, 2 usage, 3 something could not be read, written or judged.
    """
    from stridegate.cli import checking, fixing  # noqa: PLC0415 - `--help` needs none of it
    from stridegate.cli.terminals import standard_output  # noqa: PLC0415 - as above
    from stridegate.model.vocabulary import Safety  # noqa: PLC0415 - as above

    fixing.refuse_mixtures(paths, write=write)
    request = checking.Request(
        paths=paths,
        policies=policies,
        profile=profile,
        exemptions=exemptions,
        as_of=as_of,
        namespace=namespace,
        exclude=exclude,
        pod_templates=pod_templates,
        advisory=advisory,
    )
    manner = fixing.Manner(
        write=write,
        show=diff or not (write or paths == ("-",)),
        most=Safety.RISKY if risky else Safety.SAFE,
        allow_empty=allow_empty,
    )
    raise click.exceptions.Exit(fixing.fix(request, manner, standard_output(color)))
