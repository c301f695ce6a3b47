"""Walking through all running pods: page by page, at a pace that leaves the processor and the API server to others."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from stridegate.engine.audit import Plan, appraise, plan
from stridegate.engine.decide import Circumstances
from stridegate.engine.exemptions import Granted, leave
from stridegate.engine.policies import Claim, compile_policy
from stridegate.engine.workloads import known_as, workload_of
from stridegate.kube.pods import NOT_ENDED, PODS, ListedPod, identity_of, mirrors, read_pod, runs
from stridegate.kube.reader import Reader
from stridegate.kube.shapes import UNDECODABLE
from stridegate.model.policies import CANARY_NAMESPACE, DEFAULT_POLICY, LabelSelector, Policy
from stridegate.model.rules import PodRule
from stridegate.model.settings import Setting
from stridegate.model.views import PodView
from stridegate.operator.audits import Audit, State, Tally

# Seconds of judging after which others have their turn.
_TURN = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often and in which steps pods are walked through; times are in seconds.

    `interval` is from the start of a walk to the next start, `floor` at least from its end to the next start, `gathering`
    from a change to the walk that it asks for, and `pause` at least between two pages. `page` is the pods of one: with
    everything that the API server tells of 250 pods, two to four megabytes. `share` is what a walk takes of one
    processor at most.
    """

    interval: float = 600.0
    floor: float = 15.0
    gathering: float = 2.0
    pause: float = 0.2
    page: int = 250
    share: float = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What a walk judges by: policies and exemptions in force, namespaces by their labels as they are, the webhook's scope."""

    policies: tuple[Policy, ...]
    granted: Mapping[str, Granted]
    namespaces: Callable[[], Mapping[str, Mapping[str, str]]]
    scope: LabelSelector


class Walk:
    """One walk through all pods. `rules` are the catalogue, `carry_on` raises where the walk is to end."""

    def __init__(self, ground: Ground, rules: Mapping[str, PodRule], carry_on: Callable[[], None], pace: Pace) -> None:
        self._ground = ground
        self._carry_on = carry_on
        self._pace = pace
        self._compiled = {each.name: compile_policy(each, rules.values()) for each in ground.policies}
        self._default = compile_policy(DEFAULT_POLICY, rules.values())
        self._plans: dict[tuple[str, ...], Plan] = {}
        self._tally = Tally(self._compiled, {slug: rule.severity for slug, rule in rules.items()})

    @property
    def pods(self) -> int:
        """How many pods the walk has come across."""
        return self._tally.pods

    async def through(self, reader: Reader) -> Audit:
        """Walk through all pods. Raises KubeError where a page cannot be had, and what `carry_on` raises."""
        async for page in reader.pages(PODS, msgspec.Raw, size=self._pace.page, fields=NOT_ENDED):
            self._carry_on()
            spent = await self._judge_all(page)
            await asyncio.sleep(max(self._pace.pause, spent * (1 / self._pace.share - 1)))
        return self._tally.audit(dt.datetime.now(dt.UTC))

    async def _judge_all(self, page: tuple[msgspec.Raw, ...]) -> float:
        """Judge the pods of a page; return the seconds that it took of the processor."""
        namespaces, now = self._ground.namespaces(), time.time()
        spent, began = 0.0, time.perf_counter()
        for raw in page:
            self._judge(raw, namespaces, now)
            turn = time.perf_counter() - began
            if turn > _TURN:
                spent += turn
                await asyncio.sleep(0)
                began = time.perf_counter()
        return spent + time.perf_counter() - began

    def _judge(self, raw: msgspec.Raw, namespaces: Mapping[str, Mapping[str, str]], now: float) -> None:
        try:
            pod = read_pod(raw)
        except UNDECODABLE:
            self._tally.count(State.UNREADABLE)
            self._take_unreadable(raw, namespaces)
            return
        namespace = (pod.metadata.namespace if pod.metadata else None) or ""
        labels = namespaces.get(namespace)
        state = self._state(pod, namespace, labels)
        self._tally.count(state)
        if labels is None or state not in {State.JUDGED, State.MIRROR}:
            return
        mirror = state is State.MIRROR
        view = PodView(pod, (), Setting(namespace=namespace, creating=False, mirror=mirror))
        circumstances = self._circumstances(view, now)
        appraisal = appraise(self._plan(labels), view, circumstances)
        if mirror:
            self._tally.take_mirror(namespace, appraisal)
        else:
            self._tally.take(namespace, circumstances.workload, appraisal)

    def _circumstances(self, pod: PodView, now: float) -> Circumstances:
        setting = pod.setting
        workload = workload_of(pod.metadata)
        granted = self._ground.granted.get(setting.namespace)
        return Circumstances(
            namespace=setting.namespace,
            workload=workload,
            mirror=setting.mirror,
            leave=leave(granted, known_as(workload, pod.metadata), pod, now) if granted else None,
        )

    def _state(self, pod: ListedPod, namespace: str, labels: Mapping[str, str] | None) -> State:
        if labels is None:
            return State.UNKNOWN_NAMESPACE
        if mirrors(pod):
            return State.MIRROR
        if not self._in_scope(namespace, labels):
            return State.UNSCOPED
        return State.JUDGED if runs(pod) else State.WAITING

    def _in_scope(self, namespace: str, labels: Mapping[str, str]) -> bool:
        return namespace != CANARY_NAMESPACE and self._ground.scope.matches(labels)

    def _take_unreadable(self, raw: msgspec.Raw, namespaces: Mapping[str, Mapping[str, str]]) -> None:
        try:
            namespace, name = identity_of(raw)
        except UNDECODABLE:
            return
        labels = namespaces.get(namespace)
        if labels is not None and self._in_scope(namespace, labels):
            self._tally.take_unreadable(namespace, name, self._selecting(labels))

    def _selecting(self, labels: Mapping[str, str]) -> tuple[str, ...]:
        return tuple(each.name for each in self._ground.policies if each.selector.matches(labels))

    def _plan(self, labels: Mapping[str, str]) -> Plan:
        names = self._selecting(labels)
        if names not in self._plans:
            chosen: dict[str, tuple[Claim, ...]] = {name: self._compiled[name] for name in names}
            self._plans[names] = plan(chosen or {DEFAULT_POLICY.name: self._default})
        return self._plans[names]
