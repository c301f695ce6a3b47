"""What people read about exemptions that are about to end: one warning for each, in its last seven days."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from stridegate.admission.messages import WARNING_RUNES
from stridegate.model.exemptions import Exemption
from stridegate.model.findings import Exempted
from stridegate.model.texts import clean
from stridegate.model.vocabulary import Action

_DAY = 24 * 3600


def reminders(exempted: Iterable[Exempted], now: float) -> list[str]:
    """Return a line for each exemption that ends soon and for something that is then denied or warned about, the soonest first."""
    ending: dict[Exemption, list[str]] = {}
    for each in exempted:
        if each.exemption.ending(now) and each.ruling.demanded >= Action.WARN:
            ending.setdefault(each.exemption, []).append(each.ruling.finding.rule.slug)
    soonest = sorted(ending, key=lambda each: (each.expires, each.name))
    return [_reminder(each, list(dict.fromkeys(ending[each])), now) for each in soonest]


def _reminder(exemption: Exemption, slugs: list[str], now: float) -> str:
    end = dt.datetime.fromtimestamp(exemption.expires, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    owner = f", owner {clean(exemption.owner)}" if exemption.owner else ""
    line = f'exemption "{exemption.name}" ends {_left(exemption.expires - now)}, at {end}{owner}: {", ".join(slugs)}'
    return clean(line, WARNING_RUNES)


def _left(seconds: float) -> str:
    days = int(seconds // _DAY)
    return f"in {days} day{'s' if days > 1 else ''}" if days else "within a day"
