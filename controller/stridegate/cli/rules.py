"""`stridegate explain` and `stridegate rules`: what is judged, and why."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from stridegate import __version__
from stridegate.cli.terminals import COLOR, Color, standard_output
from stridegate.model.references import Benchmark
from stridegate.model.vocabulary import Profile, Severity, Stride

if TYPE_CHECKING:
    from stridegate.model.entries import CatalogueEntry


# As `filters.Scope`, which loads every rule.
SCOPES = ("requests", "nodes", "containers", "cluster")


def _terms(
    _context: click.Context, _parameter: click.Parameter, typed: str
) -> list[click.shell_completion.CompletionItem]:
    from stridegate.cli.lookups import known_terms  # noqa: PLC0415 - loading every rule takes a while

    return [
        click.shell_completion.CompletionItem(term, help=what) for term, what in known_terms() if term.startswith(typed)
    ]


@click.command()
@click.argument("term", metavar="SLUG|CIS-ID|LETTER", shell_complete=_terms)
@COLOR
def explain(term: str, color: Color) -> None:
    """Say what a rule wants, why, and how to satisfy it.

    Takes a slug, a number in a benchmark (5.2.1, or cis-docker:5.4 for one of them), a check of the Pod Security
    Standards, a STRIDE letter, or a threat.

    Example: stridegate explain privileged-container
    """
    from stridegate.cli.explanations import explanation, listing  # noqa: PLC0415 - as above
    from stridegate.cli.lookups import look_up, suggestions  # noqa: PLC0415

    found = look_up(term)
    if not found:
        near = suggestions(term)
        hint = f"did you mean {', '.join(near)}?" if near else "`stridegate rules` lists them"
        raise click.UsageError(f"there is no rule {term!r}; {hint}")
    sheet = standard_output(color)
    told = {entry.slug: entry for each in found for entry in each.entries}
    for each in found:
        if each.heading:
            sheet.write("\n".join(sheet.wrapped(each.heading)))
        if len(told) > 1:
            sheet.write(listing(each.entries, sheet) + "\n")
    for entry in told.values() if len(told) == 1 else ():
        sheet.write(explanation(entry, sheet))


@click.command(short_help="List rules, worst first.")
@click.option("--severity", type=click.Choice(Severity, case_sensitive=False), help="Only rules this severe, or worse.")
@click.option(
    "--profile",
    type=click.Choice(Profile, case_sensitive=False),
    help="Only rules that this profile holds; advisory ones by themselves.",
)
@click.option(
    "--stride",
    type=click.Choice([kind.value for kind in Stride], case_sensitive=False),
    # As they are written everywhere else; click shows what may be typed in either case in small letters.
    metavar="|".join(kind.value for kind in Stride),
    multiple=True,
    help="Only rules with this STRIDE letter; repeat for any of several.",
)
@click.option(
    "--standard",
    type=click.Choice([each.value for each in Benchmark]),
    help="Only rules that this standard or benchmark has.",
)
@click.option("--scope", type=click.Choice(SCOPES), help="Only rules that judge these.")
@click.option("--fixable", is_flag=True, help="Only rules with a fix that the webhook or `stridegate fix` can make.")
@click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="For people, or for programs.",
)
@COLOR
def rules(  # noqa: PLR0913, PLR0917 - one argument per option
    severity: Severity | None,
    profile: Profile | None,
    stride: tuple[str, ...],
    standard: str | None,
    scope: str | None,
    fixable: bool,  # noqa: FBT001 - a flag
    output: str,
    color: Color,
) -> None:
    """List rules, worst first: slug, STRIDE letters, severity, profile, and what is wrong.

    Example: stridegate rules --severity high --stride E --fixable
    """
    from stridegate.cli.explanations import listing  # noqa: PLC0415 - as above
    from stridegate.cli.filters import Scope, Wanted  # noqa: PLC0415

    wanted = Wanted(
        severity=severity or Severity.INFO,
        profile=profile,
        stride=frozenset(map(Stride, stride)),
        standard=Benchmark(standard) if standard else None,
        scope=Scope(scope) if scope else None,
        fixable=fixable,
    )
    kept = wanted.entries()
    sheet = standard_output(color)
    if output == "json":
        click.echo(json.dumps(_list(kept), indent=2, ensure_ascii=False))
    elif kept:
        sheet.write(listing(kept, sheet))
    else:
        click.echo("no rule is like that", err=True)


def _list(entries: list[CatalogueEntry]) -> dict[str, object]:
    from stridegate.cli.explanations import described  # noqa: PLC0415 - as above
    from stridegate.cli.filters import is_fixable, scope_of  # noqa: PLC0415

    return {
        "apiVersion": "stridegate.dev/cli/v1",
        "kind": "RuleList",
        "stridegate": __version__,
        "rules": [
            described(entry) | {"scope": scope_of(entry).value, "fixable": is_fixable(entry)} for entry in entries
        ],
    }
