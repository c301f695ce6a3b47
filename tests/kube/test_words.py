"""Texts that many objects have in common are kept once."""

from __future__ import annotations

import json

from stridegate.kube.words import shared


def test_equal_texts_of_different_objects_are_one_and_the_same() -> None:
    first, second = (shared(json.loads('{"pool-of-tests": "edge-of-tests", "generation": 3}')) for _ in range(2))

    assert first == second == {"pool-of-tests": "edge-of-tests", "generation": 3}
    assert [one is other for one, other in zip(first, second, strict=True)] == [True, True]
    assert first["pool-of-tests"] is second["pool-of-tests"]


def test_no_labels_are_an_empty_map() -> None:
    assert shared(None) == {}


def test_what_anybody_may_write_is_not_remembered_for_ever() -> None:
    kept = shared({"kept": "a text of tests"})

    for number in range(60_000):
        shared({"label": f"value-{number}"})

    assert shared({"kept": "a text of tests"}) == kept
