"""Writing generated files, or proving that they are up to date."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def write_or_check(
    usage: str, files: Iterable[tuple[Path, str]], arguments: list[str], stray: Iterable[Path] = ()
) -> int:
    """Write the files, each with what it must contain, or with --check name those that differ; return the exit code.

    `stray` are files that may be there and are generated no longer: they are deleted.
    """
    if arguments not in ([], ["--check"]):
        print(usage, file=sys.stderr)  # noqa: T201 - it talks to a person
        return 2
    stale: list[Path] = []
    written: set[Path] = set()
    for path, text in files:
        written.add(path)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(path)
            if not arguments:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
    for path in sorted(set(stray) - written):
        stale.append(path)
        if not arguments:
            path.unlink()
    for path in stale:
        word = "differs from what it is generated from; run `make generate`" if arguments else "written"
        print(f"{path.relative_to(ROOT)}: {word}")  # noqa: T201 - it talks to a person
    return 1 if arguments and stale else 0
