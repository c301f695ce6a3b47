"""Exemptions in hand, and what they let a pod do, for the tests of several rooms."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from specimens import HERE, laid_over, policy, regime, slugs, view
from stridegate.engine.decide import Circumstances, decide
from stridegate.engine.evaluate import evaluate
from stridegate.engine.examples import JsonMap
from stridegate.engine.exemptions import compile_exemptions, leave
from stridegate.engine.policies import Regime
from stridegate.model.exemptions import ExemptedValue, Exemption
from stridegate.model.findings import Decision
from stridegate.model.policies import Workload
from stridegate.model.views import PodView
from stridegate.model.vocabulary import ValueKind

DAY = 24 * 3600.0
CREATED = 1_800_000_000.0
EXPIRES = CREATED + 30 * DAY
NOW = CREATED + DAY


def exemption(name: str = "web-vpn", *rules: str, **fields: Any) -> Exemption:  # noqa: ANN401 - whatever an exemption has
    """Return an exemption of the pod that most tests judge, for these rules, which is in force."""
    little: dict[str, Any] = {
        "namespace": HERE.namespace,
        "workload": HERE.workload,
        "reason": "VPN sidecar until the mesh is in",
        "created": CREATED,
        "expires": EXPIRES,
        "granted_by": "alice",
    }
    return Exemption(name=name, rules=frozenset(rules), **{**little, **fields})


def values(**written: str) -> tuple[ExemptedValue, ...]:
    """Return values of exemptions, by their kinds."""
    return tuple(ExemptedValue(ValueKind(kind), text) for kind, text in written.items())


def let_off(
    exemptions: Iterable[Exemption],
    pod: PodView,
    *,
    now: float = NOW,
    circumstances: Circumstances = HERE,
    known_as: tuple[Workload, ...] = (),
) -> Circumstances:
    """Return circumstances with what exemptions let a pod do in them."""
    granted = compile_exemptions(exemptions).get(circumstances.namespace, {})
    return replace(circumstances, leave=leave(granted, known_as or (circumstances.workload,), pod, now))


ASKED = regime(policy())


def decided(
    pod: JsonMap,
    *exemptions: Exemption,
    now: float = NOW,
    asked: Regime = ASKED,
    where: Circumstances = HERE,
    named: tuple[Workload, ...] = (),
) -> Decision:
    """Return what is decided about a pod where these exemptions were granted."""
    subject = view(pod)
    circumstances = let_off(exemptions, subject, now=now, circumstances=where, known_as=named)
    return decide(asked, evaluate(asked.questions, subject), circumstances)


def taken(decision: Decision) -> set[str]:
    """Return the rules whose findings are exempted."""
    return slugs(each.ruling.finding for each in decision.exempted)


def standing(decision: Decision) -> set[str]:
    """Return the rules whose findings stand."""
    return slugs(each.finding for each in decision.denied + decision.warned + decision.audited)


def container(written: str, more: str = "") -> JsonMap:
    """Return a pod whose container has something more, and which has something more itself."""
    return laid_over(f"containers: [{{name: app, {written}}}]\n{more}")


NET_ADMIN = container("securityContext: {capabilities: {add: [NET_ADMIN]}}", "hostPID: true")
CAPABILITY = "dangerous-capability"
