"""Two texts as the difference that `patch` and `git apply` read."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator

# A line ends at \n alone, as for every tool that reads differences.
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_UNENDED = "\\ No newline at end of file"


def difference(name: str, before: str, after: str) -> Iterator[str]:
    """Yield the lines of the unified difference between two versions of a file, without their breaks."""
    old, new = _LINE.findall(before), _LINE.findall(after)
    called = name.removeprefix("./").lstrip("/")
    for line in difflib.unified_diff(old, new, _quoted(f"a/{called}"), _quoted(f"b/{called}"), n=3):
        yield line.removesuffix("\n")
        if not line.endswith("\n"):
            yield _UNENDED


def _quoted(name: str) -> str:
    """Return a file name as git writes it: in quotes, with escapes, where it has anything unusual in it."""
    return name if re.fullmatch(r"[\w./@%+=:, -]+", name, re.ASCII) else json.dumps(name)
