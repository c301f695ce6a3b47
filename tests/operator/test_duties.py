"""How the operator's duties pace themselves."""

from __future__ import annotations

from stridegate.operator.duties import slowed


def test_a_fight_slows_down_and_goes_on_for_as_long_as_it_takes() -> None:
    assert [slowed(busy) for busy in (1, 2, 5)] == [0.04, 0.08, 0.64]
    assert slowed(20) == slowed(100_000) == 30.0
