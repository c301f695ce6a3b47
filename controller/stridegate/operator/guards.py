"""The guards: of exemptions, which only those grant who may, and of reports, which only a node's own scanner writes.

Each is a ValidatingAdmissionPolicy with its binding. The chart installs them; the operator only looks whether they are
as they must be. Whatever else they say may let
everybody through: one action that is not Deny, one constraint or condition more, one expression that is always true.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from stridegate.kube.cluster import Cluster
from stridegate.kube.errors import NotFound, Refused
from stridegate.kube.objects import GuardPart, Json
from stridegate.kube.shapes import UNDECODABLE
from stridegate.operator.errors import BadGuardFile

# The names of both objects of each.
GUARD = "stridegate-exemptions"
REPORT_GUARD = "stridegate-reports"

Guard = Mapping[GuardPart, Json]

_KINDS = {
    GuardPart.POLICY: "ValidatingAdmissionPolicy",
    GuardPart.BINDING: "ValidatingAdmissionPolicyBinding",
}
_CONSEQUENCES = {
    GUARD: "whoever may write exemptions may exempt from every rule",
    REPORT_GUARD: "the scanner of any node may write the report of every other",
}


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    policy: Json
    binding: Json


def read_guard(path: Path) -> Guard:
    """Return the specs that the chart wants both objects to have, with every default filled in. Raises BadGuardFile."""
    try:
        return parse_guard(path.read_bytes(), path)
    except OSError as error:
        raise BadGuardFile(path, error) from error


def parse_guard(written: bytes, source: object) -> Guard:
    """Return the specs of a guard, of what the chart has written to some place. Raises BadGuardFile, which names the place."""
    try:
        read = msgspec.json.decode(written, type=_File)
    except UNDECODABLE as error:
        raise BadGuardFile(source, error) from error
    return {GuardPart.POLICY: read.policy, GuardPart.BINDING: read.binding}


def find_gap(cluster: Cluster, wanted: Guard, name: str = GUARD) -> str | None:
    """Return why the live guard of that name does not guard, None where it does. Raises Unreachable."""
    gaps = (_gap(cluster, part, name, spec) for part, spec in wanted.items())
    return next((f"{gap}; {_CONSEQUENCES[name]}" for gap in gaps if gap is not None), None)


def _gap(cluster: Cluster, part: GuardPart, name: str, wanted: Json) -> str | None:
    about = f"{_KINDS[part]} {name}"
    try:
        live = cluster.guard_part(part, name).spec or {}
    except NotFound:
        return f"{about} does not exist; `helm upgrade` makes it again"
    except Refused as error:
        return f"{about} could not be looked at: {error}"
    others = sorted(key for key in wanted.keys() | live.keys() if wanted.get(key) != live.get(key))
    return f"{about} has another {others[0]}; delete it, and `helm upgrade` makes it again" if others else None
