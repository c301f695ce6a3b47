"""Thousands of pods on a real API server within seconds, as controllers, kubelets and people make them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPSConnection
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from localkube.api_server import ApiServer
from stridegate.engine.examples import hardened_pod, overlay
from stridegate.kube.reader import find_way_in

Json = dict[str, Any]

_CONNECTIONS = 8


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


class Request(NamedTuple):
    """A write; PATCH means a merge patch."""

    method: str
    path: str
    body: Json
    headers: Mapping[str, str] = MappingProxyType({})


def send(server: ApiServer, requests: Sequence[Request]) -> None:
    """Send requests over eight connections."""
    with ThreadPoolExecutor(_CONNECTIONS) as threads:
        list(threads.map(lambda first: _send_some(server, requests[first::_CONNECTIONS]), range(_CONNECTIONS)))


def _send_some(server: ApiServer, requests: Iterable[Request]) -> None:
    way_in = find_way_in(server.kubeconfig)
    with closing(HTTPSConnection(urlsplit(way_in.server).netloc, context=way_in.context())) as connection:
        for each in requests:
            content = "application/merge-patch+json" if each.method == "PATCH" else "application/json"
            headers = {"Content-Type": content, **each.headers}
            connection.request(each.method, each.path, json.dumps(each.body), headers)
            answer = connection.getresponse()
            received = answer.read()
            assert answer.status < 300, received


def create(server: ApiServer, pods: Sequence[Mapping[str, Any]]) -> None:
    """Create pods, in no order."""
    path = "/api/v1/namespaces/{}/pods".format
    send(server, [Request("POST", path(each["metadata"]["namespace"]), dict(each)) for each in pods])


def report_phase(server: ApiServer, namespace: str, names: Iterable[str], phase: str) -> None:
    """Say of pods what their kubelets would."""
    pods = f"/api/v1/namespaces/{namespace}/pods"
    send(server, [Request("PATCH", f"{pods}/{name}/status", {"status": {"phase": phase}}) for name in names])


def delete_all(server: ApiServer, namespace: str) -> None:
    """Delete the pods of a namespace."""
    send(server, [Request("DELETE", f"/api/v1/namespaces/{namespace}/pods?gracePeriodSeconds=0", {})])


def create_namespaces(server: ApiServer, *names: str) -> None:
    """Create namespaces."""
    send(server, [Request("POST", "/api/v1/namespaces", {"metadata": {"name": name}}) for name in names])
