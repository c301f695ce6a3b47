"""Thousands of pods on a real API server within seconds, as controllers, kubelets and people make them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import aiohttp

from localkube.api_server import ApiServer
from stridegate.engine.examples import hardened_pod, overlay
from stridegate.kube.reader import find_way_in

Json = dict[str, Any]


def pod(namespace: str, name: str, *, spec: Json | None = None, node: str = "node1", **metadata: Any) -> Json:  # noqa: ANN401 - any field
    """Return a hardened pod on a node, with something laid over its spec."""
    made = overlay(hardened_pod()["spec"], spec or {})
    assert isinstance(made, dict)
    if node:
        made["nodeName"] = node
    return {"metadata": {"namespace": namespace, "name": name, **metadata}, "spec": made}


def security(**fields: Any) -> Json:  # noqa: ANN401 - any field
    """Return a spec to lay over a pod's, that changes the security context of its container."""
    return {"containers": [{"name": "app", "securityContext": fields}]}


PRIVILEGED = security(privileged=True, allowPrivilegeEscalation=None)


def owned(kind: str, name: str, **labels: str) -> Json:
    """Return the metadata of a pod that a controller owns."""
    owner = {"apiVersion": "v1", "kind": kind, "name": name, "uid": f"uid-of-{name}", "controller": True}
    return {"ownerReferences": [owner], **({"labels": labels} if labels else {})}


async def _send(server: ApiServer, requests: Iterable[tuple[str, str, Json]]) -> None:
    way_in = find_way_in(server.kubeconfig)
    turns = asyncio.Semaphore(16)

    async def send(session: aiohttp.ClientSession, method: str, path: str, body: Json) -> None:
        content = "application/merge-patch+json" if method == "PATCH" else "application/json"
        async with (
            turns,
            session.request(method, way_in.server + path, json=body, headers={"Content-Type": content}) as answer,
        ):
            assert answer.status < 300, await answer.text()

    connector = aiohttp.TCPConnector(ssl=way_in.context(), limit=16)
    async with aiohttp.ClientSession(connector=connector) as session:
        await asyncio.gather(*(send(session, *each) for each in requests))


def create(server: ApiServer, pods: Sequence[Mapping[str, Any]]) -> None:
    """Create pods, sixteen at a time."""
    asyncio.run(
        _send(
            server, (("POST", f"/api/v1/namespaces/{each['metadata']['namespace']}/pods", dict(each)) for each in pods)
        )
    )


def report_phase(server: ApiServer, namespace: str, names: Iterable[str], phase: str) -> None:
    """Say of pods what their kubelets would."""
    asyncio.run(
        _send(
            server,
            (
                ("PATCH", f"/api/v1/namespaces/{namespace}/pods/{name}/status", {"status": {"phase": phase}})
                for name in names
            ),
        )
    )


def delete_all(server: ApiServer, namespace: str) -> None:
    """Delete the pods of a namespace."""
    asyncio.run(_send(server, [("DELETE", f"/api/v1/namespaces/{namespace}/pods?gracePeriodSeconds=0", {})]))


def create_namespaces(server: ApiServer, *names: str) -> None:
    """Create namespaces."""
    asyncio.run(_send(server, (("POST", "/api/v1/namespaces", {"metadata": {"name": name}}) for name in names)))
