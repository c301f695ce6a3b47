"""Conditions of our kinds, and when a status is to be written at all."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from stridegate.kube.objects import Json

# metav1.Condition allows 32,768 characters; the schemas of our kinds fewer.
_LONGEST = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One condition, without the time at which it came to be. The values of `type` and `reason` are what is written."""

    type: enum.Enum
    met: bool
    reason: enum.Enum
    message: str


def to_apply(
    fields: Mapping[str, object],
    conditions: Sequence[Condition],
    live: object,
    now: dt.datetime,
    *,
    kept: Collection[enum.Enum] = (),
) -> Json | None:
    """Return the status to apply, or None where the live one says the same. A transition time changes only with its status.

    Live conditions of the types in `kept` stay as they are: what is applied once and left out later is deleted.
    """
    before = live if isinstance(live, Mapping) else {}
    known = {str(each.get("type")): each for each in _conditions(before)}
    generation = fields["observedGeneration"]
    wanted = [_written(each, known.get(each.type.value), generation, now) for each in conditions]
    if all(before.get(key) == value for key, value in fields.items()) and all(
        known.get(str(each["type"])) == each for each in wanted
    ):
        return None
    staying = [dict(known[each.value]) for each in kept if each.value in known]
    return {**fields, "conditions": [*wanted, *staying]}


def _written(condition: Condition, known: Mapping[str, object] | None, generation: object, now: dt.datetime) -> Json:
    status = "True" if condition.met else "False"
    since = known.get("lastTransitionTime") if known is not None and known.get("status") == status else None
    return {
        "type": condition.type.value,
        "status": status,
        "reason": condition.reason.value,
        "message": condition.message if len(condition.message) <= _LONGEST else condition.message[: _LONGEST - 1] + "…",
        "observedGeneration": generation,
        "lastTransitionTime": since or now.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _conditions(status: Mapping[str, object]) -> Iterable[Mapping[str, object]]:
    conditions = status.get("conditions")
    return [each for each in conditions if isinstance(each, Mapping)] if isinstance(conditions, list) else []
