"""What people read about exemptions: in a denial how to grant one, and in its last seven days that one ends."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable

from stridegate.model.exemptions import Exemption
from stridegate.model.findings import Exempted, Ruling
from stridegate.model.policies import Workload
from stridegate.model.rules import Violation
from stridegate.model.vocabulary import Action, ValueKind
from stridegate.webhook.messages import WARNING_RUNES, clean

_DAY = 24 * 3600
# More rules, containers or values at once are not narrow.
_MOST = 5
# What the API server lets objects and what generates their names be called; the command is for a shell.
_NAME = re.compile(r"[a-z0-9][-a-z0-9.]{0,252}", re.ASCII)
# What a shell reads as it stands, and a message has room for.
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./:@=+-]{0,127}", re.ASCII)
_KIND = re.compile(r"[A-Z][A-Za-z0-9]{0,62}", re.ASCII)
# What `stridegate exemption` knows by the names that kubectl takes.
_PLAIN = frozenset(
    {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job", "CronJob", "Pod"}
)


def offer(denied: Iterable[Ruling], namespace: str, workload: Workload) -> str:
    """Return the command that grants an exemption from what no patch could heal, as narrow as it can be, empty where there is none.

    What a patch could heal is better healed, and a rule that could not judge is never exempted.
    """
    unhealed = [(each.finding.rule, each.finding.violation) for each in denied]
    found = [(rule, violation) for rule, violation in unhealed if violation is not None and violation.patch is None]
    slugs = dict.fromkeys(rule.slug for rule, _ in found)
    fits = _NAME.fullmatch(namespace) and _NAME.fullmatch(workload.name) and _KIND.fullmatch(workload.kind)
    if not fits or not 0 < len(slugs) <= _MOST:
        return ""
    kind = workload.kind.lower() if workload.kind in _PLAIN else workload.kind
    words = ["stridegate exemption create -n", namespace]
    words += [f"--rule {slug}" for slug in slugs]
    words.append(f"--workload {kind}/{workload.name}")
    words += _options("--container", [list(violation.place.containers) for _, violation in found])
    words += _options("--value", [_values(rule.value, violation) for rule, violation in found])
    return " ".join(words)


def _options(option: str, found: list[list[str]]) -> list[str]:
    """Return an option for each word; none where a finding has no word for it, or there are many, or a shell would read one."""
    words = dict.fromkeys(word for each in found for word in each)
    if not all(found) or len(words) > _MOST or not all(map(_WORD.fullmatch, words)):
        return []
    return [f"{option} {word}" for word in words]


def _values(kind: ValueKind | None, violation: Violation) -> list[str]:
    if kind is None:
        return []
    value = str(violation.rank or "") if kind is ValueKind.MEMORY else violation.value
    if kind is ValueKind.PORT:
        value = value.partition("/")[0]
    return [f"{kind.value}={value}"] if value else []


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
