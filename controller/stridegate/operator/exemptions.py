"""What a HardeningExemption's status says, as a function of the exemption, of what runs, and of the time."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from stridegate.kube.errors import InvalidExemption
from stridegate.kube.exemptions import read_exemption, unknown_rules
from stridegate.kube.objects import Json
from stridegate.model.exemptions import Exemption, ExemptionState
from stridegate.operator.conditions import Condition, to_apply


class Type(enum.Enum):
    """The conditions of an exemption."""

    ACTIVE = "Active"
    USED = "Used"


class Reason(enum.Enum):
    """Every reason that a condition of an exemption can have."""

    ACTIVE = "Active"
    EXPIRED = "Expired"
    REVOKED = "Revoked"
    TOO_LONG = "TooLong"
    UNKNOWN_RULE = "UnknownRule"
    INVALID = "Invalid"
    USED = "Used"
    UNUSED = "Unused"


# The reasons of the condition Active.
ACTIVE_REASONS = tuple(each for each in Reason if each not in {Reason.USED, Reason.UNUSED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What an exemption is worth anything by: the rules that there are, and Stridegate's own namespace."""

    rules: Collection[str]
    home: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What an audit says: whether an exemption takes a violation from something that runs, and when one last did.

    `spare` is what it names and nothing that runs needs.
    """

    now: bool
    last: dt.datetime | None
    spare: tuple[str, ...] = ()


Read = Exemption | InvalidExemption

# How long nothing needs an exemption before its status says to revoke it, and the steps in which `lastUsed` goes on: it
# is written at most so often.
_IDLE, _STEP = dt.timedelta(days=30), dt.timedelta(hours=6)
_TIME = "%Y-%m-%dT%H:%M:%SZ"

_ENDED = {
    ExemptionState.EXPIRED: (Reason.EXPIRED, "its time is over; to extend it, grant another"),
    ExemptionState.REVOKED: (Reason.REVOKED, "it was taken back"),
    ExemptionState.TOO_LONG: (
        Reason.TOO_LONG,
        "it was to last more than 90 days after its creation, which exempts nothing at any time",
    ),
}


def read(obj: Mapping[str, object]) -> Read:
    """Return the exemption that an object describes, or why it describes none."""
    try:
        return read_exemption(obj)
    except InvalidExemption as problem:
        return problem


def readable(objects: Iterable[tuple[object, Mapping[str, object]]]) -> list[Exemption]:
    """Return the exemptions that can be read, of objects each with its metadata."""
    found = (read(obj) for _, obj in objects)
    return [each for each in found if isinstance(each, Exemption)]


def conditions(exemption: Read, now: dt.datetime, used: Usage | None, terms: Terms) -> tuple[Condition, ...]:
    """Return the conditions of an exemption, without Used where no audit has said anything of it."""
    active = _active(exemption, now, terms)
    if used is None:
        return (active,)
    return active, _used(exemption, now, used)


def _used(exemption: Read, now: dt.datetime, used: Usage) -> Condition:
    if used.now:
        message = "something runs that would break a rule without it"
        if used.spare:
            message += f"; it is wider than needed: nothing that runs needs {', '.join(used.spare)}"
        return Condition(type=Type.USED, met=True, reason=Reason.USED, message=message)
    message = "nothing that runs needs it"
    if isinstance(exemption, Exemption):
        since = used.last or dt.datetime.fromtimestamp(exemption.created, dt.UTC)
        if now - since >= _IDLE:
            message += f", and nothing has since {since.astimezone(dt.UTC):%Y-%m-%d}: revoke it"
    return Condition(type=Type.USED, met=False, reason=Reason.UNUSED, message=message)


def _active(exemption: Read, now: dt.datetime, terms: Terms) -> Condition:
    if isinstance(exemption, InvalidExemption):
        return _void(Reason.INVALID, f"it exempts nothing: {exemption}")
    state = exemption.state(now.timestamp())
    if state is not ExemptionState.ACTIVE:
        return _void(*_ENDED[state])
    if exemption.node_selector is not None and exemption.namespace != terms.home:
        return _void(Reason.INVALID, f"it exempts nothing: nodes are exempted in the namespace {terms.home} alone")
    unknown = unknown_rules(exemption, terms.rules)
    if len(unknown) == len(exemption.rules):
        return _void(Reason.UNKNOWN_RULE, f"it exempts nothing: there are no rules {', '.join(unknown)}")
    until = f"it exempts until {dt.datetime.fromtimestamp(exemption.expires, dt.UTC):%Y-%m-%dT%H:%M:%SZ}"
    if unknown:
        message = f"{until}, but there are no rules {', '.join(unknown)}"
        return Condition(type=Type.ACTIVE, met=True, reason=Reason.UNKNOWN_RULE, message=message)
    return Condition(type=Type.ACTIVE, met=True, reason=Reason.ACTIVE, message=until)


def _void(reason: Reason, message: str) -> Condition:
    return Condition(type=Type.ACTIVE, met=False, reason=reason, message=message)


def status_to_apply(
    obj: Mapping[str, object], found: tuple[Condition, ...], used: Usage | None, now: dt.datetime
) -> Json | None:
    """Return the status to apply to an object, None where it says the same; what was said of its use stays until more is known."""
    metadata, live = obj.get("metadata"), obj.get("status")
    generation = metadata.get("generation") if isinstance(metadata, Mapping) else None
    fields: Json = {"observedGeneration": generation if isinstance(generation, int) else 0}
    before, last = last_used(obj), used.last if used else None
    if before is not None and (last is None or last - before < _STEP):
        last = before
    if last is not None:
        fields["lastUsed"] = last.astimezone(dt.UTC).strftime(_TIME)
    return to_apply(fields, found, live, now, kept=() if used else (Type.USED,))


def last_used(obj: Mapping[str, object]) -> dt.datetime | None:
    """Return when an exemption's status says that it was last used; None where it does not say."""
    live = obj.get("status")
    written = live.get("lastUsed") if isinstance(live, Mapping) else None
    try:
        return dt.datetime.strptime(written, _TIME).replace(tzinfo=dt.UTC) if isinstance(written, str) else None
    except ValueError:
        return None


def seconds_to_next_end(exemptions: Iterable[Read], now: dt.datetime, most: float) -> float:
    """Return the seconds until the first active exemption ends, at most so many."""
    at = now.timestamp()
    ends = (
        each.expires - at
        for each in exemptions
        if isinstance(each, Exemption) and each.state(at) is ExemptionState.ACTIVE
    )
    return min((most, *ends))
