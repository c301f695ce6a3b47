"""What a violation says it saw is as in the manifest, and short however long that is."""

from __future__ import annotations

import pytest

from stridegate.model.rules import observe


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "absent"),
        (True, "true"),
        (0, "0"),
        ("", '""'),
        ("Unmasked", "Unmasked"),
        ((), "[]"),
        (("CHOWN", "KILL"), "[CHOWN, KILL]"),
    ],
)
def test_a_short_value_is_shown_as_it_stands(value: object, shown: str) -> None:
    assert observe(value) == shown


@pytest.mark.parametrize(
    "value",
    ["x" * 10_000, ("x" * 10_000,), ("x" * 10_000,) * 100, ("NET_ADMIN",) * 6000],
    ids=["a text", "an element", "elements", "many elements"],
)
def test_a_long_value_is_cut(value: object) -> None:
    assert len(observe(value)) <= 122


def test_what_is_not_shown_of_a_list_is_counted() -> None:
    shown = observe(tuple(f"CAP_{number:04}" for number in range(6000)))

    listed = shown.count("CAP_")
    assert shown.startswith("[CAP_0000, CAP_0001, ")
    assert shown.endswith(f", … and {6000 - listed} more]")
