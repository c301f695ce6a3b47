"""`stridegate doctor`: is it enforcing, now? What could switch it off, and who may? It only looks."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stridegate.cli.contexts import connect, in_cluster
from stridegate.cli.outputs.targets import Format, Target, outputs_as, write_with
from stridegate.cli.terminals import COLOR, Color, Sheet
from stridegate.model.texts import clean

if TYPE_CHECKING:
    from stridegate.operator.links import Link

_BROKEN, _UNREADABLE = 1, 3
_SHOWN = 300
_MARKS = {
    "holds": ("ok", "green"),
    "mind": ("mind", "yellow"),
    "broken": ("BROKEN", "red"),
    "unknown": ("?", "magenta"),
}


@click.command(short_help="Say whether it enforces now, and what could switch it off.")
@click.option("--release", default="stridegate-system", show_default=True, help="The namespace that Stridegate is in.")
@in_cluster
@outputs_as(Format.TABLE, Format.JSON)
@COLOR
def doctor(release: str, kubeconfig: Path | None, context: str | None, outputs: Sequence[Target], color: Color) -> None:
    """Say whether Stridegate enforces now, what could switch it off and who may; name the cure of each broken link.

    Exit code 0 where every link holds, 1 where one is broken, 3 where one could not be looked at.

    Example: stridegate doctor
    """
    # The client first: where that is missing, the extra that is named brings all the rest.
    cluster, _ = connect(kubeconfig, context)

    from stridegate.operator.checkups import examine  # noqa: PLC0415 - `--help` needs none of it
    from stridegate.operator.links import Standing  # noqa: PLC0415
    from stridegate.operator.looks import Place  # noqa: PLC0415

    place = Place(namespace=release, service="stridegate-webhook")
    links = list(examine(cluster, place, dt.datetime.now(dt.UTC)))

    def render(format_: Format, sheet: Sheet) -> str:
        if format_ is Format.JSON:
            return json.dumps([_entry(each) for each in links], indent=2, ensure_ascii=False)
        return "\n".join(line for each in links for line in _lines(each, colored=sheet.color))

    write_with(render, outputs, color)
    standings = {each.standing for each in links}
    if Standing.BROKEN in standings:
        raise click.exceptions.Exit(_BROKEN)
    if Standing.UNKNOWN in standings:
        raise click.exceptions.Exit(_UNREADABLE)


def _entry(link: Link) -> dict[str, str]:
    return {
        "link": clean(link.name, _SHOWN),
        "standing": link.standing.value,
        "said": clean(link.said, _SHOWN),
        "cure": clean(link.cure, _SHOWN),
    }


def _lines(link: Link, *, colored: bool) -> list[str]:
    entry = _entry(link)
    word, paint = _MARKS[entry["standing"]]
    mark = f"{word:7}"
    lines = [f"{click.style(mark, fg=paint) if colored else mark} {entry['link']}: {entry['said']}"]
    return lines + ([f"        -> {entry['cure']}"] if entry["cure"] else [])
