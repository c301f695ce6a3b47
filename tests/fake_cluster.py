"""An API server with three kinds, for tests of what happens when it answers badly; the real one cannot be made to."""

from __future__ import annotations

import asyncio
import enum
import json
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import yaml
from aiohttp import web

POLICIES = "/apis/stridegate.dev/v1alpha1/hardeningpolicies"
NAMESPACES = "/api/v1/namespaces"
EXEMPTIONS = "/apis/stridegate.dev/v1alpha1/hardeningexemptions"
_PLURALS = {
    POLICIES: ("HardeningPolicy", "hardeningpolicies"),
    NAMESPACES: ("Namespace", "namespaces"),
    EXEMPTIONS: ("HardeningExemption", "hardeningexemptions"),
}


class Watching(enum.Enum):
    """How a watch is answered."""

    WELL = "with events"
    ERROR = "with an error among the events"
    GONE = "with 410"
    BROKEN = "with 500"
    TORN = "with half a line"


class FakeCluster:
    """Serves lists and watches of policies, namespaces and exemptions over plain HTTP, from entering the context to leaving it."""

    def __init__(self, directory: Path) -> None:
        self.watching = Watching.WELL
        self.served = set(_PLURALS)
        # What the account of whoever asks may not list.
        self.refused: set[str] = set()
        self.answering = True
        self.watches = 0
        self._directory = directory
        self._objects: dict[str, dict[str, dict[str, Any]]] = {each: {} for each in _PLURALS}
        self._revision = 10
        self._history: list[tuple[int, str, dict[str, Any]]] = []
        self._listeners: list[tuple[str, asyncio.Queue[dict[str, Any] | None]]] = []
        self._loop = asyncio.new_event_loop()
        self._port = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._started = threading.Event()

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    @property
    def kubeconfig(self) -> Path:
        """A kubeconfig that leads here."""
        path = self._directory / "kubeconfig"
        named = {"name": "fake"}
        config = {
            "current-context": "fake",
            "clusters": [{**named, "cluster": {"server": f"http://127.0.0.1:{self._port}"}}],
            "users": [{**named, "user": {"token": "secret"}}],
            "contexts": [{**named, "context": {"cluster": "fake", "user": "fake"}}],
        }
        path.write_text(yaml.safe_dump(config))
        return path

    def put(self, collection: str, name: str, *, told: bool = True, **fields: Any) -> None:  # noqa: ANN401 - an object's fields
        """Create or change an object; whoever watches now is told, unless not, and whoever resumes a watch later in any case."""
        self._call(lambda: self._put(collection, name, fields, told))

    def delete(self, collection: str, name: str, *, told: bool = True) -> None:
        """Delete an object; told as by put."""
        self._call(lambda: self._delete(collection, name, told))

    def hang_up(self) -> None:
        """End every watch that is open."""
        self._call(self._call_listeners_off)

    def _call(self, change: Callable[[], None]) -> None:
        done = threading.Event()

        def run() -> None:
            change()
            done.set()

        self._loop.call_soon_threadsafe(run)
        done.wait()

    def _put(self, collection: str, name: str, fields: dict[str, Any], told: bool) -> None:
        self._revision += 1
        known = self._objects[collection].get(name)
        kind, _ = _PLURALS[collection]
        metadata = known["metadata"] if known else {"name": name, "uid": f"{name}-{self._revision}"}
        if collection == EXEMPTIONS:
            metadata = {**metadata, "namespace": "shop"}
        labels = {"kubernetes.io/metadata.name": name} if collection == NAMESPACES else {}
        self._objects[collection][name] = {
            "apiVersion": "v1" if collection == NAMESPACES else "stridegate.dev/v1alpha1",
            "kind": kind,
            "metadata": {
                **metadata,
                "labels": {**labels, **fields.pop("labels", {})},
                "resourceVersion": str(self._revision),
                "generation": self._revision,
                "creationTimestamp": metadata.get("creationTimestamp", "2030-01-01T00:00:00Z"),
            },
            **fields,
        }
        self._tell(collection, "MODIFIED" if known else "ADDED", self._objects[collection][name], told)

    def _delete(self, collection: str, name: str, told: bool) -> None:
        self._revision += 1
        gone = self._objects[collection].pop(name)
        gone["metadata"]["resourceVersion"] = str(self._revision)
        self._tell(collection, "DELETED", gone, told)

    def _tell(self, collection: str, kind: str, body: dict[str, Any], told: bool) -> None:
        event = {"type": kind, "object": json.loads(json.dumps(body))}
        self._history.append((self._revision, collection, event))
        for watched, queue in self._listeners:
            if told and watched == collection:
                queue.put_nowait(event)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        application = web.Application()
        application.router.add_get("/{path:.*}", self._answer)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self._port = runner.addresses[0][1]
        self._started.set()
        await self._stop.wait()
        self._call_listeners_off()
        await runner.cleanup()

    def _call_listeners_off(self) -> None:
        for _, queue in self._listeners:
            queue.put_nowait(None)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if not self.answering:
            return web.json_response({"message": "down"}, status=503)
        if request.path in self._objects:
            if request.path not in self.served:
                return web.json_response({"message": "404 page not found"}, status=404)
            if request.path in self.refused:
                return web.json_response({"message": "forbidden"}, status=403)
            return await self._watch(request) if "watch" in request.query else self._list(request)
        discovered = self._discovery().get(request.path)
        return web.json_response(discovered or {"message": "not here"}, status=200 if discovered else 404)

    def _discovery(self) -> dict[str, dict[str, Any]]:
        def resources(collection: str) -> list[dict[str, Any]]:
            kind, plural = _PLURALS[collection]
            verbs = ["get", "list", "watch", "patch"]
            known = [
                {
                    "name": plural,
                    "kind": kind,
                    "namespaced": collection == EXEMPTIONS,
                    "verbs": verbs,
                    "singularName": kind.lower(),
                }
            ]
            return known if collection in self.served else []

        version = {"groupVersion": "stridegate.dev/v1alpha1", "version": "v1alpha1"}
        group = {"name": "stridegate.dev", "versions": [version], "preferredVersion": version}
        return {
            "/version": {"major": "1", "minor": "36"},
            "/api": {"versions": ["v1"]},
            "/apis": {"groups": [group]},
            "/api/v1": {"resources": resources(NAMESPACES)},
            "/apis/stridegate.dev/v1alpha1": {"resources": resources(POLICIES) + resources(EXEMPTIONS)},
        }

    def _list(self, request: web.Request) -> web.Response:
        items = list(self._objects[request.path].values())
        start, limit = int(request.query.get("continue", "0")), int(request.query.get("limit", "0"))
        page = items[start : start + limit] if limit else items[start:]
        metadata: dict[str, Any] = {"resourceVersion": str(self._revision)}
        if start + len(page) < len(items):
            metadata["continue"] = str(start + len(page))
        kind, _ = _PLURALS[request.path]
        return web.json_response({"kind": f"{kind}List", "apiVersion": "v1", "metadata": metadata, "items": page})

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        self.watches += 1
        status = {Watching.GONE: 410, Watching.BROKEN: 500}.get(self.watching, 200)
        if status != 200:
            return web.json_response({"kind": "Status", "code": status, "message": "no"}, status=status)
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        if self.watching is Watching.ERROR:
            event = {"type": "ERROR", "object": {"kind": "Status", "code": 500, "message": "etcd is gone"}}
            await response.write(json.dumps(event).encode() + b"\n")
        elif self.watching is Watching.TORN:
            await response.write(b'{"type":"ADDED","object":{"metad\n')
        else:
            await self._pass_events_on(request.path, int(request.query.get("resourceVersion", "0")), response)
        return response

    async def _pass_events_on(self, collection: str, since: int, response: web.StreamResponse) -> None:
        queue: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        for revision, changed, event in self._history:
            if changed == collection and revision > since:
                queue.put_nowait(event)
        self._listeners.append((collection, queue))
        with suppress(ConnectionError):
            while (told := await queue.get()) is not None:
                await response.write(json.dumps(told).encode() + b"\n")
        self._listeners.remove((collection, queue))
