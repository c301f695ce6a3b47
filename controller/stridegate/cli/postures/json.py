"""A posture for programs, in a versioned shape (docs/schemas/posture-v1.json)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from stridegate import __version__
from stridegate.cli.outputs.sentences import moment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stridegate.cli.terminals import Sheet
    from stridegate.model.exemptions import Exemption
    from stridegate.model.postures import Aspect, BrokenRule, NodeStanding, PolicyStanding, Posture

SCHEMA_VERSION = 1
SCHEMA = f"https://stridegate.dev/schemas/posture-v{SCHEMA_VERSION}.json"


def render(posture: Posture, _sheet: Sheet) -> str:
    """Return a posture as JSON, in ASCII."""
    return json.dumps(described(posture), indent=2) + "\n"


def described(posture: Posture) -> dict[str, object]:
    """Return a posture as JSON values."""
    return {
        "$schema": SCHEMA,
        "schemaVersion": SCHEMA_VERSION,
        "tool": {"name": "stridegate", "version": __version__},
        "at": moment(posture.at),
        "policies": [_policy(each) for each in posture.policies],
        "reports": None if posture.nodes is None else [_node(each) for each in posture.nodes],
        "findings": [_broken(each) for each in posture.broken],
        "exemptions": [_exemption(each, posture.at) for each in posture.exemptions],
        "problems": list(posture.problems),
    }


def _policy(policy: PolicyStanding) -> dict[str, object]:
    return {
        "name": policy.name,
        "profile": policy.profile,
        "action": policy.action,
        "patching": policy.patching,
        "namespaces": policy.namespaces,
        "wouldDeny": policy.would_deny,
        "auditedAt": _moment(policy.audited),
        "enforcing": policy.enforcing,
        "worst": [
            {"namespace": each.namespace, "kind": each.kind, "name": each.name, "rules": list(each.rules)}
            for each in policy.worst
        ],
        "conditions": _conditions(policy.aspects),
    }


def _node(node: NodeStanding) -> dict[str, object]:
    tally = node.tally
    summary = tally and {
        "fail": tally.failed,
        "warn": tally.warned,
        "error": tally.undecided,
        "pass": tally.passed,
        "notApplicable": tally.not_applicable,
        "exempted": tally.exempted,
        "score": tally.score,
        "coverage": tally.coverage,
    }
    return {
        "name": node.name,
        "node": node.node,
        "role": node.role,
        "profile": node.profile,
        "scannedAt": _moment(node.scanned),
        "summary": summary,
        "dropped": node.dropped,
        "conditions": _conditions(node.aspects),
    }


def _broken(rule: BrokenRule) -> dict[str, object]:
    return {
        "rule": rule.rule,
        "title": rule.title,
        "severity": str(rule.severity),
        "stride": list(rule.stride),
        "fix": rule.fix,
        "fail": list(rule.failing),
        "warn": list(rule.warned),
        "error": list(rule.undecided),
        "exempted": list(rule.exempted),
    }


def _exemption(exemption: Exemption, at: float) -> dict[str, object]:
    workload = exemption.workload
    return {
        "name": exemption.name,
        "namespace": exemption.namespace,
        "state": exemption.state(at).value,
        "ending": exemption.ending(at),
        "rules": sorted(exemption.rules),
        "workload": {"kind": workload.kind, "name": workload.name} if workload else None,
        "nodeSelector": None if exemption.node_selector is None else dict(exemption.node_selector),
        "containers": sorted(exemption.containers),
        "values": [{each.kind.value: each.text} for each in exemption.values],
        "reason": exemption.reason,
        "expires": moment(exemption.expires),
        "grantedBy": exemption.granted_by,
        "ticket": exemption.ticket,
        "owner": exemption.owner,
    }


def _conditions(aspects: Sequence[Aspect]) -> list[dict[str, str]]:
    return [
        {"type": each.type, "status": each.status, "reason": each.reason, "message": each.message} for each in aspects
    ]


def _moment(at: float | None) -> str | None:
    return None if at is None else moment(at)
