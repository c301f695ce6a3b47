"""Pages of a list that nobody keeps: bounded in bytes, whatever is in them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from crowds import create, create_namespaces, delete_all, pod
from localkube.api_server import ApiServer
from stridegate.kube.pods import identity_of, mirrors, read_pod, runs
from stridegate.kube.reader import find_way_in, reading

PODS = 24


@pytest.fixture
def heavy(api_server: ApiServer) -> Iterator[ApiServer]:
    """The server with pods as large as it takes them; a page of them all would have more than 16 MiB."""
    create_namespaces(api_server, "heavy")
    stuffed = {"containers": [{"name": "app", "args": ["x" * 900 * 1024]}]}
    create(api_server, [pod("heavy", f"heavy-{number:02}", spec=stuffed) for number in range(PODS)])
    yield api_server
    delete_all(api_server, "heavy")


@pytest.mark.api_server
def test_a_page_with_too_many_bytes_is_asked_for_in_smaller_ones(heavy: ApiServer) -> None:
    async def sizes() -> tuple[list[int], set[str]]:
        async with reading(find_way_in(heavy.kubeconfig)) as reader:
            pages = [page async for page in reader.pages("/api/v1/namespaces/heavy/pods", msgspec.Raw, size=100)]
        return [len(page) for page in pages], {identity_of(each)[1] for page in pages for each in page}

    found, names = asyncio.run(sizes())

    assert sum(found) == len(names) == PODS
    assert max(found) < PODS


def stored(**fields: Any) -> Any:  # noqa: ANN401 - a pod of structs
    document = {"metadata": {"name": "p", "namespace": "shop"}, **fields}
    return read_pod(msgspec.Raw(json.dumps(document).encode()))


@pytest.mark.parametrize(
    ("fields", "running"),
    [
        ({"status": {"phase": "Running"}}, True),
        ({"status": {"phase": "Running"}, "spec": {"nodeName": "n"}}, True),
        ({"status": {"phase": "Pending"}, "spec": {"nodeName": "n"}}, True),  # its init containers may run
        ({"status": {"phase": "Pending"}, "spec": {}}, False),
        ({"status": {}, "spec": {"nodeName": "n"}}, True),
        ({}, False),
        ({"status": {"phase": "Suspended"}}, True),  # nobody knows yet what that means
    ],
)
def test_what_is_on_a_node_runs_and_what_nobody_knows_does_too(fields: dict[str, Any], running: bool) -> None:
    assert runs(stored(**fields)) is running


MIRROR = {"kubernetes.io/config.mirror": "digest"}


def owner(kind: str, name: str) -> dict[str, Any]:
    return {"kind": kind, "name": name, "controller": True}


@pytest.mark.parametrize(
    ("metadata", "mirror"),
    [
        ({"annotations": MIRROR, "ownerReferences": [owner("Node", "n")]}, True),
        ({"annotations": MIRROR}, False),
        ({"annotations": {}, "ownerReferences": [owner("Node", "n")]}, False),
        ({"annotations": MIRROR, "ownerReferences": [owner("Node", "other")]}, False),
        ({"annotations": MIRROR, "ownerReferences": [owner("ReplicaSet", "n")]}, False),
        ({"annotations": MIRROR, "ownerReferences": [owner("Node", "n"), owner("ReplicaSet", "w")]}, False),
    ],
)
def test_a_mirror_pod_is_one_in_every_respect(metadata: dict[str, Any], mirror: bool) -> None:
    assert mirrors(stored(metadata=metadata, spec={"nodeName": "n"})) is mirror


def test_a_mirror_pod_is_on_a_node() -> None:
    metadata = {"annotations": MIRROR, "ownerReferences": [owner("Node", "")]}

    assert not mirrors(stored(metadata=metadata, spec={}))
