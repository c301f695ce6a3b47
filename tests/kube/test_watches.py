"""Following what changes, on a real API server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

import msgspec
import pytest

from localkube.api_server import ApiServer
from stridegate.kube.errors import Refused
from stridegate.kube.reader import find_way_in, reading
from stridegate.kube.watches import Change, changes

pytestmark = pytest.mark.api_server

NAMESPACE: Final = "watched"
CONFIGURATION: Final = f"/api/v1/namespaces/{NAMESPACE}/configmaps"


@pytest.fixture(scope="module")
def server(api_server: ApiServer) -> ApiServer:
    api_server.kubectl("create", "namespace", NAMESPACE)
    return api_server


async def first(seen: AsyncGenerator[tuple[Change, msgspec.Raw], None], count: int) -> list[tuple[str, str]]:
    """Return the first changes that a watch sees of the objects that tests make, with their names."""
    found: list[tuple[str, str]] = []
    async with aclosing(seen) as changed:
        async for change, raw in changed:
            name = msgspec.json.decode(raw)["metadata"]["name"]
            if name.startswith("test-"):
                found.append((change.value, name))
            if len(found) == count:
                break
    return found


def test_what_was_missed_since_a_revision_is_told_and_then_what_comes(server: ApiServer) -> None:
    async def watch() -> list[tuple[str, str]]:
        async with reading(find_way_in(server.kubeconfig)) as reader:
            revision = await reader.revision(CONFIGURATION)
            server.kubectl("-n", NAMESPACE, "create", "configmap", "test-missed")
            told = asyncio.create_task(first(changes(reader, CONFIGURATION, revision), 4))
            await asyncio.to_thread(server.kubectl, "-n", NAMESPACE, "create", "configmap", "test-later")
            await asyncio.to_thread(server.kubectl, "-n", NAMESPACE, "label", "configmap", "test-later", "a=b")
            await asyncio.to_thread(server.kubectl, "-n", NAMESPACE, "delete", "configmap", "test-missed")
            return await asyncio.wait_for(told, 30)

    assert asyncio.run(watch()) == [
        ("ADDED", "test-missed"),
        ("ADDED", "test-later"),
        ("MODIFIED", "test-later"),
        ("DELETED", "test-missed"),
    ]


def test_what_the_api_server_refuses_is_said(server: ApiServer) -> None:
    async def watch() -> None:
        async with reading(find_way_in(server.kubeconfig)) as reader:
            await first(changes(reader, CONFIGURATION, "no revision"), 1)

    with pytest.raises(Refused, match="no revision"):
        asyncio.run(watch())
