"""What a HardeningPolicy's status says, as a function of the policy and of the installation's state."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from stridegate.kube.objects import Json
from stridegate.kube.standings import Standing
from stridegate.model.policies import CANARY_NAMESPACE, LabelSelector, Policy
from stridegate.operator.canaries import Canary
from stridegate.operator.conditions import Condition
from stridegate.operator.installation import Health


class Type(enum.Enum):
    """The conditions of a policy; True is good for all of them."""

    READY = "Ready"
    SELECTOR_TRUSTED = "SelectorTrusted"
    ENFORCING = "Enforcing"


class Reason(enum.Enum):
    """Every reason that a condition of a policy can have."""

    COMPILED = "Compiled"
    INVALID = "Invalid"
    UNKNOWN_RULE = "UnknownRule"
    TRUSTED = "Trusted"
    EDITABLE_LABEL = "EditableLabel"
    ENFORCING = "Enforcing"
    NOT_ARMED = "NotArmed"
    CONFIGURATION_DRIFT = "ConfigurationDrift"
    CERTIFICATE_INVALID = "CertificateInvalid"
    CANARY_FAILED = "CanaryFailed"
    EXEMPTION_GUARD_MISSING = "ExemptionGuardMissing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the status of every policy depends on beside the policy.

    `guard` says why anybody may exempt from it, None where that takes the verb. `scope` is what the webhook is asked
    about at all.
    """

    health: Health
    canary: Canary | None
    guard: str | None
    namespaces: Mapping[str, Mapping[str, str]]
    scope: LabelSelector


def enforcing(health: Health, canary: Canary | None, guard: str | None) -> Condition:
    """Return whether the cluster refuses what policies deny; the first link that is broken gives the reason."""
    unarmed = health.unarmed
    if health.trial and canary is not None and canary.problem is not None:
        unarmed = f"{unarmed}: {canary.problem}"
    faults = (
        (Reason.NOT_ARMED, unarmed),
        (Reason.CONFIGURATION_DRIFT, health.drift),
        (Reason.CERTIFICATE_INVALID, health.certificate),
        (Reason.CANARY_FAILED, canary.problem if canary else "no dry-run has been made yet"),
        (Reason.EXEMPTION_GUARD_MISSING, guard),
    )
    for reason, problem in faults:
        if problem is not None:
            return Condition(type=Type.ENFORCING, met=False, reason=reason, message=problem)
    message = "a dry-run of a good pod is admitted and one of a bad pod refused"
    return Condition(type=Type.ENFORCING, met=True, reason=Reason.ENFORCING, message=message)


def ready(standing: Standing) -> Condition:
    """Return whether a policy is understood."""
    if standing.problem is not None:
        problem = f"{standing.problem}; {_consequence(standing)}"
        return Condition(type=Type.READY, met=False, reason=Reason.INVALID, message=problem)
    if standing.unknown_rules:
        unknown = f"the rest is enforced; there are no rules {', '.join(standing.unknown_rules)}"
        return Condition(type=Type.READY, met=False, reason=Reason.UNKNOWN_RULE, message=unknown)
    return Condition(type=Type.READY, met=True, reason=Reason.COMPILED, message="every field is understood")


def _consequence(standing: Standing) -> str:
    if standing.policy is None:
        return "nothing of it is in force, but a replica of the webhook that starts counts what is unclear as the strictest"
    if standing.generation:
        return f"generation {standing.generation} stays in force"
    return "what is unclear counts as the strictest it could mean"


def selector_trusted(policy: Policy) -> Condition:
    """Return whether those who may edit a namespace cannot take it out of the policy's reach."""
    if policy.selector.trusted:
        message = "it selects by kubernetes.io/metadata.name alone, or everything"
        return Condition(type=Type.SELECTOR_TRUSTED, met=True, reason=Reason.TRUSTED, message=message)
    message = "it selects by labels that whoever may edit a namespace can change"
    return Condition(type=Type.SELECTOR_TRUSTED, met=False, reason=Reason.EDITABLE_LABEL, message=message)


def status_of(standing: Standing, generation: int, facts: Facts) -> tuple[Json, tuple[Condition, ...]]:
    """Return the fields of a policy's status beside its conditions, and the conditions."""
    policy = standing.policy
    if policy is None:
        message = "nothing of this policy is in force"
        ignored = Condition(type=Type.ENFORCING, met=False, reason=Reason.INVALID, message=message)
        return {"observedGeneration": generation, "namespaces": 0}, (ready(standing), ignored)
    conditions = (ready(standing), selector_trusted(policy), enforcing(facts.health, facts.canary, facts.guard))
    return {"observedGeneration": generation, "namespaces": _count(policy, facts)}, conditions


def _count(policy: Policy, facts: Facts) -> int:
    """Count the namespaces that the policy selects, of those that the webhook judges; the canary's has a policy of its own."""
    return sum(
        name != CANARY_NAMESPACE and facts.scope.matches(labels) and policy.selector.matches(labels)
        for name, labels in facts.namespaces.items()
    )
