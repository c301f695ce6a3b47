"""A walk through thousands of pods on a real API server: each is seen once, and told apart by whom it belongs to."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import web

from crowds import PRIVILEGED, create, create_namespaces, owned, pod, report_phase, security
from leaves import exemption
from localkube.api_server import ApiServer
from operated import eventually
from stridegate.engine.catalogue import POD_RULES
from stridegate.engine.exemptions import compile_exemptions
from stridegate.kube.errors import Expired, NotFound
from stridegate.kube.pods import NOT_ENDED, PODS, ListedPod
from stridegate.kube.reader import WayIn, find_way_in, reading
from stridegate.kube.shapes import shape_of
from stridegate.model.exemptions import Exemption
from stridegate.model.policies import LabelSelector, Operator, Policy, Requirement, Workload
from stridegate.model.vocabulary import Action, Patching, Profile
from stridegate.operator.audits import Audit, State
from stridegate.operator.errors import NotActive
from stridegate.operator.walks import Ground, Pace, Walk

pytestmark = pytest.mark.api_server

CLEAN = 2000
SCOPE = LabelSelector((Requirement("kubernetes.io/metadata.name", Operator.NOT_IN, frozenset({"kube-system"})),))
POLICY = Policy(name="p", profile=Profile.HARDENED, action=Action.WARN)
MIRRORED: dict[str, Any] = {
    "annotations": {"kubernetes.io/config.mirror": "digest", "kubernetes.io/config.source": "file"},
    "ownerReferences": [{"apiVersion": "v1", "kind": "Node", "name": "node1", "uid": "n", "controller": True}],
}
IN_TROUBLE = [
    pod("depot", "web-5d4-a", spec=PRIVILEGED, **owned("ReplicaSet", "web-5d4", **{"pod-template-hash": "5d4"})),
    pod("depot", "web-5d4-b", spec=PRIVILEGED, **owned("ReplicaSet", "web-5d4", **{"pod-template-hash": "5d4"})),
    pod("depot", "web-77f-a", spec=PRIVILEGED, **owned("ReplicaSet", "web-77f", **{"pod-template-hash": "77f"})),
    pod("depot", "night-28-x", spec=PRIVILEGED, **owned("Job", "night-28")),
    pod("depot", "once", spec=security(readOnlyRootFilesystem=None)),
    pod("shop", "web-5d4-a", spec=PRIVILEGED, **owned("ReplicaSet", "web-5d4", **{"pod-template-hash": "5d4"})),
    pod("shop", "disguised", spec=PRIVILEGED, annotations={"kubernetes.io/config.mirror": "digest"}),
    # What was nowhere, is out of reach, and has ended.
    pod("shop", "waiting", spec=PRIVILEGED, node=""),
    pod("kube-system", "network", spec=PRIVILEGED),
    pod("kube-system", "etcd-node1", spec={"hostNetwork": True}, **MIRRORED),
    pod("shop", "done", spec=PRIVILEGED),
    pod("shop", "failed", spec=PRIVILEGED),
]
SEEN = CLEAN + len(IN_TROUBLE) - 2


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """A server with thousands of pods that forgets old revisions quickly."""
    folder = tmp_path_factory.mktemp("crowded")
    with ApiServer(state_dir=folder, flags=["--etcd-compaction-interval=1s"]) as server:
        create_namespaces(server, "depot", "shop", "warehouse")
        create(server, [pod("warehouse", f"clean-{number}") for number in range(CLEAN)])
        create(server, IN_TROUBLE)
        report_phase(server, "shop", ["done"], "Succeeded")
        report_phase(server, "shop", ["failed"], "Failed")
        report_phase(server, "depot", ["web-5d4-a"], "Running")
        yield server


def labels_of(*names: str) -> dict[str, Mapping[str, str]]:
    return {name: {"kubernetes.io/metadata.name": name} for name in names}


NAMESPACES = labels_of("depot", "shop", "warehouse", "kube-system", "default")


def walk(
    way_in: WayIn,
    *policies: Policy,
    namespaces: Mapping[str, Mapping[str, str]] = NAMESPACES,
    exemptions: Iterable[Exemption] = (),
    page: int = 250,
    carry_on: Callable[[], None] = lambda: None,
) -> Audit:
    """Walk through all pods once, without a pause."""

    async def through() -> Audit:
        ground = Ground(
            policies=policies or (POLICY,),
            granted=compile_exemptions(exemptions),
            namespaces=lambda: namespaces,
            scope=SCOPE,
        )
        async with reading(way_in) as reader:
            return await Walk(ground, POD_RULES, carry_on, Pace(page=page, pause=0, share=1)).through(reader)

    return asyncio.run(through())


def worst(audit: Audit, policy: str = "p") -> list[tuple[str, str, str]]:
    offenders = audit.policies[policy].worst
    return [(each.namespace, each.workload.kind, each.workload.name) for each in offenders]


TROUBLED = [
    ("depot", "CronJob", "night"),
    ("depot", "Deployment", "web"),
    ("shop", "Deployment", "web"),
    ("shop", "Pod", "disguised"),
    ("depot", "Pod", "once"),
]


def test_workloads_are_counted_and_not_their_pods(crowded: ApiServer) -> None:
    audit = walk(find_way_in(crowded.kubeconfig))

    assert worst(audit) == TROUBLED
    assert (audit.policies["p"].would_deny, audit.policies["p"].survivors) == (5, 0)
    assert audit.pods == {State.JUDGED: CLEAN + 7, State.WAITING: 1, State.UNSCOPED: 1, State.MIRROR: 1}


def test_pages_of_any_size_come_to_the_same(crowded: ApiServer) -> None:
    way_in = find_way_in(crowded.kubeconfig)

    audit = walk(way_in, page=71)

    assert replace(audit, at=(whole := walk(way_in, page=5000)).at, policies={}) == replace(whole, policies={})
    assert worst(audit) == worst(whole)


def test_a_mirror_pod_counts_as_findings_alone(crowded: ApiServer) -> None:
    audit = walk(find_way_in(crowded.kubeconfig))

    assert ("kube-system", "host-network") in audit.mirrored
    assert {namespace for namespace, _ in audit.mirrored} == {"kube-system"}
    # The one that only says so is a pod like any other; the one that waits is no pod that runs.
    assert audit.findings["privileged-container"] == 6


def test_each_policy_counts_where_it_selects_alone(crowded: ApiServer) -> None:
    shop = LabelSelector((Requirement("kubernetes.io/metadata.name", Operator.IN, frozenset({"shop"})),))
    denying = Policy(name="denying", profile=Profile.BASELINE, action=Action.DENY, selector=shop)
    healing = Policy(name="healing", profile=Profile.HARDENED, action=Action.WARN, patching=Patching.ALL)
    auditing = Policy(name="auditing", profile=Profile.HARDENED, action=Action.AUDIT)

    audit = walk(find_way_in(crowded.kubeconfig), denying, healing, auditing)

    numbers = {name: (each.would_deny, each.survivors) for name, each in audit.policies.items()}
    # What only lacks the read-only root filesystem would be patched.
    assert numbers == {"denying": (2, 2), "healing": (4, 0), "auditing": (0, 0)}
    assert worst(audit, "denying") == [("shop", "Deployment", "web"), ("shop", "Pod", "disguised")]


def test_without_a_policy_the_baseline_is_looked_for_and_nothing_refused(crowded: ApiServer) -> None:
    nowhere = replace(POLICY, selector=LabelSelector((Requirement("tier", Operator.EXISTS),)))

    audit = walk(find_way_in(crowded.kubeconfig), nowhere)

    advisory = {slug for slug, rule in POD_RULES.items() if rule.profile is Profile.ADVISORY}
    assert {slug: pods for slug, pods in audit.findings.items() if slug not in advisory} == {"privileged-container": 6}
    assert audit.policies["p"].would_deny == 0


def test_what_an_exemption_takes_from_a_workload_counts_as_its_use_and_not_against_it(crowded: ApiServer) -> None:
    now = time.time()
    lasting: dict[str, Any] = {"namespace": "depot", "created": now - 60, "expires": now + 3600}
    web, night = Workload("Deployment", "web"), Workload("CronJob", "night")
    exemptions = (
        exemption("web", *POD_RULES, workload=web, containers=frozenset({"app", "vpn"}), **lasting),
        exemption("night", *POD_RULES, workload=night, **(lasting | {"expires": now - 1})),
        exemption("elsewhere", *POD_RULES, workload=web, **(lasting | {"namespace": "warehouse"})),
    )

    audit = walk(find_way_in(crowded.kubeconfig), exemptions=exemptions)

    assert worst(audit) == [each for each in TROUBLED if each != ("depot", "Deployment", "web")]
    assert set(audit.uses) == {("depot", "web")}
    assert "privileged-container" in audit.uses["depot", "web"].rules
    assert audit.uses["depot", "web"].containers == {"app"}


def test_pods_in_a_namespace_that_is_not_known_yet_are_told_apart(crowded: ApiServer) -> None:
    audit = walk(find_way_in(crowded.kubeconfig), namespaces=labels_of("depot", "warehouse", "kube-system"))

    assert audit.pods[State.UNKNOWN_NAMESPACE] == 3
    assert audit.policies["p"].would_deny == 3


def test_a_walk_ends_where_its_replica_is_no_longer_the_active_one(crowded: ApiServer) -> None:
    pages = 0

    def carry_on() -> None:
        nonlocal pages
        pages += 1
        if pages == 3:
            raise NotActive("first")

    with pytest.raises(NotActive):
        walk(find_way_in(crowded.kubeconfig), carry_on=carry_on)

    assert pages == 3


def test_a_kind_that_is_not_served_is_an_error(crowded: ApiServer) -> None:
    async def through() -> None:
        async with reading(find_way_in(crowded.kubeconfig)) as reader:
            async for _ in reader.pages("/api/v1/pots", msgspec.Raw):
                raise AssertionError("a page of nothing")

    with pytest.raises(NotFound):
        asyncio.run(through())


def aged(token: str) -> str:
    """Return a token to go on with as it would be of the cluster's second revision, which no server remembers."""
    fields = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    if fields["rv"] > 0:
        fields["rv"] = 2
    return base64.urlsafe_b64encode(json.dumps(fields).encode()).decode().rstrip("=")


@asynccontextmanager
async def forgetful(way_in: WayIn, answers: list[int], *, offering: bool = True) -> AsyncIterator[WayIn]:
    """A way to the same server through one that ages every token; `answers` takes the status codes."""
    connector = aiohttp.TCPConnector(ssl=way_in.context())
    async with aiohttp.ClientSession(connector=connector) as session:

        async def forward(request: web.Request) -> web.Response:
            query = dict(request.query)
            if "continue" in query:
                query["continue"] = aged(query["continue"])
            async with session.get(way_in.server + request.path, params=query) as answer:
                answers.append(answer.status)
                body = await answer.json()
            if answer.status == 410 and not offering:
                body["metadata"] = {}
            return web.json_response(body, status=answer.status)

        application = web.Application(client_max_size=0)
        application.router.add_get("/{path:.*}", forward)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield WayIn(server=f"http://127.0.0.1:{runner.addresses[0][1]}")
        finally:
            await runner.cleanup()


async def names_of(way_in: WayIn, size: int) -> list[str]:
    async with reading(way_in) as reader:
        pages = reader.pages(PODS, shape_of(ListedPod), size=size, fields=NOT_ENDED)
        return [
            f"{each.metadata.namespace}/{each.metadata.name}" async for page in pages for each in page if each.metadata
        ]


def test_pages_that_expire_go_on_as_the_server_offers_and_no_pod_is_told_twice(crowded: ApiServer) -> None:
    answers: list[int] = []

    async def listed() -> list[str]:
        async with forgetful(find_way_in(crowded.kubeconfig), answers) as way_in:
            return await names_of(way_in, 1000)

    def expired() -> list[str] | None:
        # The server forgets its second revision within some seconds.
        names = asyncio.run(listed())
        return names if 410 in answers else None

    names = eventually(expired)

    assert len(names) == len(set(names)) == SEEN


def test_pages_that_expire_without_an_offer_are_an_error(crowded: ApiServer) -> None:
    answers: list[int] = []

    async def listed() -> list[str]:
        async with forgetful(find_way_in(crowded.kubeconfig), answers, offering=False) as way_in:
            return await names_of(way_in, 1000)

    def expired() -> bool:
        try:
            asyncio.run(listed())
        except Expired as error:
            return error.code == 410
        return False

    assert eventually(expired)


def test_the_runs_of_a_cron_job_are_one_workload_and_say_what_it_breaks(crowded: ApiServer) -> None:
    audit = walk(find_way_in(crowded.kubeconfig))

    (cron,) = [each for each in audit.policies["p"].worst if each.workload == Workload("CronJob", "night")]
    assert cron.rules[0] == "privileged-container"
