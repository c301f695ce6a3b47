"""Where scanners are Ready, as the operator follows it on a real API server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from accounts import kubeconfig
from localkube.api_server import ApiServer
from reported import SCANNER_NAMESPACE, apply, prepare, scanner_pod, tell_of_scanner
from stridegate.kube.reader import find_way_in, reading
from stridegate.operator.scanners import Scanners

pytestmark = pytest.mark.api_server

Step = Callable[[], object]


@pytest.fixture(scope="module")
def server(api_server: ApiServer) -> ApiServer:
    prepare(api_server)
    return api_server


def followed(path: Path, *steps: Step, patience: float = 20) -> list[tuple[bool, set[str]]]:
    """Return what is known after each step, as soon as something new is; `path` is a kubeconfig."""

    async def follow() -> list[tuple[bool, set[str]]]:
        scanners, news, known = Scanners(), asyncio.Event(), []
        async with reading(find_way_in(path)) as reader:
            task = asyncio.create_task(scanners.keep(reader, news.set))
            for step in (None, *steps):
                if step is not None:
                    await asyncio.to_thread(step)
                with suppress(TimeoutError):
                    await asyncio.wait_for(news.wait(), patience)
                news.clear()
                known.append((scanners.current, {each for each in scanners.nodes() if each.startswith("followed")}))
            task.cancel()
            await asyncio.wait({task})
        # aiohttp closes what a session had open a moment after the session.
        await asyncio.sleep(0.2)
        return known

    return asyncio.run(follow())


def test_a_scanner_counts_from_when_it_is_ready_until_it_is_not(server: ApiServer) -> None:
    apply(server, scanner_pod("followed1"), scanner_pod("followed2"))
    tell_of_scanner(server, "followed1")

    known = followed(
        server.kubeconfig,
        lambda: tell_of_scanner(server, "followed2"),
        lambda: tell_of_scanner(server, "followed1", ready=False),
        lambda: server.kubectl(
            "--namespace", SCANNER_NAMESPACE, "delete", "pod", "scanner-followed2", "--grace-period=0", "--force"
        ),
    )

    assert known == [
        (True, {"followed1"}),
        (True, {"followed1", "followed2"}),
        (True, {"followed2"}),
        (True, set()),
    ]


def test_a_pod_beside_the_scanners_is_none(server: ApiServer) -> None:
    stranger = scanner_pod("followed3")
    stranger["metadata"]["labels"] = {"app.kubernetes.io/name": "something-else"}
    apply(server, stranger)
    tell_of_scanner(server, "followed3")

    assert followed(server.kubeconfig) == [(True, set())]


def test_whoever_may_not_follow_them_knows_nothing(server: ApiServer) -> None:
    path = kubeconfig(server, server.state_dir / "unscanned.kubeconfig", SCANNER_NAMESPACE, "stridegate-scanner")

    assert followed(path, patience=2) == [(False, set())]
