"""What a rule concludes about a node: six different things, and what they rest on."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class State(enum.Enum):
    """How a rule came out. What could not be read is never a Pass."""

    PASS = "Pass"  # noqa: S105 - a verdict, no secret
    FAIL = "Fail"
    # Evidence was read, and a person must judge it, or only a weaker form of what is wanted holds.
    WARN = "Warn"
    # The component or file is absent, or its vendor owns it.
    NOT_APPLICABLE = "NotApplicable"
    UNKNOWN = "Unknown"
    # The rule itself broke.
    ERROR = "Error"


class Source(enum.Enum):
    """Where evidence comes from."""

    KUBELET = "kubelet"
    MANIFEST = "manifest"
    PROC = "proc"
    CONFIGZ = "configz"
    FILE = "file"
    PROBE = "probe"
    API = "api"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a verdict rests on: the source, and the path or field in it."""

    source: Source
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Offender:
    """One of the things that break a rule: a path, a container (`namespace/pod/container`), an object; and what was seen there."""

    name: str
    observed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a rule concludes. `wanted` is empty where the rule's own words say it; `note` is a further sentence for a person."""

    state: State
    observed: str
    wanted: str = ""
    evidence: Evidence | None = None
    offenders: tuple[Offender, ...] = ()
    note: str = ""
