"""Examples are laid over the hardened pod the way people read them."""

from __future__ import annotations

import pytest

from stridegate.engine.examples import example_pod, hardened_pod, overlay
from stridegate.model.edits import Json


@pytest.mark.parametrize(
    ("under", "over", "result"),
    [
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"a": 1}, {"a": None}, {}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": None}}, {"a": {"c": 2}}),
        ([1, 2], [3], [3]),
        (
            [{"name": "a", "x": 1}],
            [{"name": "a", "y": 2}, {"name": "b"}],
            [{"name": "a", "x": 1, "y": 2}, {"name": "b"}],
        ),
        ([{"name": "a"}], [], []),
        ([{"port": 1}], [{"port": 2}], [{"port": 2}]),
        ({"a": 1}, "text", "text"),
    ],
)
def test_one_value_is_laid_over_another(under: Json, over: Json, result: Json) -> None:
    assert overlay(under, over) == result


def test_laying_over_leaves_the_hardened_pod_as_it_was() -> None:
    example_pod({"hostPID": True, "containers": [{"name": "app", "image": "other"}]}, {"a": "b"})

    assert "hostPID" not in str(hardened_pod())
    assert "other" not in str(hardened_pod())


def test_annotations_stand_on_the_pod() -> None:
    assert example_pod({}, {"a": "b"})["metadata"] == {"name": "example", "annotations": {"a": "b"}}
