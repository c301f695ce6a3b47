"""When pods are walked through, and what is said of policies meanwhile."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
from aiohttp import web
from prometheus_client import generate_latest

from crowds import PRIVILEGED, pod
from standing_by import Leases
from stridegate.engine.catalogue import POD_RULES, RULES
from stridegate.kube.cluster import Cluster
from stridegate.kube.objects import ListMetadata, ObjectList
from stridegate.kube.reader import Reader, WayIn, reading
from stridegate.model.policies import LabelSelector
from stridegate.operator.audits import Audited
from stridegate.operator.leases import Leadership
from stridegate.operator.metrics import Metrics
from stridegate.operator.mirrors import Mirror, Mirrors
from stridegate.operator.reporting import PolicyBook
from stridegate.operator.rounds import Rounds
from stridegate.operator.walks import Pace

NAMESPACE = {"metadata": {"name": "shop", "uid": "n", "resourceVersion": "1", "labels": {}}}


def policy(revision: int, profile: str = "baseline") -> dict[str, Any]:
    metadata = {"name": "p", "uid": "p", "generation": revision, "resourceVersion": str(revision)}
    return {"metadata": metadata, "spec": {"profile": profile, "action": "warn"}}


class World:
    """One privileged pod, one policy, and the rounds of the active replica."""

    def __init__(self, *, active: bool = True) -> None:
        self.walks = 0
        self.answering = True
        self.meanwhile: Callable[[], None] = lambda: None
        self.mirrors = Mirrors(
            policies=Mirror(lambda _, each: each),
            exemptions=Mirror(lambda _, each: each),
            namespaces=Mirror(lambda metadata, _: metadata.labels or {}),
        )
        for mirror, objects in (
            (self.mirrors.policies, [policy(2)]),
            (self.mirrors.exemptions, []),
            (self.mirrors.namespaces, [NAMESPACE]),
        ):
            mirror.replace(ObjectList(metadata=ListMetadata(resource_version="2"), items=cast("Any", objects)))
        self.metrics = Metrics("abc")
        self.book = PolicyBook(RULES)
        leadership = Leadership(cast("Cluster", Leases()), "home", "first", time.monotonic)
        if active:
            leadership.renew(dt.datetime.now(dt.UTC))
        self.rounds = Rounds(
            leadership=leadership,
            mirrors=self.mirrors,
            book=self.book,
            rules=POD_RULES,
            scope=LabelSelector(),
            metrics=self.metrics,
            pace=Pace(interval=3600, floor=0, gathering=0, pause=0),
        )

    def change(self, revision: int, profile: str) -> None:
        """Change the policy, as a watch tells of it."""
        self.mirrors.policies.observe(policy(revision, profile))
        self.rounds.policies_changed()

    def audited(self) -> Audited | None:
        (reported,) = self.book.read(self.mirrors.policies.items())
        return self.rounds.audited(reported)

    def metric(self, line: str) -> bool:
        return line in generate_latest(self.metrics.registry).decode().splitlines()

    @asynccontextmanager
    async def reader(self) -> AsyncIterator[Reader]:
        async def answer(_: web.Request) -> web.Response:
            self.walks += 1
            self.meanwhile()
            if not self.answering:
                return web.json_response({"message": "down"}, status=503)
            return web.json_response({"metadata": {}, "items": [pod("shop", "bad", spec=PRIVILEGED)]})

        application = web.Application()
        application.router.add_get("/api/v1/pods", answer)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            async with reading(WayIn(server=f"http://127.0.0.1:{runner.addresses[0][1]}")) as reader:
                yield reader
        finally:
            await runner.cleanup()


def run(world: World, act: Callable[[asyncio.Event], Any]) -> None:
    """Keep the rounds while something is done; it is given an event that each completed walk sets."""

    async def through() -> None:
        told = asyncio.Event()
        async with world.reader() as reader, asyncio.TaskGroup() as tasks:
            keeping = tasks.create_task(world.rounds.keep(reader, told.set))
            await act(told)
            keeping.cancel()

    asyncio.run(asyncio.wait_for(through(), 30))


async def next_walk(told: asyncio.Event) -> None:
    await told.wait()
    told.clear()


async def failed(world: World) -> None:
    while not world.metric("stridegate_audit_errors_total 1.0"):  # noqa: ASYNC110 - a failure is told by the metric alone
        await asyncio.sleep(0.01)


def test_the_active_replica_walks_soon_and_then_not_until_something_changes() -> None:
    world = World()

    async def act(told: asyncio.Event) -> None:
        await next_walk(told)
        # Namespaces come and go, and policies are listed again: nothing that asks for an audit.
        world.rounds.policies_changed()
        await asyncio.sleep(0.1)

    run(world, act)

    audited = world.audited()
    assert audited is not None
    assert (audited.would_deny, audited.survivors, world.walks) == (1, 0, 1)


def test_a_policy_that_changes_is_audited_again() -> None:
    world = World()

    async def act(told: asyncio.Event) -> None:
        await next_walk(told)
        world.change(3, "hardened")
        await next_walk(told)

    run(world, act)

    audited = world.audited()
    assert audited is not None
    assert len(audited.worst[0].rules) >= 1
    assert world.walks == 2


def test_nothing_is_said_of_a_policy_that_changed_during_the_walk_until_the_next() -> None:
    world, between = World(), []

    def change() -> None:
        world.meanwhile = lambda: None
        world.change(3, "hardened")

    world.meanwhile = change

    async def act(told: asyncio.Event) -> None:
        await next_walk(told)
        between.append(world.audited())
        await next_walk(told)

    run(world, act)

    assert between == [None]
    assert world.audited() is not None


def test_a_walk_that_fails_leaves_the_numbers_of_the_one_before(caplog: pytest.LogCaptureFixture) -> None:
    world = World()

    async def act(told: asyncio.Event) -> None:
        await next_walk(told)
        world.answering = False
        world.rounds.wake()
        await failed(world)

    run(world, act)

    assert world.audited() is not None
    assert world.metric('stridegate_audit_would_deny{policy="p"} 1.0')
    assert "the audit ended after 0 pods, and earlier numbers stay" in caplog.text


def test_a_standby_walks_through_nothing() -> None:
    world = World(active=False)

    async def act(_: asyncio.Event) -> None:
        world.rounds.wake()
        await asyncio.sleep(0.2)

    run(world, act)

    assert world.walks == 0
