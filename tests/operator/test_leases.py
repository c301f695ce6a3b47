"""Who holds the Lease."""

from __future__ import annotations

import datetime as dt

import pytest

from stridegate.kube.objects import LeaseSpec
from stridegate.operator.leases import DURATION, HOLDING, RENEWING, claim

NOW = dt.datetime(2030, 1, 1, 12, 0, 0, 5, tzinfo=dt.UTC)
WRITTEN = "2030-01-01T12:00:00.000005Z"
HELD = LeaseSpec(
    holder_identity="other", lease_duration_seconds=15, acquire_time="then", renew_time="then", lease_transitions=4
)


@pytest.mark.parametrize("current", [None, LeaseSpec(), LeaseSpec(holder_identity="")])
def test_a_lease_that_nobody_holds_is_taken(current: LeaseSpec | None) -> None:
    assert claim(current, "me", now=NOW, silent=False) == LeaseSpec(
        holder_identity="me",
        lease_duration_seconds=DURATION,
        acquire_time=WRITTEN,
        renew_time=WRITTEN,
        lease_transitions=1,
    )


def test_a_lease_of_another_is_left_alone() -> None:
    assert claim(HELD, "me", now=NOW, silent=False) is None


def test_a_lease_that_has_been_silent_is_taken_over() -> None:
    taken = claim(HELD, "me", now=NOW, silent=True)

    assert taken is not None
    assert (taken.holder_identity, taken.acquire_time, taken.lease_transitions) == ("me", WRITTEN, 5)


def test_the_holder_renews_without_a_transition() -> None:
    renewed = claim(HELD, "other", now=NOW, silent=False)

    assert renewed is not None
    assert (renewed.acquire_time, renewed.renew_time, renewed.lease_transitions) == ("then", WRITTEN, 4)


def test_a_holder_stops_writing_before_another_may_begin() -> None:
    assert RENEWING < HOLDING < DURATION
