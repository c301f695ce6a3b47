"""Results as outputs, and the outputs that were reviewed. `python tests/rendering.py` writes these anew: read the difference before you commit it."""

from __future__ import annotations

import importlib
from pathlib import Path

from results import EVERYTHING
from standing import STANDING
from stridegate import __version__
from stridegate.cli.outputs.targets import Format
from stridegate.cli.postures import table
from stridegate.cli.results import Result
from stridegate.cli.terminals import Sheet

_SNAPSHOTS = Path(__file__).parent / "cli/snapshots"
_SUFFIXES = {
    Format.TABLE: "txt",
    Format.JSON: "json",
    Format.SARIF: "sarif.json",
    Format.JUNIT: "xml",
    Format.MARKDOWN: "md",
    Format.GITHUB: "github.txt",
    Format.HTML: "html",
}


def rendered(format_: Format, shown: Result, sheet: Sheet | None = None) -> str:
    module = importlib.import_module(f"stridegate.cli.outputs.{format_.value}")
    text: str = module.render(shown, sheet or Sheet())
    return text


def everything(format_: Format) -> str:
    # The version of the product changes by itself, the look of an output does not.
    return rendered(format_, EVERYTHING).replace(__version__, "VERSION")


def snapshot_of(format_: Format) -> Path:
    return _SNAPSHOTS / f"everything.{_SUFFIXES[format_]}"


def standing() -> str:
    return table.render(STANDING, Sheet())


STANDING_SNAPSHOT = _SNAPSHOTS / "posture.txt"

if __name__ == "__main__":
    STANDING_SNAPSHOT.write_text(standing(), encoding="utf-8")
    for each in Format:
        snapshot_of(each).write_text(everything(each), encoding="utf-8")
