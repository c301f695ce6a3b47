"""What an exemption is worth at some time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stridegate.model.exemptions import LONGEST_LIFE, REMINDER, Exemption, ExemptionState
from stridegate.model.policies import Workload

CREATED = 1_800_000_000.0
EXPIRES = CREATED + 30 * 24 * 3600

EXEMPTION = Exemption(
    name="web-vpn",
    namespace="shop",
    rules=frozenset({"dangerous-capability"}),
    workload=Workload("Deployment", "web"),
    reason="VPN sidecar until the mesh is in",
    created=CREATED,
    expires=EXPIRES,
    granted_by="alice",
)


@pytest.mark.parametrize(
    ("now", "state"),
    [
        (CREATED, ExemptionState.ACTIVE),
        (EXPIRES - 1, ExemptionState.ACTIVE),
        (EXPIRES, ExemptionState.EXPIRED),
        (EXPIRES + 1, ExemptionState.EXPIRED),
        # The clock of a replica may be behind that of the API server.
        (CREATED - 60, ExemptionState.ACTIVE),
    ],
)
def test_an_exemption_is_active_until_the_second_it_expires(now: float, state: ExemptionState) -> None:
    assert EXEMPTION.state(now) is state


def test_a_revoked_exemption_is_worth_nothing_whatever_the_time() -> None:
    revoked = replace(EXEMPTION, revoked=True)

    assert {revoked.state(now) for now in (CREATED, EXPIRES + 1)} == {ExemptionState.REVOKED}


@pytest.mark.parametrize(
    ("life", "state"), [(LONGEST_LIFE, ExemptionState.ACTIVE), (LONGEST_LIFE + 1, ExemptionState.TOO_LONG)]
)
def test_an_exemption_that_is_to_live_longer_than_ninety_days_is_void_from_the_start(
    life: float, state: ExemptionState
) -> None:
    stored = replace(EXEMPTION, expires=CREATED + life)

    assert stored.state(CREATED + 1) is state


@pytest.mark.parametrize(
    ("now", "ending"),
    [(EXPIRES - REMINDER - 1, False), (EXPIRES - REMINDER, True), (EXPIRES - 1, True), (EXPIRES, False)],
)
def test_an_exemption_is_ending_in_its_last_seven_days(now: float, ending: bool) -> None:
    assert EXEMPTION.ending(now) is ending
