"""Values of types that nobody expects, anywhere in a configuration: a rule may not understand them, and never breaks over them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from hosts import answers_of, lay_out
from stridegate.engine.node_catalogue import NODE_RULES
from stridegate.engine.survey import survey
from stridegate.model.nodes.queries import ConfigMapEntry, Document, KubeletConfigz, Query, Syntax
from stridegate.model.nodes.rules import NodeExample, NodeRule
from stridegate.model.nodes.verdicts import State

ODD: tuple[object, ...] = (
    None,
    True,
    0,
    -1,
    10**30,
    1.5,
    "",
    "\x1b[31m",
    [],
    [1],
    [{}],
    ["a", None],
    {},
    {"": None},
    {"a": []},
)
# As many places of a document as are tried, spread over all of it.
MOST_PLACES = 8


def places(value: object, at: tuple[object, ...] = ()) -> Iterator[tuple[object, ...]]:
    """Yield where a document has values, itself first."""
    yield at
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from places(each, (*at, key))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from places(each, (*at, index))


def replaced(value: object, at: tuple[object, ...], by: object) -> object:
    """Return a document with another value at a place."""
    if not at:
        return by
    if isinstance(value, Mapping):
        return {key: replaced(each, at[1:], by) if key == at[0] else each for key, each in value.items()}
    assert isinstance(value, list)
    return [replaced(each, at[1:], by) if index == at[0] else each for index, each in enumerate(value)]


def configured(query: Query[object]) -> bool:
    """Tell whether a query asks for what people write freely; units have lines of text alone."""
    return isinstance(query, ConfigMapEntry | KubeletConfigz) or (
        isinstance(query, Document) and query.syntax in {Syntax.YAML, Syntax.JSON, Syntax.TOML}
    )


def oddities(rule: NodeRule, example: NodeExample, root: Path) -> Iterator[tuple[Query[object], object]]:
    """Yield documents that a rule asks for on an example's host, each with one odd value."""
    found = survey([rule], answers_of(example, root), example.circumstances)
    for query, document in found.answers.items():
        if not configured(query) or not isinstance(document, Mapping):
            continue
        everywhere = list(places(document))
        for number, place in enumerate(everywhere[:: 1 + len(everywhere) // MOST_PLACES]):
            for odd in (ODD[number % len(ODD)], ODD[(number + 7) % len(ODD)]):
                if place or not isinstance(query, KubeletConfigz):  # which is a map for whoever asks
                    yield query, replaced(document, place, odd)


@pytest.mark.parametrize("rule", NODE_RULES.values(), ids=str)
def test_an_odd_value_never_breaks_a_rule(rule: NodeRule, tmp_path: Path) -> None:
    broken = []

    for number, example in enumerate(rule.examples):
        root = tmp_path / str(number)
        root.mkdir()
        lay_out(example, root)
        for query, document in oddities(rule, example, root):
            answering = answers_of(example, root)
            again = survey(
                [rule],
                lambda asked, query=query, document=document, answering=answering: {  # type: ignore[misc]
                    **answering(asked),
                    **({query: document} if query in asked else {}),
                },
                example.circumstances,
            )
            if again.findings[0].verdict.state is State.ERROR:
                broken.append((example.title, query, document))

    assert not broken
