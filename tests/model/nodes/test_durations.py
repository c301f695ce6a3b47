"""Durations are what Go takes them for."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stridegate.model.nodes.durations import parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("0s", 0),
        ("-0", 0),
        ("1h30m", 5400),
        ("4h0m0s", 14400),
        ("1.5h", 5400),
        (".5s", Fraction(1, 2)),
        ("5.s", 5),
        ("300ms", Fraction(3, 10)),
        ("1us", Fraction(1, 10**6)),
        ("1µs", Fraction(1, 10**6)),
        ("1ns", Fraction(1, 10**9)),
        ("-2m", -120),
        ("+2m", 120),
        ("1s1h", 3601),
    ],
)
def test_a_duration_is_read_exactly(text: str, seconds: Fraction) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "value", ["", "5", "00", "s", "1d", "1 h", "1h ", ".s", "1h5", "--1s", "٣s", "1" * 70 + "s", 0, None, []]
)
def test_what_is_no_duration_is_not_guessed_at(value: object) -> None:
    assert parse_duration(value) is None


@given(st.text(max_size=80))
def test_any_text_is_a_duration_or_is_none(text: str) -> None:
    assert parse_duration(text) is None or isinstance(parse_duration(text), Fraction)
