"""Times as Kubernetes writes them, held against the standard library."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stridegate.model.times import read_time, write_time


@given(st.integers(min_value=-60_000_000_000, max_value=250_000_000_000))
def test_a_time_is_written_as_the_standard_library_does_and_read_again(seconds: int) -> None:
    written = write_time(seconds)

    assert written == (dt.datetime(1970, 1, 1) + dt.timedelta(seconds=seconds)).isoformat() + "Z"  # noqa: DTZ001 - UTC
    assert read_time(written) == seconds


def test_fractions_of_a_second_are_cut_off() -> None:
    assert write_time(-0.5) == "1969-12-31T23:59:59Z"


@pytest.mark.parametrize(
    "text",
    [
        None,
        5,
        "",
        "never",
        "2026-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-01-01T25:00:00Z",
        "2026-01-01T00:00:00+01:00",
    ],
)
def test_anything_else_is_no_time(text: object) -> None:
    assert read_time(text) is None
