"""What a team may do for a while that its policies forbid: exemptions, as written in HardeningExemption objects.

Times are Unix times in seconds: an exemption is asked what it is worth at a time, and knows no clock.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from stridegate.model.policies import Workload
from stridegate.model.vocabulary import ValueKind

# The longest life of an exemption, from its creation, and how long before its end people are reminded; in seconds.
LONGEST_LIFE = 90 * 24 * 3600
REMINDER = 7 * 24 * 3600


class ExemptionState(enum.Enum):
    """What an exemption is worth at some time; only an active one exempts anything."""

    ACTIVE = "Active"
    EXPIRED = "Expired"
    REVOKED = "Revoked"
    TOO_LONG = "TooLong"


@dataclass(frozen=True, slots=True)
class ExemptedValue:
    """A value that an exemption is for, as it was written there."""

    kind: ValueKind
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Exemption:
    """A HardeningExemption, read and checked.

    Either `workload` or `node_selector` says whose findings it takes. Empty `containers` mean the whole pod and all of
    its containers but ephemeral ones, empty `values` any value.
    """

    name: str
    namespace: str
    rules: frozenset[str]
    workload: Workload | None = None
    node_selector: Mapping[str, str] | None = None
    containers: frozenset[str] = frozenset()
    values: tuple[ExemptedValue, ...] = ()
    reason: str
    created: float
    expires: float
    granted_by: str
    ticket: str = ""
    owner: str = ""
    revoked: bool = False

    def state(self, now: float) -> ExemptionState:
        """Return what the exemption is worth at a time.

        One that was to live longer than 90 days never was worth anything, however it came to be stored.
        """
        if self.revoked:
            return ExemptionState.REVOKED
        if self.expires - self.created > LONGEST_LIFE:
            return ExemptionState.TOO_LONG
        return ExemptionState.EXPIRED if now >= self.expires else ExemptionState.ACTIVE

    def ending(self, now: float) -> bool:
        """Whether the exemption is active and within its last seven days."""
        return self.state(now) is ExemptionState.ACTIVE and now >= self.expires - REMINDER
