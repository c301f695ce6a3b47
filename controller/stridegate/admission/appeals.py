"""The command that a denial names for whoever must deviate: an exemption from what it found, and from nothing else."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Sequence

from stridegate.engine.exemptions import can_be_named
from stridegate.model.findings import Ruling
from stridegate.model.policies import Workload
from stridegate.model.rules import Violation
from stridegate.model.vocabulary import ValueKind

# What an exemption can name (deploy/crds/hardeningexemptions.yaml). An owner reference can say anything, and the command
# is for a shell.
_KIND = re.compile(r"[A-Z][A-Za-z0-9]{0,62}", re.ASCII)
_NAME = re.compile(r"[a-z0-9][-a-z0-9.]{0,252}", re.ASCII)
_LABEL = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)
_MOST_RULES, _MOST_CONTAINERS, _MOST_VALUES = 20, 64, 32
# The kinds that the command line takes as kubectl does; others keep their capitals.
_COMMON = frozenset(
    {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job", "CronJob", "Pod"}
)
# The values that can be typed, as an exemption takes them. One for an amount of memory is for less of it as well, which
# no violation can say.
_VALUES = {
    ValueKind.CAPABILITY: re.compile(r"[A-Za-z_]{1,63}", re.ASCII),
    ValueKind.PATH: re.compile(r"/[ -~]{0,255}", re.ASCII),
    ValueKind.PORT: re.compile(r"[1-9][0-9]{0,4}", re.ASCII),
    ValueKind.IMAGE: re.compile(r"[!-~]{1,512}", re.ASCII),
}
# More than this nobody would read before running it, and a denial has other things to say.
_LONGEST = 600
_COMMAND = "stridegate exemption create"


def appeal(rulings: Sequence[Ruling], namespace: str, workload: Workload) -> str | None:
    """Return the command that would exempt a workload from some violations, one line of shell; None where nothing can.

    It is as narrow as what was found: by container where nothing concerns the pod as a whole, by value where everything
    has one that can be typed.
    """
    violations = [(each.finding.rule, each.finding.violation) for each in rulings if each.finding.violation is not None]
    found = [violation for _, violation in violations]
    rules = list(dict.fromkeys(rule.slug for rule, _ in violations))
    containers = list(_containers(found))
    if not rules or not _nameable(namespace, workload, containers):
        return None
    values = [_value(rule.value, violation) for rule, violation in violations]
    kind = workload.kind.lower() if workload.kind in _COMMON else workload.kind
    words = [
        f"{_COMMAND} -n {namespace}",
        *(f"--rule {slug}" for slug in rules),
        f"--workload {kind}/{workload.name}",
        *(f"--container {name}" for name in containers),
        *(f"--value {shlex.quote(text)}" for text in dict.fromkeys(values) if text is not None and None not in values),
    ]
    command = " ".join(words)
    few = len(rules) <= _MOST_RULES and len(containers) <= _MOST_CONTAINERS and len(values) <= _MOST_VALUES
    return command if few and len(command) <= _LONGEST else f"{_COMMAND} --help"


def _nameable(namespace: str, workload: Workload, containers: Iterable[str]) -> bool:
    return (
        _LABEL.fullmatch(namespace) is not None
        and _KIND.fullmatch(workload.kind) is not None
        and _NAME.fullmatch(workload.name) is not None
        and all(_LABEL.fullmatch(name) for name in containers)
    )


def _containers(violations: Sequence[Violation]) -> Iterator[str]:
    """Yield the containers that are concerned; none where something concerns the pod as a whole."""
    if all(each.place.containers for each in violations):
        yield from dict.fromkeys(name for each in violations for name in each.place.containers)


def _value(kind: ValueKind | None, violation: Violation) -> str | None:
    if kind is None or kind not in _VALUES:
        return None
    text = violation.value.partition("/")[0] if kind is ValueKind.PORT else violation.value
    return f"{kind.value}={text}" if _VALUES[kind].fullmatch(text) and can_be_named(kind, text) else None
