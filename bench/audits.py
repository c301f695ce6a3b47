"""The background audit alone: what judging pods costs, and what a walk through thousands of them keeps, without the API server.

`PYTHONPATH=.:controller python -m bench.audits` prints one line per case.
"""

from __future__ import annotations

import asyncio
import json
import time
import tracemalloc
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import cast

import msgspec

from bench.reviews import NAMESPACE, Scenario, pod
from stridegate.engine.catalogue import POD_RULES
from stridegate.kube.reader import Reader
from stridegate.model.policies import IMMUTABLE_LABEL, LabelSelector, Policy
from stridegate.model.vocabulary import Action, Patching, Profile
from stridegate.operator.audits import Audit
from stridegate.operator.walks import Ground, Pace, Walk

_PACE = Pace(pause=0, share=1)
_TIMED, _KEPT = 1000, 5000


@dataclass(frozen=True, slots=True)
class Case:
    """What is audited: how the pods look, and by how many policies of which kind."""

    title: str
    scenario: Scenario
    policies: int = 1
    patching: Patching = Patching.NONE


CASES = (
    Case("clean pods, one policy", Scenario.CLEAN),
    Case("clean pods, 200 policies", Scenario.CLEAN, policies=200),
    Case("refused pods, one policy", Scenario.REFUSED),
    Case("careless pods, one policy that patches", Scenario.CARELESS, patching=Patching.SAFE),
    Case("careless pods, 5 policies that patch", Scenario.CARELESS, policies=5, patching=Patching.SAFE),
    Case("careless pods, 200 policies that patch", Scenario.CARELESS, policies=200, patching=Patching.SAFE),
)


class _Pages:
    """Pods a page at a time, made as they are asked for: every one a workload of its own."""

    def __init__(self, scenario: Scenario, pods: int) -> None:
        self._scenario = scenario
        self._pods = pods

    async def pages(self, _: str, __: type, *, size: int, fields: str) -> AsyncIterator[tuple[msgspec.Raw, ...]]:
        """Yield the pods."""
        assert fields
        for first in range(0, self._pods, size):
            yield tuple(self._stored(number) for number in range(first, min(first + size, self._pods)))

    def _stored(self, number: int) -> msgspec.Raw:
        made = pod(self._scenario, number)
        made["metadata"].pop("ownerReferences", None)
        made["spec"]["nodeName"] = "node1"
        return msgspec.Raw(json.dumps(made | {"status": {"phase": "Running"}}).encode())


def _walk(case: Case, pods: int) -> Audit:
    labels: Mapping[str, str] = {IMMUTABLE_LABEL: NAMESPACE}
    policies = tuple(
        # Some of them differ in what they do with a rule, as policies of teams do.
        Policy(
            name=f"policy-{number:03}",
            profile=Profile.HARDENED,
            action=Action.DENY if number % 2 else Action.WARN,
            patching=case.patching,
        )
        for number in range(case.policies)
    )
    ground = Ground(policies=policies, granted={}, namespaces=lambda: {NAMESPACE: labels}, scope=LabelSelector())
    walk = Walk(ground, POD_RULES, lambda: None, _PACE)
    return asyncio.run(walk.through(cast("Reader", _Pages(case.scenario, pods))))


def main() -> None:
    """Print what each case costs: processor time per 1,000 pods, and what 5,000 leave behind."""
    for case in CASES:
        _walk(case, 10)
        pages = _Pages(case.scenario, _TIMED)
        began = time.process_time()
        asyncio.run(_made(pages))
        making, began = time.process_time() - began, time.process_time()
        audit = _walk(case, _TIMED)
        spent = time.process_time() - began - making
        counted = sum(each.would_deny for each in audit.policies.values())
        print(f"{case.title:42} {spent * 1000:7.0f} ms per 1,000 pods, {counted} refusals")
    for case in CASES[2:3]:
        tracemalloc.start()
        audit = _walk(case, _KEPT)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        print(f"{case.title:42} {peak / 2**20:7.1f} MiB at most for {_KEPT} pods in trouble, pages included")


async def _made(pages: _Pages) -> None:
    async for _ in pages.pages("", object, size=_PACE.page, fields="any"):
        pass


if __name__ == "__main__":
    main()
