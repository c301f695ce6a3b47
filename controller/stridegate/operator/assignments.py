"""What the scanner of each node is told: the report that the operator wants every node to have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address

import msgspec

from stridegate.kube.known_reports import KnownReport, written_spec
from stridegate.kube.nodes import Machine
from stridegate.kube.objects import Json
from stridegate.kube.reports import API_VERSION, written_exemptions
from stridegate.model.exemptions import Exemption, ExemptionState
from stridegate.model.nodes.nodes import Installation, Role
from stridegate.model.reports import CLUSTER_PROFILE, CLUSTER_REPORT, PROFILE_LABEL, ROLE_LABEL, NodeExemption
from stridegate.model.vocabulary import ValueKind

# As many as the kind's schema has room for.
_ADDRESSES, _EXEMPTIONS, _NAMED = 32, 64, 20
_INSTALLATIONS = {each.value: each for each in Installation}
# What a value of an exemption of nodes can be.
_KINDS = frozenset({ValueKind.DIGEST, ValueKind.PATH})
_BENCHMARKS: tuple[Json, ...] = (
    {"benchmark": "cis-kubernetes", "version": "1.12"},
    {"benchmark": "cis-docker", "version": "1.6"},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the chart says about reports.

    An installation for all nodes (None: as each node tells), the time between scans, in seconds, and whether nodes are
    scanned at all: where they are not, none has a report.
    """

    installation: Installation | None = None
    interval: int = 600
    scanning: bool = True


def control_plane_addresses(machines: Iterable[Machine]) -> tuple[str, ...]:
    """Return where the control plane is, as far as its nodes are seen: a provider's are not."""
    told = {address for each in machines if each.role is Role.CONTROL_PLANE for address in each.internal}
    # The kind takes nothing else: what one node says of itself is not to keep all others from having a report.
    found = (address for address in told if _is_address(address))
    return tuple(sorted(found)[:_ADDRESSES])


def _is_address(text: str) -> bool:
    try:
        return "%" not in str(ip_address(text))
    except ValueError:
        return False


def node_exemptions(exemptions: Iterable[Exemption], home: str, now: float) -> list[Exemption]:
    """Return the exemptions of nodes that are in force: those in Stridegate's own namespace, which tenants cannot write to."""
    return [
        each
        for each in exemptions
        if each.node_selector is not None and each.namespace == home and each.state(now) is ExemptionState.ACTIVE
    ]


def exempted(machine: Machine, exemptions: Iterable[Exemption]) -> tuple[NodeExemption, ...]:
    """Return what is exempted on a node. An exemption with values that nodes do not have exempts nothing."""
    found = []
    for each in exemptions:
        values = tuple(value for value in each.values if value.kind in _KINDS)[:_NAMED]
        if _selects(each, machine.labels) and bool(values) == bool(each.values):
            found.append(NodeExemption(name=each.name, rules=each.rules, values=values, expires=each.expires))
    return tuple(sorted(found, key=lambda each: each.name)[:_EXEMPTIONS])


def _selects(exemption: Exemption, labels: Mapping[str, str]) -> bool:
    selector = exemption.node_selector or {}
    return bool(selector) and all(labels.get(key) == value for key, value in selector.items())


def node_report(
    machine: Machine,
    settings: Settings,
    addresses: tuple[str, ...],
    exemptions: tuple[NodeExemption, ...],
    distro: str = "",
) -> Json:
    """Return the report that a node is to have, without a status; the API server deletes it with the node that owns it.

    `distro` is how its scanner found it to be installed, which counts where its Node says nothing of that.
    """
    profile = _installation(machine, settings, distro).value
    spec: Json = {
        "nodeName": machine.name,
        "profile": profile,
        "role": machine.role.value,
        "benchmarks": list(_BENCHMARKS if machine.docker else _BENCHMARKS[:1]),
        "interval": f"{settings.interval}s",
    }
    if machine.versions:
        spec["versions"] = dict(machine.versions)
    if addresses:
        spec["controlPlaneAddresses"] = list(addresses)
    if exemptions:
        spec["exemptions"] = written_exemptions(exemptions)
    owner = {"apiVersion": "v1", "kind": "Node", "name": machine.name, "uid": machine.uid}
    metadata: Json = {
        "name": machine.name,
        "labels": {ROLE_LABEL: machine.role.value, PROFILE_LABEL: profile},
        "ownerReferences": [owner],
    }
    return _report(metadata, spec)


def _installation(machine: Machine, settings: Settings, distro: str) -> Installation:
    if settings.installation is not None:
        return settings.installation
    if machine.installation is not Installation.GENERIC:
        return machine.installation
    return _INSTALLATIONS.get(distro, Installation.GENERIC)


def cluster_report() -> Json:
    """Return the report on the cluster's objects, without a status."""
    return _report(
        {"name": CLUSTER_REPORT, "labels": {PROFILE_LABEL: CLUSTER_PROFILE}},
        {"profile": CLUSTER_PROFILE, "benchmarks": [_BENCHMARKS[0]]},
    )


def stands(known: KnownReport, wanted: Json) -> bool:
    """Whether a report is as it is to be, apart from what others added to its labels."""
    metadata = wanted["metadata"]
    labels = metadata["labels"] if isinstance(metadata, dict) else {}
    return known.spec == written_spec(wanted["spec"]) and labels.items() <= known.labels.items()


def difference(known: KnownReport, wanted: Json) -> Json:
    """Return the merge patch that makes a report what it is to be; what it has beyond that is taken away."""
    metadata, spec = wanted["metadata"], wanted["spec"]
    labels = metadata["labels"] if isinstance(metadata, dict) else {}
    before = msgspec.json.decode(known.spec, type=Json)
    gone = dict.fromkeys(before.keys() - spec.keys() if isinstance(spec, dict) else ())
    return {"metadata": {"labels": labels}, "spec": {**gone, **spec} if isinstance(spec, dict) else {}}


def misplaced(known: KnownReport, machine: Machine | None) -> bool:
    """Whether a report is about a node that is gone, or about an earlier one of that name."""
    return known.name != CLUSTER_REPORT and (
        machine is None or (bool(known.owners) and machine.uid not in known.owners)
    )


def _report(metadata: Json, spec: Json) -> Json:
    return {"apiVersion": API_VERSION, "kind": "HardeningReport", "metadata": metadata, "spec": spec}
