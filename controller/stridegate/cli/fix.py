"""`stridegate fix`: the findings of `check` mended where they stand, by the smallest edit of the file."""

from __future__ import annotations

import click

from stridegate.cli.check_words import moment
from stridegate.cli.terminals import COLOR, Color

_PROFILES = ("baseline", "restricted", "hardened")


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path())
@click.option("--diff", is_flag=True, help="Show what would change; so it is anyway, unless --write is given.")
@click.option("--write", is_flag=True, help="Write the files. Nothing is written without this.")
@click.option("--risky", is_flag=True, help="Also make edits that may stop an application: read the difference first.")
@click.option(
    "--policy",
    "policies",
    multiple=True,
    type=click.Path(),
    metavar="FILE",
    help="Judge by the HardeningPolicies in it; repeat.",
)
@click.option(
    "--profile", type=click.Choice(_PROFILES), help="Mend what a profile forbids; restricted, where no policy is given."
)
@click.option(
    "--exemptions",
    multiple=True,
    type=click.Path(),
    metavar="FILE",
    help="Leave alone what the HardeningExemptions in it allow; repeat.",
)
@click.option("--as-of", callback=moment, metavar="TIME", help="Hold exemptions against this time; without it, now.")
@click.option("-n", "--namespace", help="Of objects that name none [default: default].")
@click.option("--exclude", multiple=True, metavar="PATTERN", help="Leave out such names or paths in folders; repeat.")
@click.option(
    "--pod-template",
    "pod_templates",
    multiple=True,
    metavar="TEMPLATE",
    help="A further kind that makes pods, as for the webhook.",
)
@click.option("--advisory", is_flag=True, help="Mend what advisory rules find that no policy names, too.")
@click.option("--allow-empty", is_flag=True, help="Do not fail where nothing was judged.")
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
    """Mend what `check` finds in files, folders, or - for standard input, and say what is left to a person.

    \b
    Example: stridegate fix k8s/ --diff
             helm template . | stridegate fix - --risky | kubectl apply -f -
    Exit codes: 0 nothing is left, 1 something is, 2 usage, 3 something could not be read, written or judged.
    """  # noqa: D301 - \b keeps the lines of the example apart
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
