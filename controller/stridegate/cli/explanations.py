"""A rule's page for the terminal, told from its declaration."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

from stridegate.model.rules import AnyRule, Example

_WIDTH = 100


def explanation(rule: AnyRule) -> str:
    """Return what a rule wants, why and from where, with its examples."""
    return "\n".join(_lines(rule))


def _lines(rule: AnyRule) -> Iterator[str]:
    yield f"{rule.slug}  [{rule.letters}, {rule.severity}, profile {rule.profile}]"
    for paragraph in re.split(r"\n(?=\n|Threat: |Check: |Fix: )", (rule.doc or "").strip()):
        yield from textwrap.wrap(paragraph, _WIDTH, subsequent_indent="  ") or [""]
    if rule.takes:
        yield f"Parameters: {', '.join(sorted(rule.takes))}"
    if rule.references:
        yield f"References: {'; '.join(map(str, rule.references))}"
    for verdict, heading in (("bad", "Refused"), ("good", "Accepted")):
        yield ""
        yield f"{heading}, laid over {rule.laid_over}:"
        for example in rule.examples:
            if example.verdict == verdict:
                yield from _example(example)


def _example(example: Example) -> Iterator[str]:
    yield f"  # {example.title}"
    yield from textwrap.indent(example.spec, "  ").split("\n")
    for key, value in example.annotations.items():
        yield f"  # with the annotation {key}: {value}"
