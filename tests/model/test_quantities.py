"""Quantities are what the API server takes them for, exactly, and hostile ones cost nothing."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stridegate.model.errors import BadQuantity
from stridegate.model.quantities import parse_quantity


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("-1", -1),
        ("+1", 1),
        ("512m", Fraction(512, 1000)),
        ("1e3", 1000),
        ("1E3", 1000),
        ("1E", 10**18),
        ("1e-3", Fraction(1, 1000)),
        ("0.5Gi", 2**29),
        (".5", Fraction(1, 2)),
        ("5.", 5),
        ("1n", Fraction(1, 10**9)),
        ("1u", Fraction(1, 10**6)),
        ("1k", 1000),
        ("1Ki", 1024),
        ("2Ei", 2 * 2**60),
        ("9999999999999999999999", 9999999999999999999999),
        (512, 512),
        (1.5, Fraction(3, 2)),
    ],
)
def test_a_quantity_is_parsed_exactly(text: str | float, value: Fraction) -> None:
    assert parse_quantity(text) == value


NOT_QUANTITIES = [
    *["", " 1", "1 ", "1 Gi", "1gi", "1KI", "1K", "1mi", "Gi", ".", "1e", "1e+", "1e1.5", "--1", "0x1", "1_000"],
    *["\u0661", "1" * 65, "NaN", "inf", True, False, float("inf"), float("nan")],
]


@pytest.mark.parametrize("text", NOT_QUANTITIES)
def test_what_is_no_quantity_is_refused(text: str | float) -> None:
    with pytest.raises(BadQuantity):
        parse_quantity(text)


def test_a_number_of_thousands_of_digits_is_refused() -> None:
    with pytest.raises(BadQuantity):
        parse_quantity(10**5000)


@given(st.integers(0, 10**15), st.sampled_from(["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"]))
def test_a_larger_suffix_is_1024_times_the_one_before(number: int, suffix: str) -> None:
    suffixes = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"]
    smaller = suffixes[suffixes.index(suffix) - 1]

    assert parse_quantity(f"{number}{suffix}") == 1024 * parse_quantity(f"{number}{smaller}")


@given(st.text(max_size=80))
def test_any_text_is_a_quantity_or_refused(text: str) -> None:
    try:
        value = parse_quantity(text)
    except BadQuantity:
        return
    assert isinstance(value, Fraction)
