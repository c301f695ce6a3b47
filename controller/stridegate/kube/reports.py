"""From a HardeningReport object to what a scanner is to do, and from a status to what it sends.

The operator writes the spec, so that a scanner needs no right on nodes or exemptions; the scanner applies the status.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from stridegate.kube.fields import Field
from stridegate.kube.objects import Json
from stridegate.model.exemptions import ExemptedValue
from stridegate.model.nodes.nodes import Circumstances, Installation, Role
from stridegate.model.reports import ACCEPT_ANNOTATION, RESCAN_ANNOTATION, NodeExemption, StatusEntry
from stridegate.model.times import read_time, write_time
from stridegate.model.vocabulary import ValueKind

API_VERSION = "stridegate.dev/v1alpha1"
REPORTS = f"/apis/{API_VERSION}/hardeningreports"
# Who applies a status: what one of the two leaves out stays as the other wrote it.
SCANNER_MANAGER = "stridegate-scanner"
DEFAULT_INTERVAL = 600.0
# As the kind's schema bounds it, in seconds.
_INTERVALS = (30.0, 86_400.0)
_SPAN = re.compile(r"(?:(\d{1,5})h)?(?:(\d{1,5})m)?(?:(\d{1,5})s)?", re.ASCII)
_INSTALLATIONS = {each.value: each for each in Installation}
_ROLES = {each.value: each for each in Role}
_UNITS = (3600, 60, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What a report asks of its node's scanner, and what it says now.

    `interval` is in seconds. `rescan` is whatever a person wrote into the annotation that asks for a scan: it asks anew
    when it changes. `accept` are the paths and states that a person accepts, each as `path=state`. `live` is the status, empty where there
    is none yet.
    """

    name: str
    uid: str
    generation: int
    circumstances: Circumstances
    interval: float = DEFAULT_INTERVAL
    exemptions: tuple[NodeExemption, ...] = ()
    rescan: str = ""
    accept: tuple[str, ...] = ()
    live: Mapping[str, object]


def read_task(obj: Mapping[str, object], now: float) -> Task:
    """Return what a HardeningReport asks of a scanner at a time (Unix, seconds). Raises InvalidField."""
    metadata, spec = Field(obj.get("metadata"), "metadata"), Field(obj.get("spec"), "spec")
    generation = metadata["generation"].value
    role, status = spec["role"], obj.get("status")
    return Task(
        name=metadata["name"].text("a name"),
        uid=metadata["uid"].text("a uid"),
        generation=generation if isinstance(generation, int) else 0,
        circumstances=Circumstances(
            installation=spec["profile"].choice(_INSTALLATIONS),
            role=Role.WORKER if role.absent else role.choice(_ROLES),
            control_plane_addresses=spec["controlPlaneAddresses"].texts("an address"),
            versions=_versions(spec["versions"]),
            now=now,
        ),
        interval=_interval(spec["interval"]),
        exemptions=tuple(_exemption(each) for each in spec["exemptions"].elements()),
        rescan=_annotation(metadata, RESCAN_ANNOTATION),
        accept=tuple(_annotation(metadata, ACCEPT_ANNOTATION).split()),
        live=status if isinstance(status, Mapping) else {},
    )


def written_exemptions(exemptions: Iterable[NodeExemption]) -> list[Json]:
    """Return exemptions as a report's spec has them, by name."""
    return [
        {
            "name": each.name,
            "rules": sorted(each.rules),
            **_values(each, "digests", ValueKind.DIGEST),
            **_values(each, "paths", ValueKind.PATH),
            "expires": write_time(each.expires),
        }
        for each in sorted(exemptions, key=lambda each: each.name)
    ]


def status_to_apply(task: Task, status: StatusEntry) -> Json:
    """Return the body of the server-side apply by which a scanner writes its part of a status (`hardeningreports/status`)."""
    about = {"name": task.name, "uid": task.uid}
    return {"apiVersion": API_VERSION, "kind": "HardeningReport", "metadata": about, "status": dict(status)}


def _versions(field: Field) -> dict[str, str]:
    told = field.value
    if field.absent:
        return {}
    if not isinstance(told, Mapping):
        raise field.refuse("the versions of programs by their names")
    return {str(program): field[str(program)].text("a version") for program in told}


def _annotation(metadata: Field, name: str) -> str:
    value = metadata["annotations"][name].value
    return value if isinstance(value, str) else ""


def _interval(field: Field) -> float:
    if field.absent:
        return DEFAULT_INTERVAL
    wanted = "a time span from 30s to 24h, such as 10m"
    match = _SPAN.fullmatch(field.text(wanted))
    if match is None:
        raise field.refuse(wanted)
    seconds = float(sum(unit * int(part or 0) for unit, part in zip(_UNITS, match.groups(), strict=True)))
    least, most = _INTERVALS
    if not least <= seconds <= most:
        raise field.refuse(wanted)
    return seconds


def _exemption(field: Field) -> NodeExemption:
    expires = read_time(field["expires"].value)
    if expires is None:
        raise field["expires"].refuse("a time such as 2027-01-31T00:00:00Z")
    return NodeExemption(
        name=field["name"].text("a name"),
        rules=frozenset(field["rules"].texts("the slug of a rule")),
        values=(
            *(ExemptedValue(ValueKind.DIGEST, each) for each in field["digests"].texts("a digest")),
            *(ExemptedValue(ValueKind.PATH, each) for each in field["paths"].texts("a path")),
        ),
        expires=expires,
    )


def _values(exemption: NodeExemption, key: str, kind: ValueKind) -> Json:
    texts = sorted({each.text for each in exemption.values if each.kind is kind})
    return {key: texts} if texts else {}
